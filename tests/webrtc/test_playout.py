"""How a viewer's playout delay moves."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.negotiate.modes import DELAY_S, Mode
from gateway.webrtc.playout import NO_LIMIT, PlayoutDelay


def moved(delay: PlayoutDelay, *, begin: float, steps: int, every_s: float = 1.0) -> list[int]:
    """Where it stands after each of so many pictures."""
    stood = []
    for number in range(steps):
        delay.step(begin + number * every_s)
        stood.append(delay.least)
    return stood


def test_at_first_pictures_are_shown_at_once() -> None:
    delay = PlayoutDelay()
    assert not delay.moving
    assert (delay.least, delay.most) == (0, 0)


def test_it_rises_by_a_hundred_milliseconds_a_second_and_stays() -> None:
    delay = PlayoutDelay()
    delay.aim(0.3)
    assert moved(delay, begin=5.0, steps=6) == [0, 10, 20, 30, 30, 30]
    assert delay.most == NO_LIMIT
    assert not delay.moving


@pytest.mark.parametrize("fps", [5, 12.5, 25, 30, 60])
def test_it_rises_as_fast_however_many_pictures_there_are_and_never_by_leaps(fps: float) -> None:
    delay = PlayoutDelay()
    delay.aim(4.0)
    stood = moved(delay, begin=100.0, steps=round(fps * 10) + 1, every_s=1 / fps)
    assert stood[-1] in (99, 100)
    assert max(later - earlier for earlier, later in pairwise(stood)) <= max(1, 10 / fps)


def test_after_a_pause_it_goes_on_from_there() -> None:
    delay = PlayoutDelay()
    delay.aim(4.0)
    assert moved(delay, begin=0.0, steps=2) == [0, 10]
    assert moved(delay, begin=60.0, steps=2) == [20, 30]
    assert delay.step(61.05) is False


def test_it_turns_round_where_it_is() -> None:
    delay = PlayoutDelay()
    delay.aim(4.0)
    assert moved(delay, begin=0.0, steps=4) == [0, 10, 20, 30]
    delay.aim(0.0)
    assert moved(delay, begin=4.0, steps=4) == [20, 10, 0, 0]
    assert delay.most == 0


def test_moving_again_begins_with_the_next_picture() -> None:
    delay = PlayoutDelay()
    delay.aim(0.1)
    moved(delay, begin=0.0, steps=3)
    delay.aim(0.2)
    assert moved(delay, begin=500.0, steps=3) == [10, 20, 20]


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_is_reached(mode: Mode) -> None:
    delay = PlayoutDelay()
    delay.aim(DELAY_S[mode])
    moved(delay, begin=0.0, steps=100)
    assert delay.least == round(DELAY_S[mode] * 100)


def test_no_more_than_the_extension_can_say() -> None:
    delay = PlayoutDelay()
    delay.aim(1000.0)
    moved(delay, begin=0.0, steps=1000)
    assert delay.least == NO_LIMIT
