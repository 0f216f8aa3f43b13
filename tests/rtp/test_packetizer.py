"""H.264 access units as RTP payloads (RFC 6184)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from aiortc.codecs.h264 import h264_depayload

from gateway.media.annexb import START_CODE, split_annex_b
from gateway.rtp.packetizer import MIN_PAYLOAD, packetize_h264

SPS, PPS, IDR, SLICE, SEI, AUD, FILLER = 7, 8, 5, 1, 6, 9, 12


def nal(kind: int, size: int, *, importance: int = 3, seed: int = 0) -> bytes:
    """A NAL unit of `size` bytes whose body holds no zero, so that it needs no emulation prevention."""
    dice = random.Random((kind, size, seed).__repr__())
    return bytes((importance << 5 | kind,)) + bytes(dice.choices(range(1, 256), k=size - 1))


def annex_b(*nal_units: bytes) -> bytes:
    return b"".join(START_CODE + nal_unit for nal_unit in nal_units)


def depacketize(payloads: Sequence[bytes]) -> list[bytes]:
    """NAL units out of payloads, by an implementation that is not ours."""
    return split_annex_b(b"".join(h264_depayload(payload) for payload in payloads))


def test_a_nal_unit_that_fits_is_a_payload_as_it_is() -> None:
    picture = nal(SLICE, 90)
    assert packetize_h264(annex_b(picture), max_payload=100) == [picture]


@pytest.mark.parametrize("size", [98, 99, 100])
def test_a_nal_unit_too_large_to_be_aggregated_still_goes_alone_up_to_the_limit(size: int) -> None:
    large = nal(IDR, size)
    assert packetize_h264(annex_b(nal(SPS, 10), large), max_payload=100) == [nal(SPS, 10), large]


def test_small_neighbours_are_aggregated_in_order_with_their_sizes() -> None:
    sps, pps = nal(SPS, 20), nal(PPS, 4)
    (payload,) = packetize_h264(annex_b(sps, pps), max_payload=100)
    assert payload == bytes((3 << 5 | 24,)) + b"\x00\x14" + sps + b"\x00\x04" + pps


def test_an_aggregate_fills_the_payload_exactly_and_not_one_byte_more() -> None:
    first, second = nal(SPS, 40), nal(PPS, 100 - 1 - 2 - 40 - 2)
    assert [len(p) for p in packetize_h264(annex_b(first, second), max_payload=100)] == [100]
    longer = nal(PPS, len(second) + 1)
    assert packetize_h264(annex_b(first, longer), max_payload=100) == [first, longer]


def test_an_aggregate_has_the_highest_importance_and_any_forbidden_bit_of_what_it_holds() -> None:
    broken = bytes((0x80 | 1 << 5 | SEI,)) + b"\x01\x02"
    (payload,) = packetize_h264(annex_b(broken, nal(SLICE, 5, importance=2)), max_payload=100)
    assert payload[0] == 0x80 | 2 << 5 | 24


def test_fragments_are_of_equal_size_but_the_last() -> None:
    payloads = packetize_h264(annex_b(nal(IDR, 1000)), max_payload=300)
    sizes = [len(payload) for payload in payloads]
    assert sizes[:-1] == [300] * 3
    assert 2 < sizes[-1] <= 300


def test_fragments_carry_importance_type_and_where_the_unit_starts_and_ends() -> None:
    payloads = packetize_h264(annex_b(nal(IDR, 1000, importance=2)), max_payload=300)
    assert {payload[0] for payload in payloads} == {2 << 5 | 28}
    assert [payload[1] for payload in payloads] == [0x80 | IDR, IDR, IDR, 0x40 | IDR]


@pytest.mark.parametrize("size", range(MIN_PAYLOAD + 1, 4 * MIN_PAYLOAD))
def test_no_fragment_both_starts_and_ends_a_unit_and_none_is_empty(size: int) -> None:
    picture = nal(IDR, size)
    payloads = packetize_h264(annex_b(picture), max_payload=MIN_PAYLOAD)
    assert all(payload[1] & 0xC0 != 0xC0 and len(payload) > 2 for payload in payloads)
    assert [payload[1] >> 6 for payload in payloads] == [2, *[0] * (len(payloads) - 2), 1]
    assert depacketize(payloads) == [picture]


def test_delimiters_and_filler_are_left_out() -> None:
    picture = nal(SLICE, 50)
    assert packetize_h264(annex_b(nal(AUD, 2), picture, nal(FILLER, 40)), max_payload=100) == [picture]


@pytest.mark.parametrize("data", [b"", b"\x65\x88", annex_b(nal(AUD, 2)), START_CODE])
def test_nothing_to_send_gives_no_payload(data: bytes) -> None:
    assert packetize_h264(data, max_payload=100) == []


def test_a_payload_limit_too_small_for_any_header_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 64"):
        packetize_h264(annex_b(nal(SLICE, 50)), max_payload=MIN_PAYLOAD - 1)


@pytest.mark.parametrize("seed", range(60))
def test_any_access_unit_arrives_whole_in_payloads_within_the_limit(seed: int) -> None:
    dice = random.Random(seed)
    limit = dice.randrange(MIN_PAYLOAD, 1200)
    kinds = (SPS, PPS, IDR, SLICE, SEI, AUD, FILLER)
    nal_units = [
        nal(
            dice.choice(kinds),
            dice.choice((2, dice.randrange(2, 40), dice.randrange(limit - 5, limit + 6), dice.randrange(2, 9000))),
            importance=dice.randrange(4),
            seed=place,
        )
        for place in range(dice.randrange(1, 12))
    ]
    payloads = packetize_h264(annex_b(*nal_units), max_payload=limit)
    assert max(map(len, payloads), default=0) <= limit
    assert depacketize(payloads) == [n for n in nal_units if n[0] & 31 not in (AUD, FILLER)]
