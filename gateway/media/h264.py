"""What the gateway must know of H.264 (ITU-T H.264): NAL types, parameter sets, slice types (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.media.bits import BitReader, InvalidBitstream, unescape


class NalType(IntEnum):
    """nal_unit_type (H.264 table 7-1), those that matter here."""

    SLICE = 1
    PARTITION_A = 2
    IDR_SLICE = 5
    SEI = 6
    SPS = 7
    PPS = 8
    AUD = 9


SLICE_TYPES: Final = frozenset({NalType.SLICE, NalType.PARTITION_A, NalType.IDR_SLICE})

_HIGH_PROFILES: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_EXTENDED_SAR: Final = 255
_MAX_DIMENSION: Final = 16_384
_MAX_FPS: Final = 480.0
_B_SLICES: Final = frozenset({1, 6})
_SLICE_HEADER_BYTES: Final = 16
_MAX_SPS_ID: Final = 31


@dataclass(frozen=True, slots=True)
class SequenceParameterSet:
    """The parts of an SPS (H.264 section 7.3.2.1) the gateway uses.

    `width` and `height` are pixels after cropping.  `fps` is 0 where the SPS has no timing; `reorder_frames` is
    max_num_reorder_frames, None where the SPS does not say.
    """

    profile_idc: int
    constraints: int
    level_idc: int
    width: int
    height: int
    fps: float
    reorder_frames: int | None

    @property
    def codec_string(self) -> str:
        """RFC 6381 section 3.3: `avc1.PPCCLL` in lower-case hex."""
        return f"avc1.{self.profile_idc:02x}{self.constraints:02x}{self.level_idc:02x}"


def nal_type(nal_unit: bytes) -> int:
    """nal_unit_type of a NAL unit without start code; -1 for an empty one."""
    return nal_unit[0] & 0x1F if nal_unit else -1


def parse_sps(nal_unit: bytes) -> SequenceParameterSet:
    """Read a sequence parameter set (NAL unit without start code).

    Raises InvalidBitstream for anything else, however hostile.
    """
    if nal_type(nal_unit) != NalType.SPS:
        raise InvalidBitstream("is not a sequence parameter set")
    reader = BitReader(unescape(nal_unit[1:]))
    profile_idc, constraints, level_idc = reader.bits(8), reader.bits(8), reader.bits(8)
    if reader.ue() > _MAX_SPS_ID:
        raise InvalidBitstream("has an SPS id out of range")
    chroma_format_idc = _read_chroma(reader) if profile_idc in _HIGH_PROFILES else 1
    reader.ue()  # log2_max_frame_num_minus4
    _skip_picture_order(reader)
    reader.ue()  # max_num_ref_frames
    reader.skip(1)  # gaps_in_frame_num_value_allowed_flag
    width_mbs = reader.ue() + 1
    height_map_units = reader.ue() + 1
    frame_mbs_only = reader.flag()
    if not frame_mbs_only:
        reader.skip(1)  # mb_adaptive_frame_field_flag
    reader.skip(1)  # direct_8x8_inference_flag
    width = width_mbs * 16
    height = height_map_units * 16 * (1 if frame_mbs_only else 2)
    if max(width, height) > _MAX_DIMENSION:
        raise InvalidBitstream(f"describes a picture beyond {_MAX_DIMENSION} pixels")
    if reader.flag():
        crop_x = 1 if chroma_format_idc in (0, 3) else 2
        crop_y = (2 if chroma_format_idc == 1 else 1) * (1 if frame_mbs_only else 2)
        left, right, top, bottom = (reader.ue() for _ in range(4))
        width -= (left + right) * crop_x
        height -= (top + bottom) * crop_y
        if width <= 0 or height <= 0:
            raise InvalidBitstream("crops the whole picture away")
    fps, reorder_frames = _read_vui(reader) if reader.flag() else (0.0, None)
    return SequenceParameterSet(profile_idc, constraints, level_idc, width, height, fps, reorder_frames)


def is_b_slice(nal_unit: bytes) -> bool:
    """Whether a slice (NAL unit of a type in SLICE_TYPES; its first 17 bytes are enough) may be bi-predictive.

    Raises InvalidBitstream when the header can't be read.
    """
    if nal_type(nal_unit) not in SLICE_TYPES:
        raise InvalidBitstream("is not a slice")
    reader = BitReader(unescape(nal_unit[1 : 1 + _SLICE_HEADER_BYTES]))
    reader.ue()  # first_mb_in_slice
    return reader.ue() in _B_SLICES


def _read_chroma(reader: BitReader) -> int:
    chroma_format_idc = reader.ue()
    if chroma_format_idc > 3:
        raise InvalidBitstream("has a chroma format out of range")
    separate_planes = chroma_format_idc == 3 and reader.flag()
    reader.ue()  # bit_depth_luma_minus8
    reader.ue()  # bit_depth_chroma_minus8
    reader.skip(1)  # qpprime_y_zero_transform_bypass_flag
    if reader.flag():
        for index in range(12 if chroma_format_idc == 3 else 8):
            if reader.flag():
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return 0 if separate_planes else chroma_format_idc


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    """H.264 section 7.3.2.1.1.1."""
    last_scale = next_scale = 8
    for _ in range(size):
        if next_scale:
            next_scale = (last_scale + reader.se()) % 256
        last_scale = next_scale or last_scale


def _skip_picture_order(reader: BitReader) -> None:
    order_type = reader.ue()
    if order_type == 0:
        reader.ue()  # log2_max_pic_order_cnt_lsb_minus4
    elif order_type == 1:
        reader.skip(1)  # delta_pic_order_always_zero_flag
        reader.se()  # offset_for_non_ref_pic
        reader.se()  # offset_for_top_to_bottom_field
        count = reader.ue()
        if count > 255:
            raise InvalidBitstream("has a picture order cycle out of range")
        for _ in range(count):
            reader.se()
    elif order_type != 2:
        raise InvalidBitstream("has a picture order type out of range")


def _read_vui(reader: BitReader) -> tuple[float, int | None]:
    """H.264 section E.1.1; many cameras cut it short, which costs only what they left out."""
    fps = 0.0
    try:
        _skip_vui_display(reader)
        if reader.flag():
            units_in_tick, time_scale = reader.bits(32), reader.bits(32)
            reader.skip(1)  # fixed_frame_rate_flag
            fps = time_scale / (2 * units_in_tick) if units_in_tick else 0.0
            fps = fps if fps <= _MAX_FPS else 0.0
        has_nal_hrd = reader.flag()
        if has_nal_hrd:
            _skip_hrd(reader)
        has_vcl_hrd = reader.flag()
        if has_vcl_hrd:
            _skip_hrd(reader)
        if has_nal_hrd or has_vcl_hrd:
            reader.skip(1)  # low_delay_hrd_flag
        reader.skip(1)  # pic_struct_present_flag
        if not reader.flag():
            return fps, None
        reader.skip(1)  # motion_vectors_over_pic_boundaries_flag
        for _ in range(4):
            reader.ue()
        return fps, reader.ue()
    except InvalidBitstream:
        return fps, None


def _skip_vui_display(reader: BitReader) -> None:
    if reader.flag() and reader.bits(8) == _EXTENDED_SAR:
        reader.skip(32)
    if reader.flag():
        reader.skip(1)  # overscan_appropriate_flag
    if reader.flag():
        reader.skip(4)  # video_format, video_full_range_flag
        if reader.flag():
            reader.skip(24)  # colour description
    if reader.flag():
        reader.ue()  # chroma_sample_loc_type_top_field
        reader.ue()  # chroma_sample_loc_type_bottom_field


def _skip_hrd(reader: BitReader) -> None:
    """H.264 section E.1.2."""
    count = reader.ue() + 1
    if count > 32:
        raise InvalidBitstream("has more than 32 coded picture buffers")
    reader.skip(8)
    for _ in range(count):
        reader.ue()
        reader.ue()
        reader.skip(1)
    reader.skip(20)
