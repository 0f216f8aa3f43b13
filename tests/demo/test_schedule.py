"""Captures stay on their grid, and late ones are skipped."""

from __future__ import annotations

import pytest

from gateway.demo.schedule import Grid


def test_captures_stay_on_the_grid() -> None:
    grid = Grid(epoch_s=100.0, rate_hz=25.0)
    grid.restart(100.05)
    assert grid.number == 2
    assert grid.due_s == pytest.approx(100.08)
    grid.advance(100.081)
    assert grid.due_s == pytest.approx(100.12)


def test_late_capture_is_made_and_lost_ones_are_skipped() -> None:
    grid = Grid(epoch_s=0.0, rate_hz=10.0)
    grid.restart(0.0)
    grid.advance(0.19)
    assert grid.number == 1
    grid.advance(0.55)
    assert grid.number == 5


def test_patience_lets_sound_catch_up() -> None:
    grid = Grid(epoch_s=0.0, rate_hz=50.0, patience_s=0.5)
    grid.restart(0.0)
    grid.advance(0.3)
    assert grid.number == 1
    grid.advance(1.0)
    assert grid.number == 50
