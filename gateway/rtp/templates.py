"""Frames laid out for sending: RTP headers, extensions and payloads ready, only the sequence number missing."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from gateway.rtp.stream import RtpFrame

MAX_DATAGRAM = 1200
"""Largest UDP payload sent, in bytes: fits every path that carries WebRTC, tunnels included."""

TAG_SIZE = 16
"""Longest SRTP tag in bytes (AEAD_AES_128_GCM; HMAC-SHA1-80 has 10)."""

_HEADER_SIZE = 12
_EXTENSION_SIZE = 8
_RTX_SIZE = 2

MAX_PAYLOAD = MAX_DATAGRAM - TAG_SIZE - _RTX_SIZE - _EXTENSION_SIZE - _HEADER_SIZE
"""Largest RTP payload, so that every datagram keeps to MAX_DATAGRAM also with extension, RTX header and tag."""

_HEADER = struct.Struct(">BBHII")
_ONE_BYTE_PROFILE = 0xBEDE

MAX_RUN_PACKETS = 64
MAX_RUN_BYTES = 65_507
"""The kernel's limits for one segmented send (UDP_MAX_SEGMENTS; an IPv4 datagram's payload)."""


class PacketClass(NamedTuple):
    """What viewers must agree on to share templates: SSRC, payload type, playout-delay extension, SRTP tag's size.

    `playout_delay_id` 0 means the extension was not negotiated.  Delays in units of 10 ms, 0…4095
    (http://www.webrtc.org/experiments/rtp-hdrext/playout-delay).  A tuple, because each viewer's is looked up with
    every frame, and a dataclass hashes and compares in Python.
    """

    ssrc: int
    payload_type: int
    playout_delay_id: int = 0
    min_delay: int = 0
    max_delay: int = 0
    tag_size: int = TAG_SIZE


@dataclass(frozen=True, slots=True)
class Run:
    """Packets of equal size (the last may be shorter) that can leave in one segmented send.

    `data` holds them `stride` bytes apart, each followed by room for exactly its SRTP tag; `sizes` without the tag,
    `header_size` of each with its extension; `payload_bytes` of all.
    """

    data: bytes
    stride: int
    sizes: tuple[int, ...]
    first_index: int
    header_size: int
    payload_bytes: int

    def payload_size(self, begin: int, end: int) -> int:
        """Bytes of payload in the packets from `begin` up to before `end`."""
        return sum(self.sizes[begin:end]) - (end - begin) * self.header_size


def extension(packet_class: PacketClass) -> bytes:
    """The RTP header extension block of a class (RFC 8285 section 4.2), empty when it has none."""
    if not packet_class.playout_delay_id:
        return b""
    value = (packet_class.min_delay << 12) | packet_class.max_delay
    element = bytes(((packet_class.playout_delay_id << 4) | 2,)) + value.to_bytes(3, "big")
    return struct.pack(">HH", _ONE_BYTE_PROFILE, 1) + element


def header(packet_class: PacketClass, *, timestamp: int, marker: int, sequence_number: int = 0) -> bytes:
    """One RTP header with its extension (RFC 3550 section 5.1); `marker` is 0x80 or 0."""
    block = extension(packet_class)
    first = 0x90 if block else 0x80
    fixed = _HEADER.pack(
        first, packet_class.payload_type | marker, sequence_number & 0xFFFF, timestamp, packet_class.ssrc
    )
    return fixed + block


def lay_out(frame: RtpFrame, packet_class: PacketClass) -> tuple[Run, ...]:
    """Lay a frame out as runs of equally sized packets for all viewers of a class."""
    plain = header(packet_class, timestamp=frame.timestamp, marker=0)
    last = header(packet_class, timestamp=frame.timestamp, marker=0x80)
    tag_size = packet_class.tag_size
    room = bytes(tag_size)
    runs: list[Run] = []
    parts: list[bytes] = []
    sizes: list[int] = []
    stride = 0
    first = frame.first_index
    final = len(frame.payloads) - 1

    def complete() -> Run:
        payload_bytes = sum(sizes) - len(sizes) * len(plain)
        return Run(b"".join(parts), stride, tuple(sizes), first, len(plain), payload_bytes)

    for place, payload in enumerate(frame.payloads):
        size = len(plain) + len(payload)
        if sizes and (
            size + tag_size > stride
            or sizes[-1] + tag_size < stride
            or len(sizes) == MAX_RUN_PACKETS
            or (len(sizes) + 1) * stride > MAX_RUN_BYTES
        ):
            runs.append(complete())
            first += len(sizes)
            parts, sizes = [], []
        if not sizes:
            stride = size + tag_size
        parts += (last if place == final else plain, payload, room)
        sizes.append(size)
    runs.append(complete())
    return tuple(runs)


def retransmission_size(frame: RtpFrame, place: int, packet_class: PacketClass) -> int:
    """Bytes of the RTX packet that `retransmission` makes."""
    extra = _EXTENSION_SIZE if packet_class.playout_delay_id else 0
    return _HEADER_SIZE + extra + _RTX_SIZE + len(frame.payloads[place])


def retransmission(
    frame: RtpFrame,
    place: int,
    packet_class: PacketClass,
    *,
    original_sequence_number: int,
    sequence_number: int,
) -> bytes:
    """An RTX packet (RFC 4588 section 4) for one packet of a frame; `packet_class` is the RTX stream's."""
    marker = 0x80 if place == len(frame.payloads) - 1 else 0
    head = header(packet_class, timestamp=frame.timestamp, marker=marker, sequence_number=sequence_number)
    return head + (original_sequence_number & 0xFFFF).to_bytes(2, "big") + frame.payloads[place]
