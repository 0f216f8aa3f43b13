"""When a viewer is moved to the substream, and when the main stream is tried again."""

from __future__ import annotations

import pytest

from gateway.webrtc.congestion import REPEATS_SHARE, Reported
from gateway.webrtc.renditions import (
    CALM_S,
    FIRST_TRY_S,
    LAST_TRY_S,
    MOVE_WITHIN_S,
    NARROW_S,
    PROBATION_S,
    PROVED_S,
    REFUSED_S,
    VERY_NARROW_S,
    Rendition,
    RenditionChoice,
)

MAIN, SUBSTREAM = Rendition.MAIN, Rendition.SUBSTREAM
MAIN_BPS, SUBSTREAM_BPS = 4_000_000, 500_000
CLEAN, NARROW, VERY_NARROW = Reported(0.0), Reported(0.4), Reported(0.6)


class Link:
    """A viewer that reports once a second, and a broadcast that moves it at once if `obeys`."""

    def __init__(self, *, obeys: bool = True) -> None:
        self.choice = RenditionChoice()
        self.now = 1000.0
        self.obeys = obeys
        self.asked: list[tuple[float, Rendition]] = []

    def report(self, link: Reported, seconds: float = 1) -> None:
        for _ in range(round(seconds)):
            need = MAIN_BPS if self.choice.current is MAIN else SUBSTREAM_BPS
            wanted = self.choice.report(link, self.now, need_bps=need)
            if wanted is not None:
                self.asked.append((self.now, wanted))
                if self.obeys and self.choice.moving:
                    self.choice.arrived(self.now)
            self.now += 1

    def moves(self) -> list[Rendition]:
        return [rendition for _, rendition in self.asked]


def on_substream() -> Link:
    link = Link()
    link.report(NARROW, NARROW_S + 1)
    assert link.choice.current is SUBSTREAM
    return link


def test_a_link_that_stays_too_narrow_for_two_seconds_gets_the_substream() -> None:
    link = Link()
    link.report(CLEAN, 10)
    begun = link.now
    link.report(NARROW, 5)
    assert link.asked == [(begun + NARROW_S, SUBSTREAM)]


def test_one_that_loses_most_of_it_gets_the_substream_sooner() -> None:
    link = Link()
    begun = link.now
    link.report(NARROW)
    link.report(VERY_NARROW, 3)
    assert link.asked == [(begun + VERY_NARROW_S, SUBSTREAM)]


def test_a_link_that_was_gone_for_a_moment_keeps_the_main_stream() -> None:
    link = Link()
    for _ in range(5):
        link.report(Reported(1.0))
        link.report(CLEAN)
    assert link.asked == []


@pytest.mark.parametrize(("lost", "carried"), [(0.6, 0.4 + REPEATS_SHARE), (0.1, 1.0)])
def test_what_was_sent_again_counts_as_carried(lost: float, carried: float) -> None:
    link = Link()
    link.report(Reported(lost, 0.5, 1_000_000), NARROW_S + 1)
    assert link.choice.carried_bps == pytest.approx(carried * MAIN_BPS)


@pytest.mark.parametrize(
    "reports",
    [
        [Reported(0.4), Reported(0.4), CLEAN] * 5,
        [Reported(0.19)] * 30,
        [Reported(0.0, estimate_bps=1_000_000)] * 30,
    ],
    ids=["bursts", "loss that is borne", "an estimate alone"],
)
def test_what_retransmission_heals_moves_nobody(reports: list[Reported]) -> None:
    link = Link()
    for one in reports:
        link.report(one)
    assert link.asked == []


def test_a_low_estimate_with_growing_delay_moves_down() -> None:
    link = Link()
    link.report(Reported(0.0, 0.5, 1_000_000), 4)
    assert link.moves() == [SUBSTREAM]


