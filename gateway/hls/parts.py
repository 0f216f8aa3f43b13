"""Makes parts of pictures and sound, and foretells where each ends (pure).

A part's length must be known when it is told of, one picture before anyone knows when its last picture ends.  So the
end is foretold from the usual interval, and the next part's first picture is moved there: by what the camera's
timestamps waver, a few milliseconds.  All other pictures keep their times, parts follow each other without a hole,
and no error adds up, because every end is foretold from the camera's own timestamp.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.hls.cadence import Cadence
from gateway.hls.fmp4 import VIDEO_TRACK_ID, Run, Sample, fragment
from gateway.hls.samples import Coded
from gateway.hls.sound import AudioLane
from gateway.hls.window import Part
from gateway.media.units import AccessUnit


@dataclass(frozen=True, slots=True)
class _Placed:
    """A picture at its decoding time in the media."""

    unit: AccessUnit
    sample: Coded
    time: int


class PartMaker:
    """Makes one part after the other.  Times count in 1/90000 s."""

    def __init__(self, *, first_number: int, lane: AudioLane | None) -> None:
        self.lane = lane
        self.boundary = 0
        """Where the last part ends; the next begins there."""
        self.next_number = first_number
        self._pictures: list[_Placed] = []

    @property
    def is_open(self) -> bool:
        """Whether there are pictures that are in no part yet."""
        return bool(self._pictures)

    def foretold_end(self, cadence: Cadence) -> int:
        """Where the pictures so far end, as far as can be known."""
        return self._pictures[-1].unit.dts + cadence.interval if self._pictures else self.boundary

    def add(self, unit: AccessUnit, sample: Coded) -> None:
        """The next picture."""
        time = max(unit.dts, self._pictures[-1].time + 1) if self._pictures else self.boundary
        self._pictures.append(_Placed(unit, sample, time))

    def is_full(self, cadence: Cadence) -> bool:
        """Whether one more picture would be too many.

        With timestamps that waver, both one more and none may miss the lengths a part can have; then what moves the
        next picture less.
        """
        if not self.is_open:
            return False
        length = self.foretold_end(cadence) - self.boundary
        too_long = length + cadence.interval - cadence.part_target
        return too_long > 0 and too_long >= cadence.part_minimum - length

    def is_over(self, dts: int, cadence: Cadence) -> bool:
        """Whether a picture at `dts` is too late for this part."""
        return self.is_open and dts >= self.boundary + cadence.part_target

    def end(self, cadence: Cadence, *, at: int | None = None, shortest: int = 0) -> Part:
        """The part that the pictures so far make, at least `shortest` long; there must be some.

        `at` is where the next picture stands, where that is known.
        """
        begin, pictures = self.boundary, self._pictures
        end = self.foretold_end(cadence) if at is None else at
        least = max(shortest, pictures[-1].time + 1 - begin)
        duration = min(max(end - begin, least), cadence.part_target)
        self.boundary = begin + duration
        self._pictures = []
        number = self.next_number
        self.next_number += 1
        data = fragment(number + 1, self._runs(begin, pictures))
        return Part(number, data, duration, any(placed.unit.keyframe for placed in pictures))

    def _runs(self, begin: int, pictures: list[_Placed]) -> list[Run]:
        ends = [placed.time for placed in pictures[1:]] + [self.boundary]
        samples = [
            Sample(
                placed.sample.pieces,
                placed.sample.size,
                end - placed.time,
                sync=placed.unit.keyframe,
                # Without reordering a picture that is moved is moved as a whole.
                composition_offset=0 if placed.unit.pts == placed.unit.dts else placed.unit.pts - placed.time,
            )
            for placed, end in zip(pictures, ends, strict=True)
        ]
        runs = [Run(VIDEO_TRACK_ID, begin, samples)]
        sound = self.lane.take(begin=begin, end=self.boundary) if self.lane else None
        if sound is not None:
            runs.append(sound)
        return runs
