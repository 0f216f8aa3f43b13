"""What is asked for below `_hls/{generation}/`, and what it is answered (pure)."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from gateway.errors import GatewayError, NotFound
from gateway.hls.directives import Directives, parse_directives
from gateway.hls.playlist import MEDIA_TYPE

PLAYLIST: Final = "live.m3u8"
VIDEO: Final = "video/mp4"
IMMUTABLE: Final = "max-age=3600, immutable"

_REMEMBERED: Final = 256
_NAME = re.compile(r"(?P<kind>p|s|init)(?P<number>0|[1-9][0-9]{0,14})\.(?P<suffix>m4s|mp4)")
_ONE_WAY = re.compile(
    rb"(?P<name>[a-z0-9]{1,20}\.[a-z0-9]{1,4})"
    rb"(?:\?_HLS_msn=(?P<msn>[0-9]{1,15})(?:&_HLS_part=(?P<part>[0-9]{1,15}))?(?:&_HLS_skip=(?P<skip>YES|v2))?)?"
)


class Kind(Enum):
    """What a playlist leads to, itself included."""

    PLAYLIST = auto()
    PART = auto()
    SEGMENT = auto()
    INIT = auto()


_KINDS: Final[Mapping[str, Kind]] = {"p": Kind.PART, "s": Kind.SEGMENT, "init": Kind.INIT}


@dataclass(frozen=True, slots=True)
class Child:
    """`number` is a part's or initialization section's own, or a segment's media sequence number."""

    kind: Kind
    number: int = 0
    directives: Directives = field(default_factory=Directives)


@dataclass(frozen=True, slots=True)
class Answer:
    """The body and what any cache may know of it; `gzipped` is None for media, which does not get smaller."""

    body: bytes
    cache_control: str
    gzipped: bytes | None = None

    def content(self, *, gzip: bool) -> bytes:
        """What is sent to who takes gzip, or doesn't."""
        return self.gzipped if gzip and self.gzipped is not None else self.body

    def headers(self, *, gzip: bool) -> dict[str, str]:
        """Those of its own; neither length nor date."""
        if self.gzipped is None:
            return {"Content-Type": VIDEO, "Cache-Control": self.cache_control, "Accept-Ranges": "bytes"}
        headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": self.cache_control, "Vary": "Accept-Encoding"}
        return headers | {"Content-Encoding": "gzip"} if gzip else headers


def read_child(name: str, query: Mapping[str, str]) -> Child:
    """What a name and the parameters of a playlist ask for; raises NotFound, or BadRequest for directives."""
    if name == PLAYLIST:
        return Child(Kind.PLAYLIST, directives=parse_directives(query))
    found = _NAME.fullmatch(name)
    if found is None or (found["kind"] == "init") != (found["suffix"] == "mp4"):
        raise NotFound("There is nothing of that name")
    return Child(_KINDS[found["kind"]], int(found["number"]))


# All who watch a camera ask for the same at the same time.
@functools.lru_cache(maxsize=_REMEMBERED)
def read_one_way(raw: bytes) -> Child | None:
    """The same of the raw end of a request's target, if there are no two ways to read it; None if there may be."""
    found = _ONE_WAY.fullmatch(raw)
    if found is None:
        return None
    query = {f"_HLS_{key}": found[key].decode() for key in ("msn", "part", "skip") if found[key] is not None}
    try:
        return read_child(found["name"].decode(), query)
    except GatewayError:
        return None
