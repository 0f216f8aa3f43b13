"""The parts and segments that exist right now, and the bounds on how many (pure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.media.units import VIDEO_CLOCK_RATE

PARTS_KEPT_TARGETS: Final = 3
"""Parts are listed for the last so many target durations (rfc8216bis section 6.2.2)."""

LISTED_TARGETS: Final = 3
"""Segments are listed for at least the last so many target durations (section 6.2.2)."""

MIN_SEGMENTS: Final = 3
_RETIRED: Final = 3
"""Segments that left the playlist and can still be had, for those who hold an older playlist."""


class Draft(Protocol):
    """What a part's bytes can be written from."""

    @property
    def size(self) -> int:
        """In bytes, about: what is written may be shorter, and longer by a byte for each NAL unit."""

    def write(self) -> bytes:
        """The bytes."""


class Part:
    """A partial segment.  `number` counts parts of a camera, across segments; `duration` is in 1/90000 s.

    It is written when it is first asked for: nobody ever asks for most parts of a camera that is always packaged.
    """

    __slots__ = ("_content", "duration", "independent", "number", "size")

    def __init__(self, number: int, content: Draft | bytes, duration: int, *, independent: bool) -> None:
        self.number = number
        self.duration = duration
        self.independent = independent
        self.size = len(content) if isinstance(content, bytes) else content.size
        """In bytes, as its draft says."""
        self._content = content

    @property
    def data(self) -> bytes:
        """Its bytes; the draft is dropped once they are written."""
        content = self._content
        if not isinstance(content, bytes):
            self._content = content = content.write()
        return content


@dataclass(frozen=True, slots=True)
class SegmentStart:
    """What is known of a segment before its end.

    `media_time` is its first picture's decoding time in 1/90000 s, `date` that in unix seconds; `init` numbers its
    initialization section; `discontinuity` says that it does not continue the one before.
    """

    msn: int
    media_time: int
    date: float
    init: int
    discontinuity: bool
    independent: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished segment; without parts it is a gap: the camera was away."""

    start: SegmentStart
    duration: int
    parts: tuple[Part, ...]

    @property
    def is_gap(self) -> bool:
        """Whether there is nothing to fetch."""
        return not self.parts

    @property
    def size(self) -> int:
        """In bytes, about."""
        return sum(part.size for part in self.parts)

    def read(self) -> bytes:
        """The segment's bytes; put together on demand, as few players want segments."""
        return b"".join([part.data for part in self.parts])


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """The newest segment while it is not told of as finished; `parts` are what there is of it."""

    start: SegmentStart
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a media playlist tells, at one moment.

    `part_target` is in 1/90000 s.  `next_msn` is the segment that the next part will be of, `next_part` its number.
    """

    target_duration_s: int
    part_target: int
    segments: tuple[Segment, ...]
    open: OpenSegment | None
    discontinuity_sequence: int
    next_msn: int
    next_part: int

    @property
    def last_msn(self) -> int:
        """The newest segment of which there is something."""
        return self.open.start.msn if self.open is not None else self.next_msn - 1

    @property
    def last_part(self) -> int:
        """The index of that segment's newest part, -1 where it has none."""
        if self.open is not None:
            return len(self.open.parts) - 1
        return len(self.segments[-1].parts) - 1 if self.segments else -1


class Window:
    """The newest segments: at most `max_segments`, and at most `max_bytes` in all beyond the newest three.

    More than `max_segments` only where they are shorter than `least`, in 1/90000 s: a playlist must keep three target
    durations (rfc8216bis section 6.2.2), which are chosen before the camera's segments are known.
    """

    def __init__(self, *, max_segments: int, max_bytes: int) -> None:
        self._max_segments = max(max_segments, MIN_SEGMENTS)
        self._max_bytes = max_bytes
        self._segments: deque[Segment] = deque()
        self._retired: deque[Segment] = deque(maxlen=_RETIRED)
        self._by_msn: dict[int, Segment] = {}
        self._parts: dict[int, Part] = {}
        self._inits: dict[int, bytes] = {}
        self._bytes = 0
        self._listed = 0
        self.least = 0
        self.discontinuity_sequence = 0
        self.dropped_for_size = 0
        """Segments that left early because there were too many bytes."""

    @property
    def size(self) -> int:
        """Bytes of media held, in parts or segments, written or not."""
        return self._bytes

    @property
    def is_empty(self) -> bool:
        """Whether there is no finished segment."""
        return not self._segments

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What the playlist lists, oldest first."""
        return tuple(self._segments)

    def add_init(self, number: int, data: bytes) -> None:
        """An initialization section."""
        self._inits[number] = data

    def add_part(self, part: Part) -> None:
        """A part of the segment that is being made."""
        self._parts[part.number] = part
        self._bytes += part.size

    def close(self, start: SegmentStart, parts: Sequence[Part], duration: int) -> None:
        """The segment that the parts make."""
        self._append(Segment(start, duration, tuple(parts)))

    def add_gap(self, start: SegmentStart, duration: int) -> None:
        """A time without pictures."""
        self._append(Segment(start, duration, ()))

    def _append(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._by_msn[segment.start.msn] = segment
        self._listed += segment.duration
        while len(self._segments) > self._max_segments and self._listed - self._segments[0].duration >= self.least:
            self._retire()
        while len(self._segments) > MIN_SEGMENTS and self._bytes > self._max_bytes:
            self.dropped_for_size += 1
            self._retire()

    def _retire(self) -> None:
        segment = self._segments.popleft()
        self._listed -= segment.duration
        if segment.start.discontinuity:
            self.discontinuity_sequence += 1
        if len(self._retired) == _RETIRED:
            self._forget(self._retired[0])
        self._retired.append(segment)

    def _forget(self, segment: Segment) -> None:
        del self._by_msn[segment.start.msn]
        for part in segment.parts:
            del self._parts[part.number]
        self._bytes -= segment.size
        oldest = self._retired[1].start.init if len(self._retired) > 1 else segment.start.init
        for number in [number for number in self._inits if number < oldest]:
            del self._inits[number]

    def segment(self, msn: int) -> Segment | None:
        """A finished segment that can be fetched, perhaps after it left the playlist."""
        found = self._by_msn.get(msn)
        return None if found is None or found.is_gap else found

    def part(self, number: int) -> Part | None:
        """A part that can be fetched."""
        return self._parts.get(number)

    def init(self, number: int) -> bytes | None:
        """An initialization section that can be fetched."""
        return self._inits.get(number)


def seconds(ticks: int) -> float:
    """Seconds of 1/90000 s ticks."""
    return ticks / VIDEO_CLOCK_RATE
