"""Decides where a camera's parts and segments begin, and what breaks them (pure: units in, a window out)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.hls.cadence import Cadence, choose, slowed, usual_interval
from gateway.hls.fmp4 import AvcEntry, initialization
from gateway.hls.parts import PartMaker
from gateway.hls.preroll import hurried
from gateway.hls.samples import audio_entry, avc_entry, first_slice, leading_sets
from gateway.hls.segments import Numbers, SegmentMaker
from gateway.hls.sound import AudioLane
from gateway.hls.window import LISTED_TARGETS, SegmentStart, Snapshot, Window
from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit, StreamInfo, TrackKind

MAX_BYTES: Final = 64 << 20
_ABSENT_SLACK_S: Final = 0.25
_STARTING_PARTS: Final = 2
"""So many parts a playlist begins with.

With what comes until it is told (`gateway/hls/origin.py`), and until a player has begun, that is PART-HOLD-BACK.
"""


_PIECES_S: Final = 1.5
"""For so long after its beginning a playlist's every part is a segment of its own.

hls.js 1.7.4 that has loaded a segment goes on part by part only if at least as much lies before its end, without the
playlist's first part, as there is of the segment that is being made (`shouldLoadParts`).  Else it waits until that one
is finished, and stays behind by as much.
"""


@dataclass(frozen=True, slots=True)
class Lengths:
    """What is asked for, in seconds; `segments` is how many a playlist lists."""

    part_s: float = 0.17
    segment_s: float = 1.0
    segments: int = 12


@dataclass(slots=True)
class PackagerCounters:
    """What was left out, in access units, and how often something was begun anew."""

    waiting_for_keyframe: int = 0
    unusable: int = 0
    discontinuities: int = 0
    gaps: int = 0
    cut_without_keyframe: int = 0


class Packager:
    """One camera's state from its first keyframe on; `on_change` is called whenever the playlist has changed."""

    def __init__(
        self,
        stream: StreamInfo,
        lengths: Lengths,
        *,
        gop_s: float | None = None,
        numbers: Numbers | None = None,
        on_change: Callable[[], None] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        numbers = numbers or Numbers()
        self.counters = PackagerCounters()
        self.window = Window(max_segments=lengths.segments, max_bytes=max_bytes)
        self.window.discontinuity_sequence = numbers.discontinuity_sequence
        self._stream = stream
        self._lengths = lengths
        self._gop_s = gop_s
        self._cadence: Cadence | None = None
        self._entry: AvcEntry | None = None
        self._maker = PartMaker(first_number=numbers.part, lane=_lane(stream))
        self._segments = SegmentMaker(self.window, msn=numbers.msn, on_change=on_change or (lambda: None))
        self._init = numbers.init
        # What follows another packager's segments does not continue them.
        self._broken = numbers.part > 0
        self._needs_keyframe = True
        self._needs_init = True
        self._last: AccessUnit | None = None
        self._pieces_until = 0
        """Segments that begin before this media time end with their first part."""

    # What is asked of it.

    @property
    def stream(self) -> StreamInfo:
        """The tracks as they are now."""
        return self._stream

    @property
    def lane(self) -> AudioLane | None:
        """The sound, None where there is none that can be carried."""
        return self._maker.lane

    @property
    def started(self) -> bool:
        """Whether a keyframe was packaged."""
        return self._last is not None

    @property
    def ready(self) -> bool:
        """Whether there is a playlist: at least one whole segment."""
        return not self.window.is_empty

    @property
    def target_duration_s(self) -> int:
        """Of the playlist; only once `ready`."""
        return self._known_cadence().target_duration_s

    @property
    def next_part(self) -> int:
        """The number of the part that is made next."""
        return self._maker.next_number

    @property
    def numbers(self) -> Numbers:
        """Where the next packager of this camera goes on."""
        left = sum(segment.start.discontinuity for segment in self.window.segments)
        left += self._segments.discontinuities + self.window.discontinuity_sequence
        return Numbers(self._segments.next_msn + 1, self.next_part, self._init, left)

    def snapshot(self) -> Snapshot:
        """What there is right now; only once `ready`."""
        cadence = self._known_cadence()
        return Snapshot(
            target_duration_s=cadence.target_duration_s,
            part_target=cadence.part_target,
            segments=self.window.segments,
            open=self._segments.open,
            discontinuity_sequence=self.window.discontinuity_sequence,
            next_msn=self._segments.next_msn,
            next_part=self.next_part,
        )

    def _known_cadence(self) -> Cadence:
        if self._cadence is None:
            raise RuntimeError("asked for a playlist before the first keyframe")
        return self._cadence

    # Beginning.

    def begin(self, group: Sequence[AccessUnit]) -> None:
        """Start from the group of pictures so far; `open_playlist` makes it the first segment."""
        pictures = [unit for unit in group if unit.track is TrackKind.VIDEO]
        if not pictures:
            return
        cadence = self._choose_cadence(pictures)
        # Sound that belongs to the pictures may stand behind them.
        sound = [unit for unit in group if unit.track is not TrackKind.VIDEO]
        for unit in [*sound, *hurried(pictures, kept=_enough(cadence))]:
            self.add(unit)

    def foresee(self, gop_s: float | None) -> None:
        """Learn the length of a group of pictures before the first one comes."""
        self._gop_s = gop_s

    @property
    def can_start_well(self) -> bool:
        """Whether there is enough that a player who begins now need not wait again at once for the next part."""
        segment = self._segments.start
        if segment is None or self._cadence is None or self._last is None:
            return False
        return self._last.dts - segment.media_time >= _enough(self._cadence)

    def open_playlist(self) -> None:
        """Begin the playlist: what there is becomes a segment, and its last part one of its own.

        Harmless before there is a picture, and once the playlist has begun.  GStreamer 1.22's hlsdemux2 never finds
        its way from a playlist of a single segment to the next one.
        """
        segment = self._segments.start
        if self.ready or segment is None:
            return
        self._pieces_until = segment.media_time + round(_PIECES_S * VIDEO_CLOCK_RATE)
        self._end_open_part(None)
        self._segments.end_before_newest(self._maker.boundary)

    # What it is fed.

    def add(self, unit: AccessUnit) -> None:
        """Take the next unit of either track."""
        if unit.track is TrackKind.VIDEO:
            self._add_picture(unit)
        elif self.lane is not None:
            self.lane.add(unit)

    def change(self, stream: StreamInfo) -> None:
        """The tracks of the units that follow."""
        before, self._stream = self._stream, stream
        if stream.audio == before.audio and _size(stream) == _size(before):
            return
        self._break()
        self._needs_init = True
        if stream.audio != before.audio:
            self._maker.lane = _lane(stream)

    def absent(self, at: float) -> None:
        """No picture has come until now: say so by gaps once that takes a target duration.

        `at` is now in the time of `captured_at`, as of pictures that arrive as late as the last one did.
        """
        last, cadence = self._last, self._cadence
        if last is None or cadence is None or not self.ready:
            return
        length = cadence.target_duration_s * VIDEO_CLOCK_RATE
        passed = last.dts + round((at - last.captured_at - _ABSENT_SLACK_S) * VIDEO_CLOCK_RATE)
        while self._maker.foretold_end(cadence) + length <= passed:
            self._break()
            begin = self._maker.boundary
            date = last.captured_at + (begin - last.dts) / VIDEO_CLOCK_RATE
            start = SegmentStart(
                self._segments.next_msn, begin, date, self._init, discontinuity=False, independent=False
            )
            self._segments.add_gap(start, length)
            self.counters.gaps += 1
            self._maker.boundary += length

    # Pictures.

    def _add_picture(self, unit: AccessUnit) -> None:
        if first_slice(unit.data) < 0:
            self.counters.unusable += 1
            return
        if unit.keyframe:
            self._look_at_sets(unit)
        if not self._needs_keyframe and self._is_torn(unit):
            self._break()
        if self._needs_keyframe and not self._may_begin(unit):
            self.counters.waiting_for_keyframe += 1
            return
        cadence = self._cadence or self._choose_cadence([unit])
        self._end_what_is_over(unit, cadence)
        sets = None
        if self._segments.start is None:
            known = self._init
            self._begin_segment(unit, cadence)
            cadence = self._cadence or cadence
            if self._init != known > 0:
                sets = leading_sets(unit.data)
        self._maker.add(unit, known=self._entry, sets=sets)
        self._last = unit
        if self._maker.is_full(cadence):
            self._end_part(cadence, shortest=cadence.part_minimum)
            self._end_piece()
            self._end_what_is_long(cadence)

    def _look_at_sets(self, unit: AccessUnit) -> None:
        video = self._stream.video
        entry = None if video is None else avc_entry(video, leading_sets(unit.data))
        if entry is None or entry == self._entry:
            return
        if self._entry is not None:
            self._break()
        self._entry = entry
        self._needs_init = True

    def _is_torn(self, unit: AccessUnit) -> bool:
        """Whether something is missing before a picture: it doesn't follow the last one, or the media fell behind."""
        cadence, last = self._cadence, self._last
        if cadence is None or last is None:
            return False
        behind = 0 if self._maker.is_open else unit.dts - self._maker.boundary
        return not 0 < unit.dts - last.dts <= cadence.lost or behind > cadence.lost

    def _may_begin(self, unit: AccessUnit) -> bool:
        if not unit.keyframe or self._entry is None:
            return False
        # Pictures from a time that was already called a gap come too late.
        late = self._cadence.part_target if self._cadence else 0
        return not self.ready or unit.dts >= self._maker.boundary - late

    def _end_what_is_over(self, unit: AccessUnit, cadence: Cadence) -> None:
        segment = self._segments.start
        if segment is None:
            return
        long_enough = unit.dts - segment.media_time >= cadence.segment
        if unit.keyframe and (long_enough or not segment.independent):
            self._end_segment(unit.dts)
        elif self._maker.is_over(unit.dts, cadence):
            self._end_part(cadence, at=unit.dts, shortest=cadence.part_minimum)
            self._end_piece()

    def _end_piece(self) -> None:
        segment = self._segments.start
        if self.ready and segment is not None and segment.media_time < self._pieces_until:
            self._segments.end(self._maker.boundary)

    def _end_what_is_long(self, cadence: Cadence) -> None:
        segment = self._segments.start
        if segment and self._maker.boundary + cadence.part_target - segment.media_time > cadence.segment_limit:
            self.counters.cut_without_keyframe += 1
            self._end_segment(None)

    # Segments.

    def _choose_cadence(self, pictures: Sequence[AccessUnit]) -> Cadence:
        self._cadence = choose(
            usual_interval(pictures),
            gop_s=self._gop_s,
            group_s=(pictures[-1].dts - pictures[0].dts) / VIDEO_CLOCK_RATE,
            part_s=self._lengths.part_s,
            segment_s=self._lengths.segment_s,
        )
        self.window.least = LISTED_TARGETS * self._cadence.target_duration_s * VIDEO_CLOCK_RATE
        return self._cadence

    def _break(self) -> None:
        """What follows does not continue what was; it begins with a keyframe."""
        if self._maker.lane is not None:
            self._maker.lane.conclude()
        self._end_segment(None)
        self._broken = self._broken or self.ready
        self._needs_keyframe = True
        if self.lane is not None:
            self.lane.restart()

    def _begin_segment(self, unit: AccessUnit, cadence: Cadence) -> None:
        if self._needs_keyframe:
            self._needs_keyframe = False
            self._maker.boundary = max(self._maker.boundary, unit.dts)
            self._cadence = slowed(cadence, unit.duration, part_s=self._lengths.part_s)
        discontinuity, self._broken = self._broken, False
        if self._needs_init or discontinuity:
            self._make_init()
        self.counters.discontinuities += discontinuity
        begin = self._maker.boundary
        start = SegmentStart(
            msn=self._segments.next_msn,
            media_time=begin,
            date=unit.captured_at + (begin - unit.dts) / VIDEO_CLOCK_RATE,
            init=self._init,
            discontinuity=discontinuity,
            independent=unit.keyframe,
        )
        self._segments.begin(start)

    def _make_init(self) -> None:
        if self._entry is None:
            raise RuntimeError("a segment began without parameter sets")
        self._init += 1
        self.window.add_init(self._init, initialization(self._entry, self.lane.entry if self.lane else None))
        self._needs_init = False

    def _end_part(self, cadence: Cadence, *, at: int | None = None, shortest: int = 0) -> None:
        self._segments.add(self._maker.end(cadence, at=at, shortest=shortest))

    def _end_open_part(self, at: int | None) -> None:
        if self._cadence is not None and self._maker.is_open:
            self._end_part(self._cadence, at=at)

    def _end_segment(self, at: int | None) -> None:
        """End what is open, at the next picture's time where that is known."""
        self._end_open_part(at)
        self._segments.end(self._maker.boundary, told_later=at is not None and self.ready and self._is_last_short())

    def _is_last_short(self) -> bool:
        opened = self._segments.open
        return opened is not None and opened.parts[-1].duration < self._known_cadence().part_minimum


def _enough(cadence: Cadence) -> int:
    """From the first to the last picture of `_STARTING_PARTS` parts, rather one too few than one too many."""
    return _STARTING_PARTS * (cadence.part_target - cadence.interval)


def _size(stream: StreamInfo) -> tuple[int, int] | None:
    return None if stream.video is None else (stream.video.width, stream.video.height)


def _lane(stream: StreamInfo) -> AudioLane | None:
    entry = audio_entry(stream.audio)
    lane = None if entry is None else AudioLane(entry)
    # Sound that can't be stood in for would stop the pictures whenever it stays away.
    return lane if lane is not None and lane.can_stand_in else None
