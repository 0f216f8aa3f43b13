"""One viewer's encrypted way out: numbers, protects and sends packets on the path ICE selected."""

from __future__ import annotations

from collections.abc import Callable

from gateway.rtp.templates import Run
from gateway.webrtc.ice import Path
from gateway.webrtc.peer import Protector, make_buffer

_SCRATCH_BYTES = 65_536

# All viewers are served on one thread, so one scratch buffer serves them all.
_scratch, _scratch_c = make_buffer(_SCRATCH_BYTES)


class Wire:
    """Valid from the end of the DTLS handshake until the peer connection is closed."""

    def __init__(self, protector: Protector, path: Callable[[], Path | None]) -> None:
        self._protector = protector
        self._path = path

    def send_run(self, run: Run, begin: int, end: int, *, number: int) -> int:
        """Send the packets from `begin` up to before `end` of a run, numbered from `number`; returns bytes sent."""
        path = self._path()
        if path is None:
            return 0
        stride, sizes, protect = run.stride, run.sizes, self._protector.protect
        laid_out = run.data[begin * stride : end * stride]
        buffer = _scratch
        buffer[: len(laid_out)] = laid_out
        sent = 0
        for place in range(begin, end):
            offset = (place - begin) * stride
            buffer[offset + 2 : offset + 4] = ((number + place - begin) & 0xFFFF).to_bytes(2, "big")
            protected = protect(_scratch_c, offset, sizes[place])
            if protected and path.send(buffer[offset : offset + protected]):
                sent += protected
        return sent

    def send_packet(self, packet: bytes) -> bool:
        """Protect and send one complete RTP packet; False when it was dropped."""
        path = self._path()
        if path is None:
            return False
        size = len(packet)
        _scratch[:size] = packet
        protected = self._protector.protect(_scratch_c, 0, size)
        return protected > 0 and path.send(_scratch[:protected])

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet; lost when there is no path."""
        path = self._path()
        if path is not None:
            path.send(self._protector.protect_rtcp(packet))
