"""Puts pictures of one rendition onto the timeline of another of the same camera, by when they were captured (pure).

A viewer that moves between the two must never see timestamps go back or come twice, so pictures also keep the place
they arrive in: none is later than half an interval after the other rendition's newest, whose next one comes after that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit

_JUMP: Final = VIDEO_CLOCK_RATE // 2
"""What differs by more is not moved there little by little."""

_SLEW: Final = 50
"""A picture's place moves by a part in so many of its interval."""

_ALIVE_S: Final = 1.0
"""Where the other rendition's newest picture is older than this, nothing need wait for its next."""


class Retiming:
    """One rendition's pictures, in order; none of them may be shown in another order than they come in."""

    def __init__(self) -> None:
        self._shift: int | None = None
        self._last: int | None = None

    def place(self, unit: AccessUnit, newest: AccessUnit, *, ahead: bool) -> AccessUnit:
        """The picture on the timeline of `newest`, the other rendition's newest one.

        `ahead`: there are viewers that have seen that one and go on with this.
        """
        apart_s = unit.captured_at - newest.captured_at
        true = newest.pts + round(apart_s * VIDEO_CLOCK_RATE)
        out = self._slewed(true - unit.pts, unit.duration) + unit.pts
        if apart_s < _ALIVE_S:
            out = min(out, newest.pts + newest.duration // 2)
        if ahead:
            out = max(out, newest.pts + 1)
        if self._last is not None:
            out = max(out, self._last + 1)
        self._shift, self._last = out - unit.pts, out
        captured_at = newest.captured_at + (out - newest.pts) / VIDEO_CLOCK_RATE
        return replace(unit, pts=out, dts=out, captured_at=captured_at)

    def _slewed(self, target: int, duration: int) -> int:
        if self._shift is None or abs(target - self._shift) > _JUMP:
            return target
        most = max(1, duration // _SLEW)
        return self._shift + max(-most, min(most, target - self._shift))
