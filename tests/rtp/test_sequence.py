"""One viewer's sequence numbers over the shared packet index."""

from __future__ import annotations

import random

import pytest

from gateway.rtp.sequence import SequenceMap


def test_numbers_start_where_they_are_told_to() -> None:
    numbers = SequenceMap(100)
    assert numbers.assign(5000, 3) == 100
    assert numbers.next_number == 103


@pytest.mark.parametrize("first", [-1, 1 << 15, 65_535])
def test_a_first_number_near_the_rollover_is_refused(first: int) -> None:
    with pytest.raises(ValueError, match="0…32767"):
        SequenceMap(first)


def test_packets_left_out_leave_no_gap_in_the_numbers() -> None:
    numbers = SequenceMap(0)
    given = [numbers.assign(index, count) for index, count in ((10, 5), (15, 5), (40, 2), (100, 1))]
    assert given == [0, 5, 10, 12]


def test_a_missed_number_leads_back_to_the_packet_it_was_given_to() -> None:
    numbers = SequenceMap(1000)
    numbers.assign(10, 5)
    numbers.assign(40, 2)
    assert [numbers.index_of(n) for n in range(1000, 1007)] == [10, 11, 12, 13, 14, 40, 41]


@pytest.mark.parametrize("number", [0, 999, 1007, 1008, 30_000, 65_535])
def test_a_number_never_sent_leads_nowhere(number: int) -> None:
    numbers = SequenceMap(1000)
    numbers.assign(10, 5)
    numbers.assign(40, 2)
    assert numbers.index_of(number) is None


def test_nothing_is_known_before_the_first_packet() -> None:
    numbers = SequenceMap(7)
    assert numbers.index_of(7) is None
    assert numbers.index_of(6) is None
    assert numbers.number_of(0) is None


def test_numbers_wrap_at_16_bits_and_lead_back_still() -> None:
    numbers = SequenceMap(32_767)
    numbers.assign(0, 32_770)
    assert numbers.next_number == 65_537
    assert numbers.index_of(65_535) == 32_768
    assert numbers.index_of(0) == 32_769
    assert numbers.extend(0) == 65_536
    assert numbers.extend(65_535) == 65_535


def test_a_packet_leads_to_the_number_it_was_given() -> None:
    numbers = SequenceMap(1000)
    numbers.assign(10, 5)
    numbers.assign(40, 2)
    assert [numbers.number_of(index) for index in (9, 10, 14, 15, 39, 40, 41, 42)] == [
        *(None, 1000, 1004),
        *(None, None),
        *(1005, 1006, None),
    ]


def test_a_packet_sent_again_is_known_by_its_newest_number() -> None:
    numbers = SequenceMap(0)
    numbers.assign(10, 5)
    numbers.assign(10, 5)
    assert numbers.number_of(12) == 7


def test_what_is_remembered_is_bounded_and_what_is_forgotten_leads_nowhere() -> None:
    numbers = SequenceMap(0)
    for step in range(1000):
        numbers.assign(step * 10, 1)
    assert numbers.index_of(0) is None
    assert numbers.number_of(0) is None
    assert numbers.index_of(999) == 9990
    assert numbers.number_of(9990) == 999


@pytest.mark.parametrize("seed", range(20))
def test_every_number_leads_back_to_its_packet_and_every_packet_to_its_number(seed: int) -> None:
    dice = random.Random(seed)
    numbers = SequenceMap(dice.randrange(1 << 15))
    index = dice.randrange(1 << 30)
    given: dict[int, int] = {}
    for _ in range(200):
        index += dice.choice((0, 0, 0, dice.randrange(1, 50)))
        count = dice.randrange(1, 400)
        first = numbers.assign(index, count)
        given |= {first + place: index + place for place in range(count)}
        index += count
    newest = list(given.items())[-60_000:]
    for number, packet in dice.sample(newest, 500):
        assert numbers.index_of(number & 0xFFFF) == packet
        assert numbers.number_of(packet) == number
    assert list(given) == list(range(min(given), numbers.next_number))
