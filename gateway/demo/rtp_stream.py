"""One RTP stream with its sender reports (RFC 3550), numbered once for all receivers, as a multicast camera does."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_RTP_HEADER = struct.Struct("!BBHII")
_SENDER_REPORT = struct.Struct("!BBHIIIIII")
_INTERLEAVED = struct.Struct("!BBH")
_VERSION = 0x80
_MARKER = 0x80
_SR = 200
_SDES = 202
_CNAME = 1
_NTP_EPOCH_OFFSET_S = 2_208_988_800


@dataclass(frozen=True, slots=True)
class Burst:
    """The RTP packets of one access unit or audio frame; framed once per interleaved channel, for all receivers."""

    packets: tuple[bytes, ...]
    _framed: dict[int, bytes] = field(default_factory=dict, compare=False, repr=False)

    def interleaved(self, channel: int) -> bytes:
        """All packets, each behind its `$` header for `channel` (RFC 2326 section 10.12)."""
        framed = self._framed.get(channel)
        if framed is None:
            framed = self._framed[channel] = b"".join(frame_packet(packet, channel) for packet in self.packets)
        return framed


def frame_packet(packet: bytes, channel: int) -> bytes:
    """`packet` behind the `$` header of an interleaved channel."""
    return _INTERLEAVED.pack(0x24, channel, len(packet)) + packet


class RtpStream:
    """Stamps payloads with header fields; sequence numbers and timestamps wrap."""

    def __init__(self, *, payload_type: int, ssrc: int, sequence: int) -> None:
        self._payload_type = payload_type
        self.ssrc = ssrc
        self._sequence = sequence
        self._packets_sent = 0
        self._octets_sent = 0

    @property
    def next_sequence(self) -> int:
        """The next packet's sequence number, for RTP-Info."""
        return self._sequence & 0xFFFF

    def burst(self, payloads: list[bytes], *, timestamp: int, mark_last: bool) -> Burst:
        """One packet per payload, all with one timestamp; the marker goes on the last when `mark_last`."""
        last = len(payloads) - 1 if mark_last else -1
        packets = []
        for index, payload in enumerate(payloads):
            kind = self._payload_type | (_MARKER if index == last else 0)
            header = _RTP_HEADER.pack(_VERSION, kind, self._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.ssrc)
            packets.append(header + payload)
            self._sequence += 1
            self._octets_sent += len(payload)
        self._packets_sent += len(payloads)
        return Burst(tuple(packets))

    def sender_report(self, *, wall_s: float, timestamp: int, cname: str) -> bytes:
        """SR and SDES (RFC 3550 sections 6.4.1 and 6.5) saying that `timestamp` was sampled at `wall_s` (unix)."""
        seconds = int(wall_s)
        fraction = int((wall_s - seconds) * (1 << 32)) & 0xFFFFFFFF
        report = _SENDER_REPORT.pack(
            _VERSION,
            _SR,
            6,
            self.ssrc,
            (seconds + _NTP_EPOCH_OFFSET_S) & 0xFFFFFFFF,
            fraction,
            timestamp & 0xFFFFFFFF,
            self._packets_sent & 0xFFFFFFFF,
            self._octets_sent & 0xFFFFFFFF,
        )
        name = cname.encode()[:255]
        item = bytes((_CNAME, len(name))) + name
        # The item list ends with at least one zero and is padded to 32 bits.
        item += bytes(4 - len(item) % 4)
        return report + struct.pack("!BBHI", _VERSION | 1, _SDES, 1 + len(item) // 4, self.ssrc) + item
