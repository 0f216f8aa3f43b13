"""What the gateway must know of H.265 (ITU-T H.265) to name it: NAL types and sequence parameter sets (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.media.bits import BitReader, InvalidBitstream, unescape


class NalType(IntEnum):
    """nal_unit_type (H.265 table 7-1), those that matter here; everything below VPS is a slice."""

    BLA_W_LP = 16
    RSV_IRAP_23 = 23
    VPS = 32
    SPS = 33
    PPS = 34
    AUD = 35


FIRST_NON_SLICE: Final = NalType.VPS

_MAX_DIMENSION: Final = 16_384
_PROFILE_SPACES: Final = ("", "A", "B", "C")


@dataclass(frozen=True, slots=True)
class SequenceParameterSet:
    """The parts of an SPS (H.265 section 7.3.2.2) the gateway uses; `width` and `height` are after cropping."""

    codec_string: str
    width: int
    height: int


def nal_type(nal_unit: bytes) -> int:
    """nal_unit_type of a NAL unit without start code; -1 for an empty one."""
    return (nal_unit[0] >> 1) & 0x3F if nal_unit else -1


def is_keyframe_nal(kind: int) -> bool:
    """Whether a NAL type begins a picture that can be decoded on its own (IRAP, H.265 section 3.69)."""
    return NalType.BLA_W_LP <= kind <= NalType.RSV_IRAP_23


def parse_sps(nal_unit: bytes) -> SequenceParameterSet:
    """Read a sequence parameter set (NAL unit without start code).

    Raises InvalidBitstream for anything else, however hostile.
    """
    if nal_type(nal_unit) != NalType.SPS:
        raise InvalidBitstream("is not a sequence parameter set")
    reader = BitReader(unescape(nal_unit[2:]))
    reader.skip(4)  # sps_video_parameter_set_id
    sub_layers = reader.bits(3)
    reader.skip(1)  # sps_temporal_id_nesting_flag
    codec_string = _read_profile_tier_level(reader, sub_layers)
    reader.ue()  # sps_seq_parameter_set_id
    chroma_format_idc = reader.ue()
    if chroma_format_idc > 3:
        raise InvalidBitstream("has a chroma format out of range")
    if chroma_format_idc == 3:
        reader.skip(1)  # separate_colour_plane_flag
    width, height = reader.ue(), reader.ue()
    if max(width, height) > _MAX_DIMENSION:
        raise InvalidBitstream(f"describes a picture beyond {_MAX_DIMENSION} pixels")
    if reader.flag():
        crop_x = 2 if chroma_format_idc in (1, 2) else 1
        crop_y = 2 if chroma_format_idc == 1 else 1
        left, right, top, bottom = (reader.ue() for _ in range(4))
        width -= (left + right) * crop_x
        height -= (top + bottom) * crop_y
    if width <= 0 or height <= 0:
        raise InvalidBitstream("describes an empty picture")
    return SequenceParameterSet(codec_string, width, height)


def _read_profile_tier_level(reader: BitReader, sub_layers: int) -> str:
    """H.265 section 7.3.3, written as ISO/IEC 14496-15 annex E.3 says."""
    space, tier, profile = reader.bits(2), reader.bits(1), reader.bits(5)
    compatibility = reader.bits(32)
    constraints = reader.bits(48).to_bytes(6, "big")
    level = reader.bits(8)
    present = [(reader.flag(), reader.flag()) for _ in range(sub_layers)]
    if sub_layers:
        reader.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        reader.skip(88 * has_profile + 8 * has_level)
    reversed_flags = int(f"{compatibility:032b}"[::-1], 2)
    parts = [
        "hvc1",
        f"{_PROFILE_SPACES[space]}{profile}",
        f"{reversed_flags:X}",
        f"{'H' if tier else 'L'}{level}",
        *(f"{byte:X}" for byte in constraints.rstrip(b"\x00")),
    ]
    return ".".join(parts)
