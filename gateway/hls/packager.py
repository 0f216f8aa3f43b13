"""Makes parts and segments of a camera's access units (pure: units and times in, a window of bytes out).

A part's length must be known when it is told of, one picture before anyone knows when its last picture ends.  So the
end is foretold from the usual interval, and the next part's first picture is moved there: by what the camera's
timestamps waver, a few milliseconds.  All other pictures keep their times, parts follow each other without a hole,
and no error adds up, because every end is foretold from the camera's own timestamp.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.hls.cadence import Cadence, choose, part_target, usual_interval
from gateway.hls.fmp4 import VIDEO_TRACK_ID, AvcEntry, Run, Sample, fragment, initialization
from gateway.hls.samples import Coded, audio_entry, avc_entry, coded
from gateway.hls.sound import AudioLane
from gateway.hls.window import OpenSegment, Part, SegmentStart, Snapshot, Window
from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit, StreamInfo, TrackKind

MAX_BYTES: Final = 64 << 20
_ABSENT_SLACK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Lengths:
    """What is asked for, in seconds; `segments` is how many a playlist lists."""

    part_s: float = 0.2
    segment_s: float = 1.0
    segments: int = 12


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a packager goes on counting from, so that a camera's playlist never goes back."""

    msn: int = 0
    part: int = 0
    init: int = 0
    discontinuity_sequence: int = 0


@dataclass(slots=True)
class PackagerCounters:
    """What was left out, in access units, and how often something was begun anew."""

    waiting_for_keyframe: int = 0
    unusable: int = 0
    discontinuities: int = 0
    gaps: int = 0
    cut_without_keyframe: int = 0


@dataclass(slots=True)
class _OpenPart:
    begin: int
    units: list[tuple[AccessUnit, Coded, int]]
    """Pictures with their decoding times in the media."""


