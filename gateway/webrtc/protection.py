"""Encrypts packets in place through libsrtp's C binding, a whole run of them without a line of Python per packet."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, Final

from pylibsrtp import Error, Session
from pylibsrtp._binding import ffi, lib

from gateway.rtp.templates import MAX_RUN_PACKETS

_NUMBERS: Final = 1 << 16
# The high and low bytes of all sequence numbers in a row, so that a run is numbered by two strided copies.
_HIGH: Final = bytes(number >> 8 & 0xFF for number in range(_NUMBERS + MAX_RUN_PACKETS))
_LOW: Final = bytes(number & 0xFF for number in range(_NUMBERS + MAX_RUN_PACKETS))

_MAX_STRIDES: Final = 32
"""Strides whose tables are kept; nearly all runs have one of two or three."""

_protect: Final = lib.srtp_protect


class Received:
    """What comes from a viewer, decrypted as aiortc wants it; `dropped` is told of what somebody else has sent."""

    def __init__(self, session: Session, dropped: Callable[[], None]) -> None:
        self._session = session
        self._dropped = dropped

    def unprotect(self, packet: bytes) -> bytes:
        """RTP; raises pylibsrtp's Error, which aiortc takes for a packet to forget."""
        return self._counted(self._session.unprotect, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """RTCP; the same."""
        return self._counted(self._session.unprotect_rtcp, packet)

    def _counted(self, unprotect: Callable[[bytes], bytes], packet: bytes) -> bytes:
        try:
            return unprotect(packet)
        except Error:
            self._dropped()
            raise


class PacketBuffer:
    """Room for `size` bytes of packets that are about to be sent: `view` is Python's side of it."""

    def __init__(self, size: int) -> None:
        content = bytearray(size)
        self.view = memoryview(content)
        self.first = ffi.from_buffer(content)
        lengths = ffi.new("int[]", MAX_RUN_PACKETS)
        self.lengths = memoryview(ffi.buffer(lengths)).cast("i")
        self.length_pointers = [lengths + place for place in range(MAX_RUN_PACKETS)]
        # By what lies between packets, pointers to them; by their length, as many lengths.
        self.pointers: dict[int, list[Any]] = {}
        self.equal: dict[int, memoryview] = {}

    def point(self, stride: int) -> list[Any]:
        """Make and keep pointers to packets that lie `stride` bytes apart, as far as there is room."""
        if len(self.pointers) == _MAX_STRIDES:
            self.pointers.clear()
        most = max(1, min(MAX_RUN_PACKETS, len(self.view) // stride))
        pointers = self.pointers[stride] = [self.first + place * stride for place in range(most)]
        return pointers

    def equal_lengths(self, size: int) -> memoryview:
        """Make and keep the lengths of packets of `size` bytes."""
        if len(self.equal) == _MAX_STRIDES:
            self.equal.clear()
        equal = self.equal[size] = memoryview(array("i", [size]) * MAX_RUN_PACKETS)
        return equal


class Protector:
    """Encrypts a viewer's RTP and RTCP with the keys aiortc negotiated."""

    def __init__(self, session: Session, *, tag_size: int) -> None:
        # The session object owns the C context; keeping it keeps the context alive.
        self._session = session
        self._context = session._srtp[0]  # noqa: SLF001
        self.tag_size = tag_size

    def protect_run(self, buffer: PacketBuffer, stride: int, sizes: Sequence[int], number: int) -> bool:
        """Number the packets in a buffer from `number` on and encrypt them; False on refusal.

        They lie `stride` bytes apart; `sizes` are without their tags, of which there is room for behind each.  All
        but the last are equal.
        """
        count = len(sizes)
        end = count * stride
        low = number % _NUMBERS
        view, lengths = buffer.view, buffer.lengths
        view[2:end:stride] = _HIGH[low : low + count]
        view[3:end:stride] = _LOW[low : low + count]
        lengths[count - 1] = sizes[-1]
        if count == 1:
            return not _protect(self._context, buffer.first, buffer.length_pointers[0])
        pointers = buffer.pointers.get(stride) or buffer.point(stride)
        equal = buffer.equal.get(sizes[0]) or buffer.equal_lengths(sizes[0])
        lengths[: count - 1] = equal[: count - 1]
        # map, because a loop's own Python would cost as much as the encryption.
        return not any(map(_protect, repeat(self._context, count), pointers, buffer.length_pointers))

    def protect(self, buffer: PacketBuffer, size: int) -> int:
        """Encrypt the one complete packet of `size` bytes in a buffer; returns its new size, 0 on refusal."""
        buffer.lengths[0] = size
        if _protect(self._context, buffer.first, buffer.length_pointers[0]):
            return 0
        return buffer.lengths[0]

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt a compound RTCP packet."""
        return bytes(self._session.protect_rtcp(packet))
