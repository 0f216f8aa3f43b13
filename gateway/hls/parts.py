"""Makes parts of pictures and sound, and foretells where each ends (pure).

A part's length must be known when it is told of, one picture before anyone knows when its last picture ends.  So the
end is foretold from the usual interval, and the next part's first picture is moved there: by what the camera's
timestamps waver, a few milliseconds.  All other pictures keep their times, parts follow each other without a hole,
and no error adds up, because every end is foretold from the camera's own timestamp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.hls.cadence import Cadence
from gateway.hls.fmp4 import AUDIO_TRACK_ID, VIDEO_TRACK_ID, AvcEntry, Run, Sample, fragment, headers_size
from gateway.hls.samples import Sets, coded, with_sets
from gateway.hls.sound import AudioLane
from gateway.hls.window import Part
from gateway.media.units import AccessUnit


class _Placed(NamedTuple):
    """A picture at its decoding time in the media, after parameter sets that are `known`; `sets` are to be in it."""

    unit: AccessUnit
    time: int
    known: AvcEntry | None
    sets: Sets | None


class _Draft:
    """A part that nobody has asked for yet.  It holds what the source made, which the camera's group may share."""

    __slots__ = ("_begin", "_end", "_number", "_pictures", "_sound", "size")

    def __init__(self, number: int, pictures: Sequence[_Placed], sound: Run | None, *, begin: int, end: int) -> None:
        self._number = number
        self._pictures = pictures
        self._sound = sound
        self._begin = begin
        self._end = end
        counts = {VIDEO_TRACK_ID: len(pictures)}
        # As a rule start codes of four bytes become lengths of four bytes.
        self.size = sum([len(placed.unit.data) for placed in pictures])
        if sound is not None:
            counts[AUDIO_TRACK_ID] = len(sound.samples)
            self.size += sum([sample.size for sample in sound.samples])
        self.size += headers_size(counts)

    def write(self) -> bytes:
        ends = [placed.time for placed in self._pictures[1:]] + [self._end]
        samples = [_sample(placed, end) for placed, end in zip(self._pictures, ends, strict=True)]
        runs = [Run(VIDEO_TRACK_ID, self._begin, samples)]
        if self._sound is not None:
            runs.append(self._sound)
        return fragment(self._number + 1, runs)


def _sample(placed: _Placed, end: int) -> Sample:
    unit = placed.unit
    sample = coded(unit, known=placed.known)
    if placed.sets is not None:
        sample = with_sets(sample, placed.sets)
    return Sample(
        sample.pieces,
        sample.size,
        end - placed.time,
        sync=unit.keyframe,
        # Without reordering a picture that is moved is moved as a whole.
        composition_offset=0 if unit.pts == unit.dts else unit.pts - placed.time,
    )


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

    def add(self, unit: AccessUnit, *, known: AvcEntry | None, sets: Sets | None = None) -> None:
        """The next picture: parameter sets that are `known` are left out of it, `sets` put before it."""
        time = max(unit.dts, self._pictures[-1].time + 1) if self._pictures else self.boundary
        self._pictures.append(_Placed(unit, time, known, sets))

    def is_full(self, cadence: Cadence) -> bool:
        """Whether one more picture would be too many.

        With timestamps that waver, both one more and none may miss the lengths a part can have; then what moves the
        next picture less.
        """
        if not self._pictures:
            return False
        length = self.foretold_end(cadence) - self.boundary
        too_long = length + cadence.interval - cadence.part_target
        return too_long > 0 and too_long >= cadence.part_minimum - length

    def is_over(self, dts: int, cadence: Cadence) -> bool:
        """Whether a picture at `dts` is too late for this part."""
        return bool(self._pictures) and dts >= self.boundary + cadence.part_target

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
        sound = self.lane.take(begin=begin, end=self.boundary) if self.lane else None
        draft = _Draft(number, pictures, sound, begin=begin, end=self.boundary)
        return Part(number, draft, duration, independent=any(placed.unit.keyframe for placed in pictures))
