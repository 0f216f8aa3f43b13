"""One viewer's encrypted way out: numbers, protects and sends packets on the path ICE selected."""

from __future__ import annotations

from collections.abc import Callable

from gateway.rtp.templates import MAX_RUN_BYTES, Run
from gateway.webrtc.paths import Path
from gateway.webrtc.peer import Protector, make_buffer

# All viewers are served on one thread, so one scratch buffer serves them all.
_scratch, _scratch_c = make_buffer(MAX_RUN_BYTES)


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
    def congested(self) -> bool:
        """Whether pictures should be skipped: the way out is full, there is none, or nobody is heard at its end."""
        path = self._path()
        return path is None or path.congested or self._quiet()

    def send_run(self, run: Run, begin: int, end: int, *, number: int) -> int:
        """Send the packets from `begin` up to before `end` of a run, numbered from `number`; returns bytes sent."""
        path = self._path()
        if path is None:
            return 0
        stride = run.stride
        laid_out = run.data[begin * stride : end * stride]
        size = len(laid_out)
        _scratch[:size] = laid_out
        sizes = run.sizes if end - begin == len(run.sizes) else run.sizes[begin:end]
        if not self._protector.protect_packets(_scratch, _scratch_c, stride, sizes, number):
            return 0
        return path.send_packets(_scratch[:size], stride)

    def send_packet(self, packet: bytes) -> bool:
        """Protect and send one complete RTP packet; False when it was dropped."""
        path = self._path()
        if path is None:
            return False
        size = len(packet)
        _scratch[:size] = packet
        protected = self._protector.protect(_scratch_c, size)
        return protected > 0 and path.send(_scratch[:protected])

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet; lost when there is no path."""
        path = self._path()
        if path is not None:
            path.send(self._protector.protect_rtcp(packet))
