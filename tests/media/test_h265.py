from __future__ import annotations

import random

import pytest

from gateway.media import h265
from gateway.media.bits import InvalidBitstream
from tests.media.sps_writer import Bits


def _sps(
    *,
    sub_layers: int = 0,
    tier: int = 0,
    chroma: int = 1,
    size: tuple[int, int] = (1920, 1088),
    crop: tuple[int, int, int, int] | None = (0, 0, 0, 4),
) -> bytes:
    bits = Bits().u(4, 0).u(3, sub_layers).u(1, 1)
    bits.u(2, 0).u(1, tier).u(5, 1).u(32, 0x60000000).u(48, 0x900000000000).u(8, 93)
    for _ in range(sub_layers):
        bits.u(2, 0b11)
    if sub_layers:
        bits.u(2 * (8 - sub_layers), 0)
        for _ in range(sub_layers):
            bits.u(88, 1).u(8, 60)
    bits.ue(0, chroma)
    if chroma == 3:
        bits.u(1, 0)
    bits.ue(*size)
    if crop is None:
        bits.u(1, 0)
    else:
        bits.u(1, 1).ue(*crop)
    return b"\x42\x01" + bits.ue(0, 0).payload()


def test_names_profile_tier_and_level_as_iso_14496_15_says() -> None:
    assert h265.parse_sps(_sps()).codec_string == "hvc1.1.6.L93.90"
    assert h265.parse_sps(_sps(tier=1, sub_layers=2)).codec_string == "hvc1.1.6.H93.90"


@pytest.mark.parametrize(
    ("sps", "size"),
    [
        (_sps(), (1920, 1080)),
        (_sps(crop=None), (1920, 1088)),
        (_sps(sub_layers=3), (1920, 1080)),
        (_sps(chroma=2, crop=(1, 1, 4, 4)), (1916, 1080)),
        (_sps(chroma=3, crop=(1, 1, 4, 4)), (1918, 1080)),
    ],
)
def test_finds_the_size_after_cropping(sps: bytes, size: tuple[int, int]) -> None:
    parsed = h265.parse_sps(sps)
    assert (parsed.width, parsed.height) == size


@pytest.mark.parametrize(
    "sps",
    [
        b"",
        b"\x42",
        b"\x40\x01\x00",
        _sps()[:12],
        _sps(chroma=4),
        _sps(size=(20_000, 1080), crop=None),
        _sps(size=(0, 1080), crop=None),
        _sps(crop=(960, 0, 0, 0)),
    ],
)
def test_what_no_encoder_writes_is_refused(sps: bytes) -> None:
    with pytest.raises(InvalidBitstream):
        h265.parse_sps(sps)


def test_hostile_bytes_raise_nothing_else() -> None:
    seeded = random.Random(265)
    for _ in range(3000):
        try:
            h265.parse_sps(b"\x42\x01" + seeded.randbytes(seeded.randrange(80)))
        except InvalidBitstream:
            continue


def test_keyframes_are_random_access_points() -> None:
    assert [kind for kind in range(40) if h265.is_keyframe_nal(kind)] == list(range(16, 24))
    assert h265.nal_type(b"\x26\x01") == 19
    assert h265.nal_type(b"") == -1