def test_a_substream_that_does_not_come_is_given_up_and_left_alone_for_a_while() -> None:
    link = Link(obeys=False)
    link.report(NARROW, NARROW_S + 1)
    moving = [link.choice.moving]
    link.report(NARROW, MOVE_WITHIN_S)
    assert link.moves() == [SUBSTREAM, MAIN]
    assert [*moving, link.choice.moving] == [True, False]
    link.report(NARROW, REFUSED_S - 2)
    assert link.moves() == [SUBSTREAM, MAIN]
    link.report(NARROW, 3)
    assert link.moves() == [SUBSTREAM, MAIN, SUBSTREAM]


def test_one_that_is_refused_at_once_is_left_alone_too() -> None:
    link = Link(obeys=False)
    link.report(NARROW, NARROW_S + 1)
    assert link.choice.refused(link.now) is MAIN
    assert link.choice.refused(link.now) is None
    link.report(NARROW, REFUSED_S - 1)
    assert link.moves() == [SUBSTREAM]


def test_one_that_fails_while_it_is_shown_brings_the_main_stream_back() -> None:
    link = on_substream()
    assert link.choice.refused(link.now) is MAIN
    assert link.choice.moving


def test_the_main_stream_is_tried_after_a_calm_while() -> None:
    link = on_substream()
    arrived = link.asked[-1][0]
    link.report(CLEAN, FIRST_TRY_S + 2)
    assert link.asked[1:] == [(arrived + FIRST_TRY_S, MAIN)]


def test_loss_on_the_substream_puts_the_try_off() -> None:
    link = on_substream()
    link.report(CLEAN, FIRST_TRY_S - 2)
    link.report(Reported(0.03))
    begun = link.now
    link.report(CLEAN, CALM_S + 2)
    assert link.asked[1:] == [(begun + CALM_S, MAIN)]


def test_an_overload_before_the_main_stream_has_come_keeps_the_substream() -> None:
    link = on_substream()
    link.obeys = False
    link.report(CLEAN, FIRST_TRY_S + 1)
    link.report(NARROW)
    assert link.moves() == [SUBSTREAM, MAIN, SUBSTREAM]
    assert (link.choice.current, link.choice.moving) == (SUBSTREAM, False)


def test_a_try_that_fails_ends_within_a_report_and_the_next_ones_come_later_and_later() -> None:
    link = on_substream()
    waits: list[float] = []
    for _ in range(8):
        since = link.now
        while link.choice.current is SUBSTREAM:
            link.report(CLEAN)
        waits.append(link.now - since)
        link.report(NARROW)
        assert link.choice.current is SUBSTREAM
    assert waits == pytest.approx([FIRST_TRY_S, 30, 60, 120, 240, LAST_TRY_S, LAST_TRY_S, LAST_TRY_S], abs=1.5)


def test_light_loss_ends_a_try_only_in_its_second_second() -> None:
    link = on_substream()
    link.report(CLEAN, FIRST_TRY_S + 1)
    assert link.choice.current is MAIN
    low = Reported(0.1, 0.0, 1_000_000)
    link.report(low)
    assert link.choice.current is MAIN
    link.report(low)
    assert link.choice.current is SUBSTREAM


def test_a_main_stream_that_lasts_makes_the_next_try_early_again() -> None:
    link = on_substream()
    link.report(CLEAN, FIRST_TRY_S + 1)
    link.report(NARROW)
    link.report(CLEAN, 2 * FIRST_TRY_S + 1)
    assert link.choice.current is MAIN
    link.report(CLEAN, PROVED_S + 1)
    link.report(NARROW, NARROW_S + 1)
    arrived = link.asked[-1][0]
    link.report(CLEAN, FIRST_TRY_S + 2)
    assert link.asked[-1] == (arrived + FIRST_TRY_S, MAIN)


def test_after_its_probation_the_main_stream_is_borne_like_any_other() -> None:
    link = on_substream()
    link.report(CLEAN, FIRST_TRY_S + 1 + PROBATION_S)
    begun = link.now
    link.report(NARROW, NARROW_S + 1)
    assert link.asked[-1] == (begun + NARROW_S, SUBSTREAM)
