from __future__ import annotations

import pytest

from gateway.media.annexb import START_CODE, split_annex_b
from gateway.media.units import VideoCodec
from gateway.source.parameter_sets import H264, H265, ParameterSets, read_leading, syntax_of

SPS, PPS, AUD, SEI = b"\x67\x42\xc0\x1e\x01", b"\x68\xce\x3c\x80", b"\x09\xf0", b"\x06\x05\x10\x80"
IDR, SLICE = b"\x65\x88\x84" + b"\xaa" * 50, b"\x41\x9a\x02" + b"\xbb" * 50
VPS5, SPS5, PPS5, IDR5 = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc1", b"\x26\x01\xaf" + b"\xcc" * 50


def _annex_b(*nal_units: bytes, start_code: bytes = START_CODE) -> bytes:
    return b"".join(start_code + nal_unit for nal_unit in nal_units)


def _complete(sets: ParameterSets, data: bytes) -> list[bytes]:
    leading = read_leading(data, H264)
    sets.update(leading)
    return split_annex_b(sets.complete(data, leading))


def test_sets_known_only_from_the_sdp_go_before_a_keyframe() -> None:
    assert _complete(ParameterSets(H264, _annex_b(SPS, PPS)), _annex_b(IDR)) == [SPS, PPS, IDR]


@pytest.mark.parametrize("start_code", [START_CODE, START_CODE[1:]])
def test_they_go_behind_the_delimiter(start_code: bytes) -> None:
    data = _annex_b(AUD, SEI, IDR, start_code=start_code)
    assert _complete(ParameterSets(H264, _annex_b(SPS, PPS)), data) == [AUD, SPS, PPS, SEI, IDR]


def test_a_keyframe_that_has_them_is_left_alone() -> None:
    data = _annex_b(AUD, SPS, PPS, IDR)
    sets = ParameterSets(H264, _annex_b(b"\x67old", PPS))
    leading = read_leading(data, H264)
    sets.update(leading)
    assert sets.complete(data, leading) is data


def test_only_what_is_missing_is_put_in() -> None:
    assert _complete(ParameterSets(H264, _annex_b(SPS, PPS)), _annex_b(SPS, IDR)) == [PPS, SPS, IDR]


def test_newer_sets_from_the_stream_replace_the_sdps() -> None:
    sets = ParameterSets(H264, _annex_b(SPS, PPS))
    newer = SPS + b"\x77"
    _complete(sets, _annex_b(newer, PPS, IDR))
    assert sets.sps == newer
    assert _complete(sets, _annex_b(IDR)) == [newer, PPS, IDR]


def test_nothing_known_nothing_put_in() -> None:
    sets = ParameterSets(H264)
    assert sets.sps is None
    assert _complete(sets, _annex_b(IDR)) == [IDR]


def test_h265_has_three_kinds() -> None:
    data = _annex_b(IDR5)
    sets = ParameterSets(H265, _annex_b(VPS5, SPS5, PPS5))
    leading = read_leading(data, H265)
    assert split_annex_b(sets.complete(data, leading)) == [VPS5, SPS5, PPS5, IDR5]


def test_looking_stops_at_the_first_slice() -> None:
    leading = read_leading(_annex_b(SEI, SLICE, SPS), H264)
    assert leading.sets == {}
    assert leading.first_slice.startswith(SLICE[:3])
    assert len(leading.first_slice) < len(SLICE)


def test_looking_ends_after_two_dozen_nal_units() -> None:
    assert read_leading(_annex_b(*[SEI] * 24, SLICE), H264).first_slice == b""


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x01", b"no start code", b"\x00\x00\x01\x09\xf0"])
def test_what_holds_no_picture_has_no_slice(data: bytes) -> None:
    assert read_leading(data, H264).first_slice == b""


def test_other_codecs_have_no_parameter_sets_here() -> None:
    assert syntax_of(VideoCodec.OTHER) is None
    assert syntax_of(VideoCodec.H264) is H264
