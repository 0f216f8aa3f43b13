"""What a viewer may cause, over time."""

from __future__ import annotations

import pytest

from gateway.webrtc.budget import Budget


@pytest.fixture(name="budget")
def _budget() -> Budget:
    return Budget(per_s=10, at_once=100, now=50.0)


def test_all_there_is_may_go_at_once_and_then_as_much_as_grows(budget: Budget) -> None:
    assert budget.spend(100, 50.0)
    assert not budget.spend(1, 50.05)
    assert budget.spend(10, 51.0)
    assert not budget.spend(1, 51.0)


def test_what_is_refused_costs_nothing(budget: Budget) -> None:
    assert budget.spend(95, 50.0)
    assert not budget.spend(6, 50.0)
    assert budget.spend(5, 50.0)


def test_no_more_gathers_than_may_go_at_once(budget: Budget) -> None:
    assert not budget.spend(101, 9999.0)
    assert budget.spend(100, 9999.0)


def test_part_may_be_taken_in_whole_ones(budget: Budget) -> None:
    assert budget.take(60, 50.0) == 60
    assert budget.take(60, 50.0) == 40
    assert budget.take(60, 50.05) == 0
    assert budget.take(60, 50.25) == 2


def test_a_time_before_the_last_gives_and_takes_nothing(budget: Budget) -> None:
    assert budget.spend(100, 51.0)
    assert not budget.spend(1, 40.0)
    assert not budget.spend(11, 52.0)
    assert budget.spend(10, 52.0)
