"""Reads bits and Exp-Golomb codes from the payload of a NAL unit (pure)."""

from __future__ import annotations

_MAX_EXP_GOLOMB_ZEROS = 32


class InvalidBitstream(ValueError):
    """The bytes are not what their headers promise: truncated, out of range, or of an unknown kind."""


def unescape(nal_unit: bytes) -> bytes:
    """`nal_unit` without emulation prevention bytes (H.264 section 7.4.1)."""
    return nal_unit.replace(b"\x00\x00\x03", b"\x00\x00")


class BitReader:
    """Reads big-endian bits; every method raises InvalidBitstream at the end of the data."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    @property
    def bits_left(self) -> int:
        """How many bits have not been read."""
        return self._left

    def bits(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        if count > self._left:
            raise InvalidBitstream(f"ends {count - self._left} bits too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """The next bit."""
        return self.bits(1) == 1

    def skip(self, count: int) -> None:
        """Pass over `count` bits."""
        self.bits(count)

    def ue(self) -> int:
        """Unsigned Exp-Golomb, H.264's descriptor `ue`(v) (section 9.1): 0 … 2³³-2."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > _MAX_EXP_GOLOMB_ZEROS:
                raise InvalidBitstream("has an Exp-Golomb code longer than 32 bits")
        return (1 << zeros) - 1 + self.bits(zeros)

    def se(self) -> int:
        """Signed Exp-Golomb, H.264's descriptor `se`(v) (section 9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
