"""One viewer's encrypted way out: numbers, protects and sends packets on the path ICE selected."""

from __future__ import annotations

from typing import Final, Protocol

from gateway.rtp.templates import MAX_RUN_BYTES, Run
from gateway.webrtc.paths import Path
from gateway.webrtc.protection import PacketBuffer, Protector

# All viewers are served on one thread, so one buffer serves them all.
_buffer = PacketBuffer(MAX_RUN_BYTES)
_view = _buffer.view

_HEARD_S: Final = 0.5
"""A viewer that was heard of lately is taken to be there for this long: one question for many frames."""


class Way(Protocol):
    """What the wire needs of the viewer's ICE agent."""

    @property
    def path(self) -> Path | None:
        """The selected path; None while there is none."""

    def quiet(self, now: float) -> bool:
        """Whether nothing was heard of the viewer for seconds, at monotonic second `now`."""


class Wire:
    """Valid from the end of the DTLS handshake until the peer connection is closed."""

    def __init__(self, protector: Protector, way: Way) -> None:
        self._protector = protector
        self._way = way
        self._ask_again_at = float("-inf")

    @property
    def tag_size(self) -> int:
        """Bytes that protection adds to an RTP packet."""
        return self._protector.tag_size

    def blocked(self) -> bool:
        """Whether nothing can leave now: the way out is full, or there is none."""
        path = self._way.path
        return path is None or path.congested

    def congested(self, now: float) -> bool:
        """Whether pictures should be skipped: the way out is blocked, or nobody is heard at its end."""
        path = self._way.path
        if path is None or path.congested:
            return True
        if now < self._ask_again_at:
            return False
        if self._way.quiet(now):
            return True
        self._ask_again_at = now + _HEARD_S
        return False

    def send_run(self, run: Run, begin: int, end: int, number: int) -> int:
        """Send the packets from `begin` up to before `end` of a run, numbered from `number`; returns bytes sent."""
        path = self._way.path
        if path is None:
            return 0
        stride, sizes = run.stride, run.sizes
        data: bytes | memoryview = run.data
        if end - begin < len(sizes):
            data = memoryview(data)[begin * stride : end * stride]
            sizes = sizes[begin:end]
        packets = _view[: len(data)]
        packets[:] = data
        return path.send_packets(packets, stride) if self._protector.protect_run(_buffer, stride, sizes, number) else 0

    def send_packet(self, packet: bytes) -> bool:
        """Protect and send one complete RTP packet; False when it was dropped."""
        path = self._way.path
        if path is None:
            return False
        size = len(packet)
        _view[:size] = packet
        protected = self._protector.protect(_buffer, size)
        return protected > 0 and path.send(_view[:protected])

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet; lost when there is no path."""
        path = self._way.path
        if path is not None:
            path.send(self._protector.protect_rtcp(packet))