class Packager:
    """One camera's state from its first keyframe on; `on_part` is called after each part that becomes available."""

    def __init__(
        self,
        stream: StreamInfo,
        lengths: Lengths,
        *,
        gop_s: float | None = None,
        numbers: Numbers | None = None,
        on_part: Callable[[], None] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        numbers = numbers or Numbers()
        self.counters = PackagerCounters()
        self.window = Window(max_segments=lengths.segments, max_bytes=max_bytes)
        self.window.discontinuity_sequence = numbers.discontinuity_sequence
        self._stream = stream
        self._lengths = lengths
        self._gop_s = gop_s
        self._on_part = on_part or (lambda: None)
        self._cadence: Cadence | None = None
        self._entry: AvcEntry | None = None
        self._lane = _lane(stream)
        self._msn = numbers.msn
        self._next_part = numbers.part
        self._init = numbers.init
        # What follows another packager's segments does not continue them.
        self._broken = numbers.msn > 0
        self._needs_keyframe = True
        self._needs_init = True
        self._segment: SegmentStart | None = None
        self._parts: list[Part] = []
        self._part: _OpenPart | None = None
        self._boundary = 0
        """Where the last part ends; the next begins there."""
        self._last: AccessUnit | None = None

    # What is asked of it.

    @property
    def stream(self) -> StreamInfo:
        """The tracks as they are now."""
        return self._stream

    @property
    def lane(self) -> AudioLane | None:
        """The sound, None where there is none that can be carried."""
        return self._lane

    @property
    def started(self) -> bool:
        """Whether a keyframe was packaged."""
        return self._last is not None

    @property
    def next_part(self) -> int:
        """The number of the part that is made next."""
        return self._next_part

    @property
    def ready(self) -> bool:
        """Whether there is a playlist: at least one whole segment."""
        return bool(self.window.segments)

    @property
    def numbers(self) -> Numbers:
        """Where the next packager of this camera goes on."""
        left = sum(segment.start.discontinuity for segment in self.window.segments)
        left += self._segment is not None and self._segment.discontinuity
        return Numbers(self._msn + 1, self._next_part, self._init, self.window.discontinuity_sequence + left)

    def snapshot(self) -> Snapshot:
        """What there is right now; only once `ready`."""
        if self._cadence is None:
            raise RuntimeError("asked for a playlist before the first keyframe")
        opened = OpenSegment(self._segment, tuple(self._parts)) if self._segment and self._parts else None
        return Snapshot(
            target_duration_s=self._cadence.target_duration_s,
            part_target=self._cadence.part_target,
            segments=self.window.segments,
            open=opened,
            discontinuity_sequence=self.window.discontinuity_sequence,
            next_msn=self._msn,
            next_part=self._next_part,
        )

    # What it is fed.

    def begin(self, group: Sequence[AccessUnit]) -> None:
        """Start from the group of pictures so far; it becomes a whole segment at once, so there is a playlist."""
        pictures = [unit for unit in group if unit.track is TrackKind.VIDEO]
        if not pictures:
            return
        self._choose_cadence(pictures)
        # Sound that belongs to the pictures may stand behind them.
        for unit in [unit for unit in group if unit.track is TrackKind.AUDIO] if self._lane else ():
            self.add(unit)
        for unit in pictures:
            self.add(unit)
        self._split_group()

    def foresee(self, gop_s: float | None) -> None:
        """Learn the length of a group of pictures before the first one comes."""
        self._gop_s = gop_s

    def end_first_segment(self) -> None:
        """Begin a playlist with the parts there are; harmless before there is a part."""
        if self._parts and not self.ready:
            self._end_segment(None)

    def add(self, unit: AccessUnit) -> None:
        """Take the next unit of either track."""
        if unit.track is TrackKind.AUDIO:
            if self._lane is not None:
                self._lane.add(unit)
            return
        self._add_picture(unit)

    def change(self, stream: StreamInfo) -> None:
        """The tracks of the units that follow."""
        before = self._stream
        self._stream = stream
        if stream.audio != before.audio or stream.video is None or before.video is None:
            self._break()
            self._lane = _lane(stream)
            self._needs_init = True
        elif (stream.video.width, stream.video.height) != (before.video.width, before.video.height):
            self._break()
            self._needs_init = True

    def absent(self, at: float) -> None:
        """No picture has come until now, `at` in unix seconds: say so by gaps once that takes a target duration."""
        last, cadence = self._last, self._cadence
        if last is None or cadence is None or not self.ready:
            return
        length = cadence.target_duration_s * VIDEO_CLOCK_RATE
        passed = last.dts + round((at - last.captured_at - _ABSENT_SLACK_S) * VIDEO_CLOCK_RATE)
        while self._boundary_if_ended + length <= passed:
            self._break()
            date = last.captured_at + (self._boundary - last.dts) / VIDEO_CLOCK_RATE
            start = SegmentStart(self._msn, self._boundary, date, self._init, discontinuity=False, independent=False)
            self.window.add_gap(start, length)
            self.counters.gaps += 1
            self._msn += 1
            self._boundary += length
            self._on_part()

    @property
    def _boundary_if_ended(self) -> int:
        if self._part is None or self._last is None:
            return self._boundary
        return self._last.dts + self._last.duration

    # Pictures.

    def _add_picture(self, unit: AccessUnit) -> None:
        sample = coded(unit, known=self._entry)
        if not sample.pieces:
            self.counters.unusable += 1
            return
        if unit.keyframe:
            self._look_at_sets(sample)
        if self._last is not None and not self._needs_keyframe and self._is_torn(unit):
            self._break()
        if self._needs_keyframe and not self._may_begin(unit):
            self.counters.waiting_for_keyframe += 1
            return
        cadence = self._cadence or self._choose_cadence([unit])
        self._end_what_is_over(unit, cadence)
        if self._segment is None:
            self._begin_segment(unit)
        if self._part is None:
            self._part = _OpenPart(self._boundary, [(unit, sample, self._boundary)])
        else:
            previous = self._part.units[-1][2]
            self._part.units.append((unit, sample, max(unit.dts, previous + 1)))
        self._last = unit
        foretold = unit.dts + cadence.interval
        if foretold + cadence.interval - self._part.begin > cadence.part_target:
            self._end_part(foretold, last_of_segment=False)
            if (
                self._segment
                and self._boundary + cadence.part_target - self._segment.media_time > cadence.segment_limit
            ):
                self.counters.cut_without_keyframe += 1
                self._end_segment(None)

    def _split_group(self) -> None:
        """End the cached group as a segment, and its last part as one of its own.

        GStreamer 1.22's hlsdemux2 never finds its way from a playlist of one segment to the next one.
        """
        self._end_open_part(None)
        start, parts = self._segment, self._parts
        if start is None or len(parts) < 2:
            self._end_segment(None)
            return
        split_at = self._boundary - parts[-1].duration
        self._close(start, parts[:-1], end=split_at)
        date = start.date + (split_at - start.media_time) / VIDEO_CLOCK_RATE
        self._segment = replace(
            start, msn=self._msn, media_time=split_at, date=date, discontinuity=False, independent=parts[-1].independent
        )
        self._parts = parts[-1:]
        self._end_segment(None)

    def _look_at_sets(self, sample: Coded) -> None:
        video = self._stream.video
        entry = None if video is None else avc_entry(video, sample)
        if entry is None or entry == self._entry:
            return
        if self._entry is not None:
            self._break()
        self._entry = entry
        self._needs_init = True

    def _is_torn(self, unit: AccessUnit) -> bool:
        cadence, last = self._cadence, self._last
        if cadence is None or last is None:
            return False
        step = unit.dts - last.dts
        # A camera that slows down a little more with each picture leaves the media behind without one large step.
        behind = unit.dts - self._boundary if self._part is None else 0
        return step > cadence.lost or step <= 0 or behind > cadence.lost

    def _may_begin(self, unit: AccessUnit) -> bool:
        if not unit.keyframe or self._entry is None:
            return False
        # Pictures from a time that was already called a gap come too late.
        return not self.ready or unit.dts >= self._boundary - (self._cadence.part_target if self._cadence else 0)

    def _end_what_is_over(self, unit: AccessUnit, cadence: Cadence) -> None:
        if self._segment is None:
            return
        if unit.keyframe:
            length = unit.dts - self._segment.media_time
            if not self._segment.independent or length >= cadence.segment - cadence.interval // 2:
                self._end_segment(unit.dts)
                return
        if self._part is not None and unit.dts >= self._part.begin + cadence.part_target:
            self._end_part(unit.dts, last_of_segment=False)

    # Segments and parts.

    def _choose_cadence(self, pictures: Sequence[AccessUnit]) -> Cadence:
        group_s = (pictures[-1].dts - pictures[0].dts) / VIDEO_CLOCK_RATE
        self._cadence = choose(
            usual_interval(pictures),
            gop_s=self._gop_s,
            group_s=group_s,
            part_s=self._lengths.part_s,
            segment_s=self._lengths.segment_s,
        )
        return self._cadence

    def _break(self) -> None:
        """What follows does not continue what was; it begins with a keyframe."""
        self._end_segment(None)
        self._broken = self._broken or self.ready
        self._needs_keyframe = True
        if self._lane is not None:
            self._lane.restart()

    def _begin_segment(self, unit: AccessUnit) -> None:
        if self._needs_keyframe:
            self._boundary = max(self._boundary, unit.dts)
            self._needs_keyframe = False
            self._slow_down(unit)
        discontinuity, self._broken = self._broken, False
        if self._needs_init or discontinuity:
            self._make_init()
        if discontinuity:
            self.counters.discontinuities += 1
        self._segment = SegmentStart(
            msn=self._msn,
            media_time=self._boundary,
            date=unit.captured_at + (self._boundary - unit.dts) / VIDEO_CLOCK_RATE,
            init=self._init,
            discontinuity=discontinuity,
            independent=unit.keyframe,
        )

    def _slow_down(self, unit: AccessUnit) -> None:
        """A camera whose pictures no longer fit a part needs a longer part target; never a shorter one."""
        cadence = self._cadence
        if cadence is None or unit.duration <= 0:
            return
        target = max(cadence.part_target, part_target(unit.duration, part_s=self._lengths.part_s))
        fits = unit.duration <= cadence.part_target
        self._cadence = replace(cadence, interval=unit.duration, part_target=cadence.part_target if fits else target)

    def _make_init(self) -> None:
        if self._entry is None:
            raise RuntimeError("a segment began without parameter sets")
        self._init += 1
        audio = self._lane.entry if self._lane else None
        self.window.add_init(self._init, initialization(self._entry, audio))
        self._needs_init = False

    def _end_part(self, end: int, *, last_of_segment: bool) -> None:
        part, cadence = self._part, self._cadence
        if part is None or cadence is None:
            return
        self._part = None
        shortest = part.units[-1][2] + 1 - part.begin
        if not last_of_segment:
            shortest = max(shortest, cadence.part_minimum)
        duration = min(max(end - part.begin, shortest), cadence.part_target)
        self._boundary = part.begin + duration
        data = fragment(self._next_part + 1, self._runs(part))
        made = Part(self._next_part, data, duration, any(unit.keyframe for unit, _, _ in part.units))
        self._parts.append(made)
        self.window.add_part(made)
        self._next_part += 1
        self._on_part()

    def _runs(self, part: _OpenPart) -> list[Run]:
        times = [time for _, _, time in part.units]
        samples = [
            Sample(
                sample.pieces,
                sample.size,
                following - time,
                sync=unit.keyframe,
                # Without reordering a moved picture is moved as a whole.
                composition_offset=0 if unit.pts == unit.dts else unit.pts - time,
            )
            for (unit, sample, time), following in zip(part.units, [*times[1:], self._boundary], strict=True)
        ]
        runs = [Run(VIDEO_TRACK_ID, part.begin, samples)]
        sound = self._lane.take(begin=part.begin, end=self._boundary) if self._lane else None
        if sound is not None:
            runs.append(sound)
        return runs

    def _end_open_part(self, at: int | None) -> None:
        if self._part is not None and self._last is not None:
            interval = self._cadence.interval if self._cadence else self._last.duration
            self._end_part(self._last.dts + interval if at is None else at, last_of_segment=True)

    def _end_segment(self, at: int | None) -> None:
        """End what is open, at the next picture's time where that is known."""
        self._end_open_part(at)
        segment, self._segment = self._segment, None
        parts, self._parts = self._parts, []
        if segment is not None and parts:
            self._close(segment, parts, end=self._boundary)

    def _close(self, segment: SegmentStart, parts: list[Part], *, end: int) -> None:
        self.window.close(segment, parts, end - segment.media_time)
        self._msn += 1
        self._on_part()


def _lane(stream: StreamInfo) -> AudioLane | None:
    entry = audio_entry(stream.audio)
    lane = None if entry is None else AudioLane(entry)
    # Sound that can't be stood in for would stop the pictures whenever it stays away.
    return lane if lane is not None and lane.can_stand_in else None
