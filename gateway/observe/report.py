"""What a viewer saw, read from the JSON it sends (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.json_fields import as_mapping, items, mapping, number, one_of, text
from gateway.names import parse_camera_name
from gateway.negotiate.wishes import RungName

MAX_RUNS: Final = 20
"""Tries of one viewing that are kept, the last ones."""

MAX_END: Final = 80
"""Characters of what says why one ended; the rest is cut off, and what is not ASCII is not kept."""

_MAX_PAIR: Final = 16
_LONGEST_S: Final = 400 * 86400.0
_SESSION = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True)
class RungRun:
    """One try at one rung, `at_s` seconds after the viewer began.

    `first_frame_s` is counted from there, None where no picture came; `end` says why it ended, None while it runs.
    """

    rung: RungName
    at_s: float
    first_frame_s: float | None
    end: str | None


class RenditionName(StrEnum):
    """What WebRTC can bring of a camera."""

    MAIN = "main"
    SUBSTREAM = "substream"


@dataclass(frozen=True, slots=True)
class RenditionRun:
    """From `at_s` seconds after the viewer began it was sent this; `reason` says why if it is not all there is."""

    rendition: RenditionName
    at_s: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The candidate pair that media goes by: `udp` or `tcp`, and `host`, `srflx`, `prflx` or `relay`."""

    protocol: str
    type: str


@dataclass(frozen=True, slots=True)
class Report:
    """All of one viewing so far: `session` names it, `start_s` is the time to the first picture.

    None is what the viewer does not know (yet).
    """

    camera: str
    session: str
    start_s: float | None = None
    watched_s: float = 0.0
    stalled_s: float = 0.0
    latency_s: float | None = None
    rungs: tuple[RungRun, ...] = ()
    renditions: tuple[RenditionRun, ...] = ()
    pair: Pair | None = None

    def as_json(self) -> dict[str, Any]:
        """As it came, without what names the viewer."""
        return {
            "start_s": self.start_s,
            "watched_s": self.watched_s,
            "stalled_s": self.stalled_s,
            "latency_s": self.latency_s,
            "rungs": [
                {"rung": run.rung.value, "at_s": run.at_s, "first_frame_s": run.first_frame_s, "end": run.end}
                for run in self.rungs
            ],
            "renditions": [
                {"rendition": run.rendition.value, "at_s": run.at_s, "reason": run.reason} for run in self.renditions
            ],
            "pair": None if self.pair is None else {"protocol": self.pair.protocol, "type": self.pair.type},
        }


def parse_report(value: object) -> Report:
    """Read a report; raises BadRequest with the key that is wrong.  Keys that are not known are ignored."""
    found = as_mapping("report", value)
    return Report(
        camera=_camera(found.get("camera")),
        session=_session(found.get("session")),
        start_s=_seconds(found, "start_s"),
        watched_s=_seconds(found, "watched_s") or 0.0,
        stalled_s=_seconds(found, "stalled_s") or 0.0,
        latency_s=_seconds(found, "latency_s"),
        rungs=tuple(_run(item, index) for index, item in enumerate(items(found, "rungs")))[-MAX_RUNS:],
        renditions=tuple(_rendition(item, index) for index, item in enumerate(items(found, "renditions")))[-MAX_RUNS:],
        pair=_pair(mapping(found, "pair")),
    )


def _camera(found: object) -> str:
    if not isinstance(found, str):
        raise BadRequest("camera: say which camera was watched")
    try:
        return parse_camera_name(found)
    except ValueError:
        raise BadRequest("camera: this is no camera's name") from None


def _session(found: object) -> str:
    if not isinstance(found, str) or not _SESSION.fullmatch(found):
        raise BadRequest("session: must be 8 to 64 letters, digits, '_' or '-', new for each viewing")
    return found


def _seconds(value: Mapping[str, Any], key: str) -> float | None:
    return number(value, key, most=_LONGEST_S)


def _rendition(item: object, index: int) -> RenditionRun:
    key = f"renditions[{index}]"
    run = as_mapping(key, item)
    reason = run.get("reason")
    return RenditionRun(
        one_of(f"{key}.rendition", run.get("rendition"), RenditionName),
        _began(run, key),
        _why(f"{key}.reason", reason),
    )


def _began(run: Mapping[str, Any], key: str) -> float:
    at_s = _seconds(run, f"{key}.at_s")
    if at_s is None:
        raise BadRequest(f"{key}.at_s: say how many seconds after the start it began")
    return at_s


def _run(item: object, index: int) -> RungRun:
    key = f"rungs[{index}]"
    run = as_mapping(key, item)
    at_s = _began(run, key)
    end = run.get("end")
    return RungRun(
        one_of(f"{key}.rung", run.get("rung"), RungName),
        at_s,
        _seconds(run, f"{key}.first_frame_s"),
        _why(f"{key}.end", end),
    )


def _pair(pair: Mapping[str, Any]) -> Pair | None:
    if not pair:
        return None
    protocol, type_ = text("pair.protocol", pair.get("protocol")), text("pair.type", pair.get("type"))
    return Pair(_plain(protocol[:_MAX_PAIR]), _plain(type_[:_MAX_PAIR]))


def _why(key: str, found: object) -> str | None:
    """Somebody's words, of whatever length: a report is not lost for those."""
    if found is None:
        return None
    if not isinstance(found, str):
        raise BadRequest(f"{key}: must be text")
    return _plain(found[:MAX_END].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def _plain(words: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in words)
