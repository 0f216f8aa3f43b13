"""Writes sequence parameter sets for tests, field by field, independently of what reads them."""

from __future__ import annotations

from dataclasses import dataclass


class Bits:
    """A string of bits under construction."""

    def __init__(self) -> None:
        self._text = ""

    def u(self, count: int, value: int) -> Bits:
        """`value` in `count` bits."""
        self._text += f"{value:0{count}b}"
        return self

    def ue(self, *values: int) -> Bits:
        """Unsigned Exp-Golomb codes."""
        for value in values:
            code = f"{value + 1:b}"
            self._text += "0" * (len(code) - 1) + code
        return self

    def se(self, *values: int) -> Bits:
        """Signed Exp-Golomb codes."""
        return self.ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def payload(self) -> bytes:
        """With the stop bit, aligned, with emulation prevention."""
        text = self._text + "1"
        text = text.ljust(-(-len(text) // 8) * 8, "0")
        raw = int(text, 2).to_bytes(len(text) // 8, "big")
        escaped, zeros = bytearray(), 0
        for byte in raw:
            if zeros >= 2 and byte <= 3:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return bytes(escaped)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpsFields:
    """The fields of an H.264 SPS that tests vary; None leaves a part out."""

    profile_idc: int = 66
    constraints: int = 0xC0
    level_idc: int = 30
    sps_id: int = 0
    chroma_format_idc: int = 1
    scaling_lists: bool = False
    order_type: int = 0
    width_mbs: int = 40
    height_map_units: int = 23
    frame_mbs_only: bool = True
    crop: tuple[int, int, int, int] | None = (0, 0, 0, 4)
    timing: tuple[int, int] | None = None
    display: bool = False
    hrd: bool = False
    reorder_frames: int | None = None


def write_sps(fields: SpsFields) -> bytes:
    """The NAL unit without start code."""
    bits = Bits().u(8, fields.profile_idc).u(8, fields.constraints).u(8, fields.level_idc).ue(fields.sps_id)
    if fields.profile_idc in (100, 110, 122, 244):
        bits.ue(fields.chroma_format_idc)
        if fields.chroma_format_idc == 3:
            bits.u(1, 0)
        bits.ue(0, 0).u(1, 0).u(1, int(fields.scaling_lists))
        if fields.scaling_lists:
            _write_scaling_lists(bits, 12 if fields.chroma_format_idc == 3 else 8)
    bits.ue(4, fields.order_type)
    if fields.order_type == 0:
        bits.ue(2)
    elif fields.order_type == 1:
        bits.u(1, 0).se(-1, 2).ue(2).se(3, -3)
    bits.ue(1).u(1, 0).ue(fields.width_mbs - 1, fields.height_map_units - 1).u(1, int(fields.frame_mbs_only))
    if not fields.frame_mbs_only:
        bits.u(1, 1)
    bits.u(1, 1)
    if fields.crop is None:
        bits.u(1, 0)
    else:
        bits.u(1, 1).ue(*fields.crop)
    _write_vui(bits, fields)
    return b"\x67" + bits.payload()


def _write_scaling_lists(bits: Bits, count: int) -> None:
    for index in range(count):
        bits.u(1, index % 2)
        if index % 2:
            # A list that ends early (next scale 0) after one full step.
            bits.se(8, -16)


def _write_vui(bits: Bits, fields: SpsFields) -> None:
    if fields.timing is None and fields.reorder_frames is None and not fields.display and not fields.hrd:
        bits.u(1, 0)
        return
    bits.u(1, 1)
    if fields.display:
        bits.u(1, 1).u(8, 255).u(32, 0x00010001).u(1, 1).u(1, 0).u(1, 1).u(4, 5).u(1, 1).u(24, 0x010101).u(1, 1).ue(
            0, 1
        )
    else:
        bits.u(1, 0).u(1, 0).u(1, 0).u(1, 0)
    if fields.timing is None:
        bits.u(1, 0)
    else:
        bits.u(1, 1).u(32, fields.timing[0]).u(32, fields.timing[1]).u(1, 1)
    for _ in range(2):
        bits.u(1, int(fields.hrd))
        if fields.hrd:
            bits.ue(1).u(8, 0x12).ue(5, 6).u(1, 0).ue(7, 8).u(1, 1).u(20, 0x54321)
    if fields.hrd:
        bits.u(1, 0)
    bits.u(1, 0)
    if fields.reorder_frames is None:
        bits.u(1, 0)
    else:
        bits.u(1, 1).u(1, 1).ue(0, 0, 10, 10, fields.reorder_frames, 4)
