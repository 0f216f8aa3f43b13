"""One track as an RTP stream: packetized once, numbered by an index that never wraps, shared by all viewers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.media.units import AccessUnit

Packetize = Callable[[bytes], list[bytes]]


@dataclass(frozen=True, slots=True)
class RtpFrame:
    """The RTP payloads of one access unit.

    `first_index` numbers its first packet within the track since the gateway started (it never wraps); a viewer's
    sequence numbers are derived from it.  `timestamp` is the 32-bit RTP timestamp; `captured_at` unix seconds.
    """

    first_index: int
    timestamp: int
    payloads: tuple[bytes, ...]
    keyframe: bool
    captured_at: float
    size: int

    @property
    def next_index(self) -> int:
        """Index of the packet after this frame's last."""
        return self.first_index + len(self.payloads)


class RtpTrack:
    """Turns access units of one track into frames and keeps the newest of them for retransmission.

    `timestamp_offset` (32 bit) is added to every timestamp; `first_index` numbers the first packet.  The history holds
    at least the last `history_s` seconds unless they exceed `history_bytes`; what is older is dropped first.
    """

    def __init__(
        self,
        packetize: Packetize,
        *,
        clock_rate: int,
        timestamp_offset: int,
        first_index: int = 0,
        history_s: float = 1.5,
        history_bytes: int = 16 << 20,
    ) -> None:
        self.clock_rate = clock_rate
        self._packetize = packetize
        self._timestamp_offset = timestamp_offset
        self._history_s = history_s
        self._history_bytes = history_bytes
        self._frames: deque[RtpFrame] = deque()
        self._held_bytes = 0
        self.next_index = first_index

    def timestamp(self, pts: int) -> int:
        """The RTP timestamp of a presentation time given in the track's clock rate."""
        return (pts + self._timestamp_offset) & 0xFFFFFFFF

    def push(self, unit: AccessUnit) -> RtpFrame | None:
        """Packetize the next access unit; None if there is nothing in it to send."""
        payloads = tuple(self._packetize(unit.data))
        if not payloads:
            return None
        frame = RtpFrame(
            first_index=self.next_index,
            timestamp=self.timestamp(unit.pts),
            payloads=payloads,
            keyframe=unit.keyframe,
            captured_at=unit.captured_at,
            size=sum(map(len, payloads)),
        )
        self.next_index = frame.next_index
        self._frames.append(frame)
        self._held_bytes += frame.size
        self._trim(newest_captured_at=frame.captured_at)
        return frame

    def _trim(self, *, newest_captured_at: float) -> None:
        frames = self._frames
        while len(frames) > 1 and (
            self._held_bytes > self._history_bytes or newest_captured_at - frames[0].captured_at > self._history_s
        ):
            self._held_bytes -= frames.popleft().size

    def reconfigure(self, *, clock_rate: int) -> None:
        """Go on with another clock rate; what was held belongs to the old one.  Indexes continue."""
        if clock_rate != self.clock_rate:
            self.clock_rate = clock_rate
            self.clear()

    def clear(self) -> None:
        """Forget what is held for retransmission; indexes continue."""
        self._frames.clear()
        self._held_bytes = 0

    def find(self, index: int) -> tuple[RtpFrame, int] | None:
        """The frame holding packet `index` and the packet's place in it, or None when it is gone or not yet made."""
        for frame in reversed(self._frames):
            if frame.first_index <= index:
                place = index - frame.first_index
                return (frame, place) if place < len(frame.payloads) else None
        return None

    def __iter__(self) -> Iterator[RtpFrame]:
        """The frames held for retransmission, oldest first."""
        return iter(self._frames)

    @property
    def held_bytes(self) -> int:
        """Payload bytes held for retransmission."""
        return self._held_bytes
