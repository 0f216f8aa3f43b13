"""An event loop whose time is a test's clock, and a broadcast with viewers whose packets cost time on it."""

from __future__ import annotations

import asyncio
import os
import selectors
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pylibsrtp import Policy, Session

from gateway.clock import Clock
from gateway.media.units import TrackKind
from gateway.rtp.templates import PacketClass
from gateway.webrtc.fanout import Broadcast
from gateway.webrtc.pacing import Pace
from gateway.webrtc.paths import PathKey
from gateway.webrtc.protection import Protector
from gateway.webrtc.track import ViewerTrack
from gateway.webrtc.viewer import Viewer
from gateway.webrtc.wire import Wire
from tests.webrtc.stage import HandClock

T = TypeVar("T")
_MARKER = 0x80
_EXTENDED = 0x10
_TAG_BYTES = 16


class _Skipping(selectors.BaseSelector):
    """Lets the clock jump to where the event loop would have waited to."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            self._clock.advance(timeout)
        return self._real.select(0)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: HandClock) -> None:
        super().__init__(_Skipping(clock))
        self._driving = clock

    def time(self) -> float:
        return self._driving.monotonic()


def driven(clock: HandClock, work: Coroutine[Any, Any, T]) -> tuple[T, list[BaseException]]:
    """Run `work` on `clock`; what it returns, and what callbacks raised meanwhile."""
    raised: list[BaseException] = []

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        raised.append(context["exception"])

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(note)
        return await work

    with asyncio.Runner(loop_factory=lambda: _Loop(clock)) as runner:
        return runner.run(watched()), raised


@dataclass(slots=True)
class CostlyPath:
    """A path on which a system call and each of its packets take time, as measured; notes when frames end."""

    clock: HandClock
    call_s: float = 0.0
    packet_s: float = 0.0
    protocol: str = "udp"
    congested: bool = False
    key: PathKey = ("udp", "192.0.2.1", "192.0.2.2", 9)
    remote: tuple[str, int] = ("192.0.2.2", 9)
    ended_at: list[float] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    told_delays: list[int] = field(default_factory=list)
    """The least delay that each run's first packet tells the player, in units of 10 ms, where it tells any."""
    single: list[bytes] = field(default_factory=list)
    """Repeats and reports."""
    packets: int = 0

    def send(self, datagram: bytes | memoryview) -> bool:
        """One datagram."""
        self.clock.advance(self.call_s + self.packet_s)
        self.single.append(bytes(datagram))
        return True

    def send_packets(self, packets: memoryview, stride: int) -> int:
        """A run."""
        count = -(-len(packets) // stride)
        self.clock.advance(self.call_s + count * self.packet_s)
        self.packets += count
        if packets[0] & _EXTENDED:
            # One extension element, of three bytes: least and most delay.
            self.told_delays.append(int.from_bytes(packets[17:20], "big") >> 12)
        last = packets[(count - 1) * stride :]
        if last[1] & _MARKER:
            self.ended_at.append(self.clock.monotonic())
            self.timestamps.append(int.from_bytes(last[4:8], "big"))
        return len(packets)

    def close(self) -> None:
        """Nothing."""


@dataclass(slots=True)
class Way:
    """A viewer that is always there."""

    path: CostlyPath | None

    def quiet(self, now: float) -> bool:
        """Never."""
        return False


def make_viewer(
    broadcast: Broadcast, path: CostlyPath, *, clock: Clock, payload_type: int = 102, playout_delay_id: int = 0
) -> Viewer:
    """A viewer of a broadcast's video with keys of its own; it has not joined."""
    policy = Policy(
        key=os.urandom(28),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    )
    wire = Wire(Protector(Session(policy), tag_size=_TAG_BYTES), Way(path))
    track = ViewerTrack(
        broadcast.rtp_track(TrackKind.VIDEO),
        PacketClass(broadcast.ssrc[TrackKind.VIDEO], payload_type, playout_delay_id),
        codec="h264",
        rtx=PacketClass(broadcast.rtx_ssrc, 103, playout_delay_id),
        first_number=1,
        wire=wire,
        clock=clock,
        keyframe=broadcast.keyframe,
    )
    pace = Pace(clock.monotonic(), stream_bps=broadcast.hub.bitrate_bps)
    return Viewer({TrackKind.VIDEO: track}, wire, pace)
