from __future__ import annotations

import pytest

from gateway.source import backoff


def _delay(failures: int, *, random: float = 0.5, watched: bool = False, lockout_risk: bool = False) -> float:
    return backoff.delay_s(failures, random=random, watched=watched, lockout_risk=lockout_risk)


def test_the_schedule_is_1_s_5_times_5_s_5_times_10_s_10_times_then_60_s() -> None:
    assert [_delay(failures) for failures in range(1, 24)] == [1.0] * 5 + [5.0] * 5 + [10.0] * 10 + [60.0] * 3
    assert _delay(1_000_000) == 60.0


@pytest.mark.parametrize(("random", "expected"), [(0.0, 8.0), (0.25, 9.0), (0.999_999, 12.0)])
def test_jitter_is_a_fifth_either_way(random: float, expected: float) -> None:
    assert _delay(11, random=random) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("failures", [1, 6, 11, 100])
def test_never_more_than_two_seconds_while_watched(failures: int) -> None:
    assert _delay(failures, random=0.99, watched=True) <= 2.0


def test_a_refused_password_keeps_the_schedule_even_while_watched() -> None:
    assert _delay(100, watched=True, lockout_risk=True) == 60.0


def test_what_cannot_be_shown_is_looked_at_once_a_minute() -> None:
    assert backoff.slow_delay_s(random=0.5) == 60.0
