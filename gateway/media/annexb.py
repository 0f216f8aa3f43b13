"""Annex B byte streams (ITU-T H.264 annex B): where one NAL unit ends and the next begins."""

from __future__ import annotations

START_CODE = b"\x00\x00\x00\x01"
_PREFIX = b"\x00\x00\x01"


def split_annex_b(data: bytes) -> list[bytes]:
    """Return the NAL units of `data` without start codes and trailing zeros, in order; empty ones are left out.

    Bytes before the first start code are ignored, as a decoder would.
    """
    nal_units: list[bytes] = []
    begin = data.find(_PREFIX)
    while begin >= 0:
        begin += 3
        end = data.find(_PREFIX, begin)
        # A NAL unit never ends in zero (trailing_zero_8bits and the four-byte start code's zero belong to no one).
        nal_unit = (data[begin:] if end < 0 else data[begin:end]).rstrip(b"\x00")
        if nal_unit:
            nal_units.append(nal_unit)
        begin = end
    return nal_units
