"""When frames arrived, from the datagrams of one viewer and the kernel's time stamps on them (pure)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from bench.stats import gaps

_RTP_VERSION: Final = 0x80
_MARKER: Final = 0x80
# Payload types that mean RTCP when both share a port (RFC 5761 section 4).
_RTCP_TYPES: Final = range(64, 96)


class FrameTimes:
    """Collects the arrival of each frame's last packet; SRTP leaves the header that tells so readable."""

    def __init__(self) -> None:
        self._ends: list[tuple[int, float]] = []
        self._packets: Counter[int] = Counter()

    def add(self, datagram: bytes, *, at_s: float) -> None:
        """Take a datagram that the kernel received at `at_s`; whatever is not RTP is ignored."""
        if len(datagram) < 12 or datagram[0] & 0xC0 != _RTP_VERSION or datagram[1] & 0x7F in _RTCP_TYPES:
            return
        ssrc = int.from_bytes(datagram[8:12], "big")
        self._packets[ssrc] += 1
        if datagram[1] & _MARKER:
            self._ends.append((ssrc, at_s))

    def gaps_ms(self, *, since_s: float, until_s: float) -> list[float]:
        """Times between frames in a stretch of time, of the stream with the most packets: not of retransmissions."""
        if not self._packets:
            return []
        ((main, _),) = self._packets.most_common(1)
        times = [at_s for ssrc, at_s in self._ends if ssrc == main]
        return [gap * 1000 for gap, end in zip(gaps(times), times[1:], strict=True) if since_s <= end <= until_s]
