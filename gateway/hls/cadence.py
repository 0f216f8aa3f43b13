"""Decides how long parts and segments are to be, from what a camera's pictures are like (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.media.timestamps import DEFAULT_INTERVAL
from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit

MIN_PART_SHARE: Final = 0.85
"""Parts are at least this share of the part target, save the last of a segment (rfc8216bis section 4.4.4.9)."""

_ROOM: Final = 1.02
"""The target above the usual part's length, for timestamps that waver."""

_FEW_PICTURES: Final = (2, 3)
_ROOM_OF_FEW: Final = 1.08
"""Of few pictures a part can't leave one to the next without missing its least length: this lies in the middle."""

_TICKS_PER_MS: Final = VIDEO_CLOCK_RATE // 1000
ROUNDING_S: Final = 0.49
"""A segment may be this much longer than the target duration: durations are compared rounded (section 4.4.3.1)."""

SHORT_BY: Final = 0.1
"""A segment may be shorter than its nominal length by this share, rather than longer by a group of pictures."""

_GOP_SLACK_S: Final = 0.25
_UNKNOWN_GOP_S: Final = 4.0
_ENOUGH_PICTURES: Final = 8
_SAID_TOLERANCE: Final = 0.3
_LOST_S: Final = 0.5
_LOST_INTERVALS: Final = 4


@dataclass(frozen=True, slots=True)
class Cadence:
    """Lengths in 1/90000 s, but for the target duration in whole seconds.

    A segment ends at the first keyframe after `segment`, and at `segment_limit` even without one.
    """

    interval: int
    part_target: int
    segment: int
    segment_limit: int
    target_duration_s: int
    part_minimum: int = field(init=False)
    """The shortest a part may be that is not the last of its segment."""

    lost: int = field(init=False)
    """From this step between pictures on, something is missing."""

    def __post_init__(self) -> None:
        # Once, not for each picture.
        object.__setattr__(self, "part_minimum", math.ceil(self.part_target * MIN_PART_SHARE))
        object.__setattr__(self, "lost", max(round(_LOST_S * VIDEO_CLOCK_RATE), _LOST_INTERVALS * self.interval))


def usual_interval(units: Sequence[AccessUnit]) -> int:
    """Ticks from picture to picture in a group of them: as the source says, unless they are clearly otherwise.

    What the source says is measured, or, of a camera just opened, declared by the camera; and that may be wrong.
    """
    said = (units[-1].duration if units else 0) or DEFAULT_INTERVAL
    if len(units) < _ENOUGH_PICTURES or units[-1].dts <= units[0].dts:
        return said
    measured = max(1, round((units[-1].dts - units[0].dts) / (len(units) - 1)))
    return said if abs(measured - said) <= said * _SAID_TOLERANCE else measured


def part_target(interval: int, *, part_s: float) -> int:
    """The part target for pictures `interval` ticks apart: as many whole ones as fit `part_s`, at least one.

    Whole milliseconds, for that is how a playlist writes it.
    """
    count = max(1, int(part_s * VIDEO_CLOCK_RATE / interval + 0.05))
    room = _ROOM_OF_FEW if count in _FEW_PICTURES else _ROOM
    return math.ceil(count * interval * room / _TICKS_PER_MS) * _TICKS_PER_MS


def choose(interval: int, *, gop_s: float | None, group_s: float, part_s: float, segment_s: float) -> Cadence:
    """The cadence for a camera.

    `gop_s` is the length of its last group of pictures where that is known, `group_s` how long the present one is so
    far.  The target duration can't be changed later, so it must hold the longest group to come.
    """
    longest_s = max(gop_s or 0.0, group_s)
    if gop_s is None:
        longest_s = max(_UNKNOWN_GOP_S, 1.5 * group_s)
    length_s = segment_s
    if longest_s > 0:
        # A segment is as many groups as reach the nominal length.
        length_s = longest_s * max(1, math.ceil(segment_s / longest_s - SHORT_BY))
    target = part_target(interval, part_s=part_s)
    target_duration_s = max(1, math.ceil(max(length_s, segment_s, target / VIDEO_CLOCK_RATE) - _GOP_SLACK_S))
    return Cadence(
        interval=interval,
        part_target=target,
        segment=round(segment_s * (1 - SHORT_BY) * VIDEO_CLOCK_RATE),
        segment_limit=round((target_duration_s + ROUNDING_S) * VIDEO_CLOCK_RATE),
        target_duration_s=target_duration_s,
    )


def slowed(cadence: Cadence, interval: int, *, part_s: float) -> Cadence:
    """The cadence for pictures `interval` ticks apart from now on.

    The part target grows where a part could no longer hold one of them, and never shrinks.
    """
    if interval <= 0:
        return cadence
    target = cadence.part_target if interval <= cadence.part_target else part_target(interval, part_s=part_s)
    return replace(cadence, interval=interval, part_target=target)
