"""Strings parts together into numbered segments, and says when each is finished (pure).

A segment that ends with a part shorter than usual is told of as finished only together with the first part of the next.
A player still busy with the part before would otherwise learn of two things at once, and hls.js 1.7.4 makes a hang of
it: it notes a segment as loaded that it knows to be finished and has begun to load part by part
(`FragmentTracker.detectPartialFragments`), and never asks for that segment's last part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.hls.window import OpenSegment, Part, SegmentStart, Window
from gateway.media.units import VIDEO_CLOCK_RATE


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a packager goes on counting from, so that a camera's playlist never goes back.

    Segments begin at 1: hls.js 1.7.4 takes segment 0 for none (`fragment.sn || -1` in its fragment tracker), forgets
    that it has its parts and loads them for ever.
    """

    msn: int = 1
    part: int = 0
    init: int = 0
    discontinuity_sequence: int = 0


@dataclass(frozen=True, slots=True)
class _Ended:
    """A segment that has all its parts and is not told of as finished yet."""

    start: SegmentStart
    parts: tuple[Part, ...]
    duration: int


class SegmentMaker:
    """The segment that is being made, and the window of those before; `on_change` is called as the playlist changes."""

    def __init__(self, window: Window, *, msn: int, on_change: Callable[[], None]) -> None:
        self.next_msn = msn
        """Of the segment that the next part will be of."""
        self._window = window
        self._on_change = on_change
        self._start: SegmentStart | None = None
        self._parts: list[Part] = []
        self._ended: _Ended | None = None

    @property
    def start(self) -> SegmentStart | None:
        """The beginning of the segment that is being made, None between two of them."""
        return self._start

    @property
    def open(self) -> OpenSegment | None:
        """What a playlist tells of the newest segment as long as it does not tell that it is finished."""
        if self._ended is not None:
            return OpenSegment(self._ended.start, self._ended.parts)
        return OpenSegment(self._start, tuple(self._parts)) if self._start and self._parts else None

    @property
    def discontinuities(self) -> int:
        """How many of the segments that are in no playlist as finished begin with a discontinuity."""
        starts = (self._start, None if self._ended is None else self._ended.start)
        return sum(start is not None and start.discontinuity for start in starts)

    def begin(self, start: SegmentStart) -> None:
        """The segment that the parts to come are of."""
        self._start = start

    def add(self, part: Part) -> None:
        """The next part of it."""
        self._settle()
        self._parts.append(part)
        self._window.add_part(part)
        self._on_change()

    def end(self, boundary: int, *, told_later: bool = False) -> None:
        """It ends at `boundary` / 90000 s; one without a part never was.

        `told_later` leaves it unfinished in the playlist until there is a part of the next.
        """
        self._settle()
        start, self._start = self._start, None
        parts, self._parts = tuple(self._parts), []
        if start is None or not parts:
            return
        self.next_msn += 1
        self._ended = _Ended(start, parts, boundary - start.media_time)
        if not told_later:
            self._settle()
            self._on_change()

    def end_before_newest(self, boundary: int) -> None:
        """End it at `boundary` / 90000 s, and make its newest part a segment of its own if it is not the only one."""
        start, parts = self._start, self._parts
        if start is not None and len(parts) > 1:
            newest = parts.pop()
            split_at = boundary - newest.duration
            self.end(split_at)
            date = start.date + (split_at - start.media_time) / VIDEO_CLOCK_RATE
            self._start = replace(
                start,
                msn=self.next_msn,
                media_time=split_at,
                date=date,
                discontinuity=False,
                # If there is a keyframe in a part, it need not be its first picture.
                independent=False,
            )
            self._parts = [newest]
        self.end(boundary)

    def add_gap(self, start: SegmentStart, duration: int) -> None:
        """A time without pictures, for `duration` / 90000 s; nothing may be open."""
        self._window.add_gap(start, duration)
        self.next_msn += 1
        self._on_change()

    def _settle(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            self._window.close(ended.start, ended.parts, ended.duration)
