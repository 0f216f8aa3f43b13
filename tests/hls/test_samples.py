"""What of an access unit becomes a sample, and which parameter sets stand before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.hls.fmp4 import AvcEntry
from gateway.hls.samples import Sets, coded, first_slice, leading_sets, with_sets
from gateway.media.annexb import START_CODE
from tests.hls.streams import OTHER_SPS, PPS, SPS, picture

AUD, SEI, FILLER = b"\x09\xf0", b"\x06\x05\x01\x80", b"\x0c\xff\x80"
IDR, SLICE = b"\x65\x88\x84", b"\x41\x9a\x02"
KNOWN = AvcEntry(640, 360, (SPS,), (PPS,))


def annex_b(*nal_units: bytes) -> bytes:
    return b"".join(START_CODE + nal_unit for nal_unit in nal_units)


def lengths(*nal_units: bytes) -> bytes:
    return b"".join(len(nal_unit).to_bytes(4, "big") + nal_unit for nal_unit in nal_units)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", -1),
        (annex_b(AUD, SEI, SPS, PPS), -1),
        (b"\x00\x00\x01", -1),
        (annex_b(SLICE), 1),
        (b"\x00\x00\x01" + IDR, 0),
        (annex_b(SEI, SLICE, SLICE), 4 + len(SEI) + 1),
    ],
)
def test_a_picture_has_a_slice(data: bytes, found: int) -> None:
    assert first_slice(data) == found


def test_parameter_sets_are_those_before_the_picture_each_once() -> None:
    data = annex_b(AUD, SPS, PPS, SPS, OTHER_SPS, IDR, PPS + b"\x80")
    assert leading_sets(data) == Sets((SPS, OTHER_SPS), (PPS,))
    assert leading_sets(annex_b(SPS, PPS)) == Sets((SPS,), (PPS,))


@pytest.mark.parametrize(
    ("keyframe", "known", "kept"),
    [
        (True, KNOWN, (SEI, IDR, IDR)),
        (False, None, (SEI, IDR, IDR)),
        (False, KNOWN, (OTHER_SPS, SEI, IDR, IDR)),
    ],
)
def test_a_sample_has_lengths_and_no_parameter_sets_that_can_stand_elsewhere(
    keyframe: bool,  # noqa: FBT001
    known: AvcEntry | None,
    kept: tuple[bytes, ...],
) -> None:
    data = annex_b(AUD, SPS, PPS, OTHER_SPS, SEI, IDR, IDR, FILLER)
    sample = coded(replace(picture(0), keyframe=keyframe, data=data), known=known)
    assert b"".join(sample.pieces) == lengths(*kept)
    assert sample.size == len(lengths(*kept))


def test_parameter_sets_can_be_put_before_a_sample() -> None:
    sample = with_sets(coded(replace(picture(0), data=annex_b(SLICE)), known=KNOWN), Sets((SPS,), (PPS,)))
    assert b"".join(sample.pieces) == lengths(SPS, PPS, SLICE)
    assert sample.size == len(lengths(SPS, PPS, SLICE))
