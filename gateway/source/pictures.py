"""Makes pictures of a connection's video packets: by FFmpeg's parser, or, while somebody watches, an interval earlier.

FFmpeg's H.264 parser ends a picture when the next one begins.  Without it each RTP payload is a packet of its own,
which tells the end of most pictures at once but costs more, so it is left out only for cameras that are watched, and
only for a few at a time (docs/adr/0010-the-parsers-frame.md).
"""

from __future__ import annotations

import logging
import struct
import threading
from typing import Final, NamedTuple

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from gateway.source.fragments import FragmentJoiner, Habit, Joined, leads_only
from gateway.source.rhythm import KeyframeRhythm

_log = logging.getLogger(__name__)

EARLY_CAMERAS: Final = 8
# struct AVProducerReferenceTime of libavutil: wall clock in µs, then flags.
_PRODUCER_REFERENCE_TIME: Final = struct.Struct("=q")
_AVFMT_FLAG_NOPARSE: Final = 0x20


class Picture(NamedTuple):
    """One picture as the camera sent it; `pts` and `dts` in 1/90000 s.

    `reported_at` is the camera's own wall clock for it; `early` if nothing of the next picture had arrived.  (A frozen
    dataclass takes three times as long to make, for each picture of each camera, watched or not.)
    """

    data: bytes
    pts: int | None
    dts: int | None
    keyframe: bool
    reported_at: float | None
    early: bool = False


class Allowance:
    """How many cameras may be read without the parser at a time; shared by all reader threads."""

    def __init__(self, cameras: int = EARLY_CAMERAS) -> None:
        self._free = cameras
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether there is room for one more."""
        with self._lock:
            if self._free <= 0:
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """One camera less."""
        with self._lock:
            self._free += 1


class Pictures:
    """One connection's; used by its reader's thread alone, between two reads."""

    def __init__(self, container: InputContainer, allowance: Allowance, *, name: str, h264: bool) -> None:
        self._container = container
        self._allowance = allowance
        self._name = name
        self._possible = h264
        self._fragmented = False
        self._rhythm = KeyframeRhythm()
        self._joiner = FragmentJoiner()
        self._handed_back: Picture | None = None
        self._awaits_keyframe = False
        self._pts: int | None = None
        self._reported_at: float | None = None

    def take(self, packet: Packet[Stream], *, watched: bool) -> list[Picture]:
        """The pictures that are complete with this packet.  The next packet must not have been read yet."""
        if self._fragmented:
            pictures = self._join(packet, watched=watched)
        else:
            picture = Picture(bytes(packet), packet.pts, packet.dts, packet.is_keyframe, _reported_at(packet))
            if self._handed_back is not None:
                head, self._handed_back = self._handed_back, None
                picture = head._replace(data=head.data + picture.data, keyframe=picture.keyframe)
            if self._possible:
                self._foresee(picture, watched=watched)
            pictures = [picture]
        return self._from_keyframe(pictures) if self._awaits_keyframe else pictures

    def close(self) -> None:
        """The connection ends."""
        if self._fragmented:
            self._fragmented = False
            self._allowance.give_back()

    def _foresee(self, picture: Picture, *, watched: bool) -> None:
        self._rhythm.observe(picture.data, keyframe=picture.keyframe)
        if watched and self._rhythm.due and self._keeps_time(picture) and self._allowance.take():
            self._enter()

    def _keeps_time(self, picture: Picture) -> bool:
        """Whether timestamps will be the same without the parser, and the same within a picture.

        With reordering decoding timestamps would differ; where there is sound the first sender report moves them all.
        """
        return picture.pts == picture.dts and (picture.reported_at is not None or len(self._container.streams) == 1)

    def _enter(self) -> None:
        """Do without the parser from here on.  It goes with what it holds: the next keyframe's first packet.

        A seek by bytes is what closes a parser; RTSP has no bytes to seek in, so nothing else happens.
        """
        _log.debug("%s: reading without FFmpeg's parser", self._name)
        self._container.flags |= _AVFMT_FLAG_NOPARSE
        self._container.seek(0, unsupported_byte_offset=True)
        self._fragmented = True
        self._joiner.enter()

    def _join(self, packet: Packet[Stream], *, watched: bool) -> list[Picture]:
        data, pts = bytes(packet), packet.pts
        before = (self._pts, self._reported_at)
        if self._joiner.begins_picture(pts):
            leave = not watched or self._joiner.habit is Habit.REFUSED
            if leave and leads_only(data):
                return self._leave(packet, data)
            self._pts, self._reported_at = pts, _reported_at(packet)
        pictures = [self._picture(joined, before) for joined in self._joiner.add(data, pts)]
        for picture in pictures:
            self._rhythm.observe(picture.data, keyframe=picture.keyframe)
        if self._joiner.broken:
            self._joiner.broken = False
            self._awaits_keyframe = True
            _log.info("%s: a picture's end was misjudged; its parser decides from now on", self._name)
        return pictures

    def _leave(self, packet: Packet[Stream], data: bytes) -> list[Picture]:
        """Give the camera back to a new parser, which begins behind this packet."""
        _log.debug("%s: reading with FFmpeg's parser again", self._name)
        joined = self._joiner.close()
        pictures = [] if joined is None else [self._picture(joined, (self._pts, self._reported_at))]
        for picture in pictures:
            self._rhythm.observe(picture.data, keyframe=picture.keyframe)
        self._handed_back = Picture(data, packet.pts, packet.pts, keyframe=False, reported_at=_reported_at(packet))
        self._possible = self._joiner.habit is not Habit.REFUSED
        self._container.flags &= ~_AVFMT_FLAG_NOPARSE
        self.close()
        return pictures

    def _picture(self, joined: Joined, before: tuple[int | None, float | None]) -> Picture:
        reported_at = before[1] if joined.pts == before[0] else self._reported_at
        return Picture(joined.data, joined.pts, joined.pts, joined.keyframe, reported_at, joined.early)

    def _from_keyframe(self, pictures: list[Picture]) -> list[Picture]:
        for index, picture in enumerate(pictures):
            if picture.keyframe:
                self._awaits_keyframe = False
                return pictures[index:]
        return []


def _reported_at(packet: Packet[Stream]) -> float | None:
    """The camera's wall clock for this packet in unix seconds, once it has sent a sender report."""
    if not packet.has_sidedata("prft"):
        return None
    data = bytes(packet.get_sidedata("prft"))
    if len(data) < _PRODUCER_REFERENCE_TIME.size:
        return None
    wall_us: int = _PRODUCER_REFERENCE_TIME.unpack_from(data)[0]
    return wall_us / 1_000_000 if wall_us > 0 else None
