"""How a viewer's playout delay moves."""

from __future__ import annotations

import pytest

from gateway.negotiate.modes import DELAY_S, Mode
from gateway.webrtc.playout import NO_LIMIT, STEP, PlayoutDelay


def moved(delay: PlayoutDelay, *, begin: int, seconds: int) -> list[int]:
    """Where it stands after each of so many seconds."""
    steps = []
    for now in range(begin, begin + seconds):
        delay.step(float(now))
        steps.append(delay.least)
    return steps


def test_at_first_pictures_are_shown_at_once() -> None:
    delay = PlayoutDelay()
    assert not delay.step(5.0)
    assert (delay.least, delay.most) == (0, 0)


def test_it_rises_by_a_tenth_of_a_second_each_second_and_stays() -> None:
    delay = PlayoutDelay()
    delay.aim(0.3)
    assert moved(delay, begin=0, seconds=5) == [10, 20, 30, 30, 30]
    assert delay.most == NO_LIMIT


def test_however_often_it_is_asked_it_moves_once_a_second() -> None:
    delay = PlayoutDelay()
    delay.aim(4.0)
    rises = sum(delay.step(10.0 + tick / 10) for tick in range(100))
    assert rises == 10
    assert delay.least == 10 * STEP


def test_after_a_pause_it_does_not_leap() -> None:
    delay = PlayoutDelay()
    delay.aim(4.0)
    delay.step(0.0)
    delay.step(60.0)
    assert delay.least == 2 * STEP


def test_it_turns_round_where_it_is() -> None:
    delay = PlayoutDelay()
    delay.aim(4.0)
    assert moved(delay, begin=0, seconds=3) == [10, 20, 30]
    delay.aim(0.0)
    assert moved(delay, begin=3, seconds=4) == [20, 10, 0, 0]
    assert delay.most == 0


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_is_reached_in_whole_steps(mode: Mode) -> None:
    delay = PlayoutDelay()
    delay.aim(DELAY_S[mode])
    moved(delay, begin=0, seconds=100)
    assert delay.least == round(DELAY_S[mode] * 100)


def test_no_more_than_the_extension_can_say() -> None:
    delay = PlayoutDelay()
    delay.aim(1000.0)
    moved(delay, begin=0, seconds=1000)
    assert delay.least == NO_LIMIT // STEP * STEP
