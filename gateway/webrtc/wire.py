"""One viewer's encrypted way out: numbers, protects and sends packets on the path ICE selected."""

from __future__ import annotations

from collections.abc import Callable

from gateway.rtp.templates import MAX_RUN_BYTES, Run
from gateway.webrtc.paths import Path
from gateway.webrtc.protection import PacketBuffer, Protector

# All viewers are served on one thread, so one buffer serves them all.
_buffer = PacketBuffer(MAX_RUN_BYTES)
_view = _buffer.view


class Wire:
    """Valid from the end of the DTLS handshake until the peer connection is closed."""

    def __init__(
        self, protector: Protector, path: Callable[[], Path | None], *, quiet: Callable[[], bool] = lambda: False
    ) -> None:
        self._protector = protector
        self._path = path
        self._quiet = quiet

    @property
    def tag_size(self) -> int:
        """Bytes that protection adds to an RTP packet."""
        return self._protector.tag_size

    @property
    def blocked(self) -> bool:
        """Whether nothing more can leave now: the way out is full, or there is none."""
        path = self._path()
        return path is None or path.congested

    @property
    def congested(self) -> bool:
        """Whether pictures should be skipped: the way out is blocked, or nobody is heard at its end."""
        path = self._path()
        return path is None or path.congested or self._quiet()

    def send_run(self, run: Run, begin: int, end: int, *, number: int) -> int:
        """Send the packets from `begin` up to before `end` of a run, numbered from `number`; returns bytes sent."""
        path = self._path()
        if path is None:
            return 0
        stride, sizes = run.stride, run.sizes
        data: bytes | memoryview = run.data
        if end - begin < len(sizes):
            data = memoryview(data)[begin * stride : end * stride]
        size = len(data)
        _view[:size] = data
        if not self._protector.protect_run(
            _buffer, stride=stride, count=end - begin, last_size=sizes[end - 1], number=number
        ):
            return 0
        return path.send_packets(_view[:size], stride)

    def send_packet(self, packet: bytes) -> bool:
        """Protect and send one complete RTP packet; False when it was dropped."""
        path = self._path()
        if path is None:
            return False
        size = len(packet)
        _view[:size] = packet
        protected = self._protector.protect(_buffer, size)
        return protected > 0 and path.send(_view[:protected])

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet; lost when there is no path."""
        path = self._path()
        if path is not None:
            path.send(self._protector.protect_rtcp(packet))
