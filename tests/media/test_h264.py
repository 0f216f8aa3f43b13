from __future__ import annotations

import random

import pytest

from gateway.media import h264
from gateway.media.bits import InvalidBitstream
from tests.media.sps_writer import Bits, SpsFields, write_sps


def test_names_profile_constraints_and_level() -> None:
    sps = h264.parse_sps(write_sps(SpsFields(profile_idc=100, constraints=0, level_idc=41)))
    assert sps.codec_string == "avc1.640029"
    assert h264.parse_sps(write_sps(SpsFields(level_idc=31))).codec_string == "avc1.42c01f"


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        (SpsFields(), (640, 360)),
        (SpsFields(crop=None), (640, 368)),
        (SpsFields(width_mbs=120, height_map_units=68, crop=(0, 0, 0, 4)), (1920, 1080)),
        (SpsFields(width_mbs=120, height_map_units=34, frame_mbs_only=False, crop=(0, 0, 0, 2)), (1920, 1080)),
        (SpsFields(crop=(2, 3, 1, 3)), (630, 360)),
        (SpsFields(profile_idc=122, chroma_format_idc=2, crop=(1, 1, 4, 4)), (636, 360)),
        (SpsFields(profile_idc=244, chroma_format_idc=3, crop=(1, 1, 4, 4), scaling_lists=True), (638, 360)),
        (SpsFields(profile_idc=100, chroma_format_idc=0, crop=(1, 1, 4, 4)), (638, 360)),
        (SpsFields(profile_idc=100, scaling_lists=True), (640, 360)),
        (SpsFields(order_type=1), (640, 360)),
        (SpsFields(order_type=2), (640, 360)),
    ],
)
def test_finds_the_size_after_cropping(fields: SpsFields, size: tuple[int, int]) -> None:
    sps = h264.parse_sps(write_sps(fields))
    assert (sps.width, sps.height) == size


def test_finds_the_frame_rate_and_reordering_behind_everything_else() -> None:
    sps = h264.parse_sps(write_sps(SpsFields(display=True, hrd=True, timing=(1001, 60_000), reorder_frames=2)))
    assert sps.fps == pytest.approx(29.97, abs=0.01)
    assert sps.reorder_frames == 2


def test_says_nothing_about_what_is_not_there() -> None:
    sps = h264.parse_sps(write_sps(SpsFields()))
    assert (sps.fps, sps.reorder_frames) == (0.0, None)
    assert h264.parse_sps(write_sps(SpsFields(timing=(0, 60)))).fps == 0.0
    assert h264.parse_sps(write_sps(SpsFields(timing=(1, 90_000)))).fps == 0.0
    assert h264.parse_sps(write_sps(SpsFields(timing=(1, 50)))).reorder_frames is None


def test_a_vui_that_is_cut_short_costs_only_itself() -> None:
    whole = write_sps(SpsFields(timing=(1, 50), reorder_frames=0))
    cut = h264.parse_sps(whole[:-3])
    assert (cut.width, cut.height, cut.fps) == (640, 360, 25.0)
    # Sixty-four coded picture buffers are impossible.
    bits = Bits().u(8, 66).u(8, 0).u(8, 30).ue(0, 4, 2, 1).u(1, 0).ue(39, 22).u(3, 0b110).u(1, 1).u(5, 0).u(1, 1).ue(63)
    assert h264.parse_sps(b"\x67" + bits.payload()).width == 640


@pytest.mark.parametrize(
    "fields",
    [
        SpsFields(sps_id=32),
        SpsFields(profile_idc=100, chroma_format_idc=4),
        SpsFields(order_type=3),
        SpsFields(width_mbs=1025),
        SpsFields(crop=(160, 160, 0, 0)),
        SpsFields(crop=(0, 0, 0, 184)),
    ],
)
def test_what_no_encoder_writes_is_refused(fields: SpsFields) -> None:
    with pytest.raises(InvalidBitstream):
        h264.parse_sps(write_sps(fields))


def test_an_endless_picture_order_cycle_is_refused() -> None:
    bits = Bits().u(8, 66).u(8, 0).u(8, 30).ue(0, 4, 1).u(1, 0).se(0, 0).ue(256)
    with pytest.raises(InvalidBitstream):
        h264.parse_sps(b"\x67" + bits.payload() + b"\xff" * 100)


@pytest.mark.parametrize("nal_unit", [b"", b"\x67", b"\x68\x00\x00", b"\x67\x42\xc0\x1e", b"\x67" + bytes(200)])
def test_what_is_not_a_parameter_set_is_refused(nal_unit: bytes) -> None:
    with pytest.raises(InvalidBitstream):
        h264.parse_sps(nal_unit)


def test_hostile_bytes_raise_nothing_else() -> None:
    seeded = random.Random(264)
    valid = write_sps(SpsFields(profile_idc=100, scaling_lists=True, display=True, hrd=True, timing=(1, 50)))
    for _ in range(3000):
        broken = bytearray(valid[: seeded.randrange(1, len(valid) + 1)])
        for _ in range(seeded.randrange(4)):
            broken[seeded.randrange(len(broken))] = seeded.randrange(256)
        for data in (bytes(broken), b"\x67" + seeded.randbytes(seeded.randrange(60))):
            try:
                h264.parse_sps(data)
            except InvalidBitstream:
                continue


@pytest.mark.parametrize(
    ("slice_type", "expected"), [(0, False), (1, True), (2, False), (5, False), (6, True), (7, False)]
)
@pytest.mark.parametrize("header", [0x41, 0x65, 0x01])
def test_tells_b_slices_by_their_header(header: int, slice_type: int, expected: bool) -> None:  # noqa: FBT001
    nal_unit = bytes([header]) + Bits().ue(0, slice_type, 0).payload() + b"\x55" * 30
    assert h264.is_b_slice(nal_unit) is expected


def test_tells_b_slices_deep_in_a_picture() -> None:
    assert h264.is_b_slice(b"\x01" + Bits().ue(30_000, 6).payload())


@pytest.mark.parametrize("nal_unit", [b"", b"\x67\x00", b"\x41", b"\x41\x00\x00\x00\x00\x00\x00"])
def test_what_is_not_a_slice_is_refused(nal_unit: bytes) -> None:
    with pytest.raises(InvalidBitstream):
        h264.is_b_slice(nal_unit)


def test_an_empty_nal_unit_has_no_type() -> None:
    assert h264.nal_type(b"") == -1
    assert h264.nal_type(b"\x65") == h264.NalType.IDR_SLICE
