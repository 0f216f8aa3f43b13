from __future__ import annotations

import pytest

from gateway.media.bits import BitReader, InvalidBitstream, unescape


def test_reads_bits_from_the_most_significant() -> None:
    reader = BitReader(b"\xa5\x0f")
    assert (reader.bits(4), reader.flag(), reader.bits(3), reader.bits(8)) == (0xA, False, 5, 0x0F)
    assert reader.bits_left == 0


@pytest.mark.parametrize(
    ("bits", "unsigned", "signed"),
    [("1", 0, 0), ("010", 1, 1), ("011", 2, -1), ("00100", 3, 2), ("00101", 4, -2), ("0001000", 7, 4)],
)
def test_reads_exp_golomb_codes_of_table_9_2(bits: str, unsigned: int, signed: int) -> None:
    data = int(bits.ljust(8, "0"), 2).to_bytes(1, "big")
    assert BitReader(data).ue() == unsigned
    assert BitReader(data).se() == signed


def test_never_reads_past_the_end() -> None:
    with pytest.raises(InvalidBitstream):
        BitReader(b"\xff").bits(9)
    with pytest.raises(InvalidBitstream):
        BitReader(b"\x00").ue()


def test_an_endless_exp_golomb_code_is_refused() -> None:
    with pytest.raises(InvalidBitstream, match="32 bits"):
        BitReader(b"\x00" * 100).ue()


def test_emulation_prevention_is_taken_out() -> None:
    assert unescape(b"\x01\x00\x00\x03\x00\x00\x03\x01") == b"\x01\x00\x00\x00\x00\x01"
