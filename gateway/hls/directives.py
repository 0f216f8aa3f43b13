"""Delivery directives of a playlist request: what they say, and whether to answer now, wait or refuse (pure).

rfc8216bis sections 6.2.5.2 (blocking reload) and 6.2.5.1 (delta updates).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from gateway.errors import BadRequest
from gateway.hls.cadence import MIN_PART_SHARE, ROUNDING_S
from gateway.hls.window import Snapshot, seconds

BLOCK_TARGETS: Final = 3
"""A request is held for at most this many target durations."""

_MSN_AHEAD: Final = 2
_ADVANCE_S: Final = 3.0
_MAX_DIGITS: Final = 15


class Decision(Enum):
    """What to do with a request right now."""

    ANSWER = auto()
    WAIT = auto()


@dataclass(frozen=True, slots=True)
class Directives:
    """`msn` and `part` name what the playlist must hold; `skip` asks for a delta update."""

    msn: int | None = None
    part: int | None = None
    skip: bool = False


def parse_directives(query: Mapping[str, str]) -> Directives:
    """Read `_HLS_msn`, `_HLS_part` and `_HLS_skip`; raises BadRequest.  Other parameters are none of our business."""
    msn = _number(query, "_HLS_msn")
    part = _number(query, "_HLS_part")
    if part is not None and msn is None:
        raise BadRequest("_HLS_part: needs _HLS_msn beside it")
    skip = query.get("_HLS_skip")
    if skip not in (None, "YES", "v2"):
        raise BadRequest("_HLS_skip: must be YES or v2")
    return Directives(msn, part, skip is not None)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS:
        raise BadRequest(f"{name}: must be a whole number")
    return int(text)


def advance_part_limit(snapshot: Snapshot) -> int:
    """How many parts ahead a request may ask (section 6.2.5.2), and always to the end of the segment being made.

    hls.js without low latency asks for a segment's last part when it has begun, however long that segment is.
    """
    longest_s = (snapshot.target_duration_s + ROUNDING_S) / MIN_PART_SHARE
    return max(3, math.ceil(max(_ADVANCE_S, longest_s) / seconds(snapshot.part_target)))


def decide(directives: Directives, snapshot: Snapshot) -> Decision:
    """Whether the playlist holds what was asked for; raises BadRequest for what is too far ahead."""
    msn, part = directives.msn, directives.part
    if msn is None:
        return Decision.ANSWER
    last = snapshot.last_msn
    if msn > last + _MSN_AHEAD:
        raise BadRequest(f"_HLS_msn: {msn} is too far ahead, the newest segment is {last}", code="too_far_ahead")
    if msn > last:
        ahead = 0 if part is None else part + 1
    elif msn == last:
        ahead = 0 if part is None else part - snapshot.last_part
    else:
        return Decision.ANSWER
    if ahead > advance_part_limit(snapshot):
        raise BadRequest(f"_HLS_part: {part} is too far ahead", code="too_far_ahead")
    return Decision.ANSWER if _holds(snapshot, msn, part) else Decision.WAIT


def _holds(snapshot: Snapshot, msn: int, part: int | None) -> bool:
    finished = snapshot.segments[-1].start.msn if snapshot.segments else -1
    if part is None:
        return msn <= finished
    if msn < finished:
        return True
    if msn == finished:
        # Past the end of a segment means the first part of the next (section 6.2.5.2); a gap will never have any.
        newest = snapshot.segments[-1]
        return newest.is_gap or part < len(newest.parts) or snapshot.open is not None
    return snapshot.open is not None and msn == snapshot.open.start.msn and part < len(snapshot.open.parts)
