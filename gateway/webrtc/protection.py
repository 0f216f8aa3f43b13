"""Encrypts packets in place through libsrtp's C binding, a whole run of them without a line of Python per packet."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from gateway.rtp.templates import MAX_RUN_PACKETS

_NUMBERS: Final = 1 << 16
# The high and low bytes of all sequence numbers in a row, so that a run is numbered by two strided copies.
_HIGH: Final = bytes(number >> 8 & 0xFF for number in range(_NUMBERS + MAX_RUN_PACKETS))
_LOW: Final = bytes(number & 0xFF for number in range(_NUMBERS + MAX_RUN_PACKETS))

_MAX_STRIDES: Final = 32
"""Strides whose tables are kept; nearly all runs have one of two or three."""

_protect: Final = lib.srtp_protect


class PacketBuffer:
    """Room for `size` bytes of packets that are about to be sent: `view` is Python's side of it."""

    def __init__(self, size: int) -> None:
        content = bytearray(size)
        self.view = memoryview(content)
        self._first = (ffi.from_buffer(content),)
        lengths = ffi.new("int[]", MAX_RUN_PACKETS)
        self._lengths = memoryview(ffi.buffer(lengths)).cast("i")
        self._length_pointers = [lengths + place for place in range(MAX_RUN_PACKETS)]
        self._pointers: dict[int, list[Any]] = {}
        self._equal_lengths: dict[int, memoryview] = {}

    def number(self, first: int, *, stride: int, count: int) -> None:
        """Write sequence numbers from `first` on into `count` headers that lie `stride` bytes apart."""
        low = first % _NUMBERS
        end = count * stride
        self.view[2:end:stride] = _HIGH[low : low + count]
        self.view[3:end:stride] = _LOW[low : low + count]

    def packets(self, stride: int, count: int) -> Sequence[Any]:
        """Pointers to at least `count` packets that lie `stride` bytes apart."""
        if count == 1:
            return self._first
        found = self._pointers.get(stride)
        if found is None:
            if len(self._pointers) == _MAX_STRIDES:
                self._pointers.clear()
            most = min(MAX_RUN_PACKETS, len(self.view) // stride)
            found = self._pointers[stride] = [self._first[0] + place * stride for place in range(most)]
        return found

    def lengths(self, size: int, *, last_size: int, count: int) -> Sequence[Any]:
        """Pointers to the packets' lengths, `size` bytes but for the last of `count`; libsrtp changes them."""
        if count > 1:
            equal = self._equal_lengths.get(size)
            if equal is None:
                if len(self._equal_lengths) == _MAX_STRIDES:
                    self._equal_lengths.clear()
                equal = self._equal_lengths[size] = memoryview(array("i", [size]) * MAX_RUN_PACKETS)
            self._lengths[:count] = equal[:count]
        self._lengths[count - 1] = last_size
        return self._length_pointers

    def length(self) -> int:
        """What libsrtp made of the first packet's length."""
        return self._lengths[0]


class Protector:
    """Encrypts a viewer's RTP and RTCP with the keys aiortc negotiated."""

    def __init__(self, session: Session, *, tag_size: int) -> None:
        # The session object owns the C context; keeping it keeps the context alive.
        self._session = session
        self._context = session._srtp[0]  # noqa: SLF001
        self.tag_size = tag_size

    def protect_run(self, buffer: PacketBuffer, *, stride: int, count: int, last_size: int, number: int) -> bool:
        """Number the packets in a buffer from `number` on and encrypt them; False on refusal.

        They lie `stride` bytes apart and fill that together with their tags, all but the last, which has `last_size`
        bytes without its tag.
        """
        buffer.number(number, stride=stride, count=count)
        lengths = buffer.lengths(stride - self.tag_size, last_size=last_size, count=count)
        # map, because the loop's own Python would cost as much as the encryption.
        return not any(map(_protect, repeat(self._context, count), buffer.packets(stride, count), lengths))

    def protect(self, buffer: PacketBuffer, size: int) -> int:
        """Encrypt the one complete packet of `size` bytes in a buffer; returns its new size, 0 on refusal."""
        lengths = buffer.lengths(size, last_size=size, count=1)
        if _protect(self._context, buffer.packets(size, 1)[0], lengths[0]):
            return 0
        return buffer.length()

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt a compound RTCP packet."""
        return bytes(self._session.protect_rtcp(packet))
