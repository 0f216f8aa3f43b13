"""The rig's own parts, as far as they decide something: what it measures with must itself be right."""

from __future__ import annotations

import random
import struct

import pytest

from tests.rig import crippled
from tests.rig.crippled import PROTECTIONS
from tests.rig.faults import Faults
from tests.rig.figures import at_least, at_most, complaints, exactly
from tests.rig.frame_tap import frame_end, gaps_ms
from tests.rig.scenarios import ALL, QUICK, TRIALS
from tests.rig.tun_relay import Character, Line
from tests.support.crippled_page import REMEDIES, crippled_modules


def line(character: Character) -> Line:
    one = Line(random.Random(3))
    one.character = character
    return one


def arrivals(one: Line, *, until: float) -> list[tuple[float, bytes]]:
    found = []
    while (due := one.due) is not None and due <= until:
        packet = one.take(due)
        assert packet is not None
        found.append((due, packet))
    return found


def test_a_line_delays_every_packet_alike() -> None:
    one = line(Character(delay_s=0.025))
    for number in range(3):
        one.put(bytes([number]), now=number / 100)
    assert one.take(0.02) is None
    assert arrivals(one, until=1.0) == [(0.025, b"\0"), (0.035, b"\1"), (0.045, b"\2")]


def test_jitter_keeps_the_order() -> None:
    one = line(Character(delay_s=0.01, jitter_s=0.05))
    for number in range(100):
        one.put(bytes([number]), now=number / 1000)
    times, packets = zip(*arrivals(one, until=1.0), strict=True)
    assert list(packets) == [bytes([number]) for number in range(100)]
    assert len(set(times)) > 5


def test_reordering_lets_others_overtake() -> None:
    one = line(Character(reorder=0.2))
    for number in range(100):
        one.put(bytes([number]), now=number / 1000)
    packets = [packet for _, packet in arrivals(one, until=1.0)]
    assert packets != sorted(packets)
    assert sorted(packets) == [bytes([number]) for number in range(100)]


def test_a_line_holds_a_bounded_number_of_packets() -> None:
    one = line(Character(delay_s=1.0))
    for _ in range(Line.MOST + 5):
        one.put(b"x", now=0.0)
    assert one.dropped == 5


def test_no_faults_are_no_rules() -> None:
    assert "drop" not in Faults().ruleset()
    assert "snat" not in Faults().ruleset()


def test_loss_is_a_share_of_all_packets() -> None:
    assert "meta l4proto udp numgen random mod 10000 < 500 drop" in Faults(loss=0.05).ruleset()


def test_what_may_be_reached_alone_is_alone_in_both_families() -> None:
    only_4, only_6 = Faults(media_only_to="10.77.2.9").ruleset(), Faults(media_only_to="fd77::9").ruleset()
    assert "ip daddr != 10.77.2.9 meta l4proto { tcp, udp } th dport 8190-8199 drop" in only_4
    assert "meta nfproto ipv6 meta l4proto { tcp, udp } th dport 8190-8199 drop" in only_4
    assert "ip6 daddr != fd77::9" in only_6
    assert "meta nfproto ipv4" in only_6


def test_a_figure_that_is_missing_or_out_of_bounds_is_a_complaint() -> None:
    limits = {"a": at_most(1), "b": at_least(1), "c": exactly("udp"), "d": exactly(0)}
    assert complaints({"a": 1.0, "b": 1.0, "c": "udp", "d": 0}, limits) == {}
    assert complaints({"a": 2.0, "b": 0.5, "c": "udp", "d": 0}, limits, slack=2) == {}
    assert set(complaints({"a": 2.1, "b": 0.4, "c": "tcp", "d": 0}, limits, slack=2)) == {"a", "b", "c"}
    wrong = complaints({"a": 1.1, "b": 0.9, "c": "tcp"}, limits)
    assert list(wrong) == ["a", "b", "c", "d"]
    assert wrong["a"] == "a is 1.1, and should be <= 1"


@pytest.mark.parametrize(
    ("source", "rtp", "ends"),
    [
        (8190, bytes([0x80, 0x80 | 96]), (40000, 0x01020304)),
        (8190, bytes([0x80, 96]), None),
        (8190, bytes([0x80, 200]), None),
        (8190, bytes([0x16, 0xFE]), None),
        (443, bytes([0x80, 0x80 | 96]), None),
    ],
    ids=["marker", "middle of a frame", "RTCP", "DTLS", "another port"],
)
def test_the_tap_knows_the_end_of_a_frame(source: int, rtp: bytes, ends: tuple[int, int] | None) -> None:
    header = bytes([0x45]) + bytes(8) + bytes([17]) + bytes(10)
    udp = struct.pack("!HHHH", source, 40000, 0, 0)
    packet = header + udp + rtp + bytes(6) + b"\x01\x02\x03\x04" + bytes(20)
    assert frame_end(packet) == ends
    assert all(frame_end(packet[:size]) is None for size in range(40))


def test_gaps_are_between_neighbours() -> None:
    assert gaps_ms([1.0, 1.5, 1.75]) == [500.0, 250.0]


def test_every_protection_is_missed_by_something_and_breaks_a_figure_that_is_judged() -> None:
    missed = [(one.without, one.breaks, one.limits) for one in ALL]
    missed += [(name, breaks, one.limits) for one in TRIALS for name, breaks in one.without.items()]
    assert {without for without, _, _ in missed} == set(PROTECTIONS)
    assert all(breaks and breaks <= limits.keys() for _, breaks, limits in missed)
    assert all(one.without for one in TRIALS)
    assert all(one in ALL for one in QUICK)
    assert len({one.name for one in (*ALL, *TRIALS)}) == len(ALL) + len(TRIALS)


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_what_a_crippled_gateway_leaves_out_is_still_there_to_be_left_out(
    monkeypatch: pytest.MonkeyPatch, protection: str
) -> None:
    replaced: list[str] = []

    def only_look(owner: object, name: str, _: object) -> None:
        getattr(owner, name)
        replaced.append(name)

    monkeypatch.setattr(crippled, "_replace", only_look)
    PROTECTIONS[protection]()
    assert replaced


@pytest.mark.parametrize("remedy", REMEDIES)
def test_what_a_crippled_page_leaves_out_still_stands_in_one_place(remedy: str) -> None:
    assert crippled_modules(REMEDIES[remedy])
