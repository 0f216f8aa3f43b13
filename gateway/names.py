"""Decides what a camera may be called, so that every name has its own URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MAX_SEGMENTS: Final = 8
MAX_SEGMENT_LENGTH: Final = 64

RESERVED_FIRST: Final = frozenset({"api", "g", "static", "metrics", "healthz", "readyz", "login"})
"""Words the gateway answers itself as the first part of a path."""

RESERVED_ANYWHERE: Final = frozenset({"whep", "_hls", "snapshot.jpg", "index.m3u8"})
"""Words that end a camera's name in a URL."""

RESERVED_LAST: Final = frozenset({"negotiate", "sign"})
"""Words that follow a camera's name below `/api/cameras/`."""

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def parse_camera_name(text: str) -> str:
    """Returns `text` if it is a camera's name, else raises ValueError with the reason in one sentence."""
    segments = text.split("/")
    if not text:
        raise ValueError("a camera needs a name")
    if len(segments) > MAX_SEGMENTS:
        raise ValueError(
            f"a camera's name has at most {MAX_SEGMENTS} parts between slashes, this one has {len(segments)}"
        )
    for segment in segments:
        _check_segment(segment)
    if segments[0] in RESERVED_FIRST:
        raise ValueError(f"a camera's name can't begin with '{segments[0]}': the gateway uses that address itself")
    if segments[-1] in RESERVED_LAST:
        raise ValueError(f"a camera's name can't end with '{segments[-1]}': the gateway uses that address itself")
    return text


def prefix_conflicts(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs (shorter, longer) where one name is the leading segments of another, in order of the longer.

    Such a pair would share URLs: `/yard/index.m3u8` belongs to `yard`, whatever `yard/gate` is called.
    """
    known = sorted(set(names))
    present = set(known)
    conflicts = []
    for name in known:
        segments = name.split("/")
        leading = ("/".join(segments[:count]) for count in range(1, len(segments)))
        conflicts += [(shorter, name) for shorter in leading if shorter in present]
    return conflicts


def check_prefix_free(names: Iterable[str]) -> None:
    """Raises ValueError naming the first two cameras of which one's name begins with the other's."""
    for shorter, longer in prefix_conflicts(names):
        raise ValueError(describe_conflict(shorter, longer))


def describe_conflict(shorter: str, longer: str) -> str:
    """The sentence for one pair of `prefix_conflicts`."""
    return f"'{longer}' lies below the camera '{shorter}', so their addresses collide: rename one of them"


def _check_segment(segment: str) -> None:
    if not segment:
        raise ValueError("a camera's name has no empty part: no slash at either end, none doubled")
    if segment in RESERVED_ANYWHERE:
        raise ValueError(f"a camera's name can't contain the part '{segment}': the gateway uses that address itself")
    if len(segment) > MAX_SEGMENT_LENGTH:
        raise ValueError(f"each part of a camera's name has at most {MAX_SEGMENT_LENGTH} characters")
    if not _SEGMENT.fullmatch(segment):
        raise ValueError(
            "a camera's name is made of letters A-Z a-z, digits, '_', '.', '-', with '/' between parts, "
            "and each part begins with a letter or digit"
        )
