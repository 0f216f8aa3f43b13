"""How long to wait before the next attempt to open a camera (pure)."""

from __future__ import annotations

from typing import Final

SCHEDULE: Final = ((5, 1.0), (5, 5.0), (10, 10.0))
"""Pairs of (how many attempts, seconds before each); afterwards LAST_DELAY_S for ever."""

LAST_DELAY_S: Final = 60.0
JITTER: Final = 0.2
WATCHED_DELAY_S: Final = 2.0


def delay_s(failures: int, *, random: float, watched: bool, lockout_risk: bool = False) -> float:
    """Seconds before the next attempt after `failures` (≥ 1) in a row; `random` is in [0, 1).

    While somebody watches it is at most WATCHED_DELAY_S, unless each attempt may bring the account closer to being
    locked (a refused password).
    """
    jittered = _jittered(_base_s(failures), random)
    return min(jittered, WATCHED_DELAY_S) if watched and not lockout_risk else jittered


def slow_delay_s(*, random: float) -> float:
    """Seconds before a camera whose stream can't be shown is looked at again; `random` is in [0, 1)."""
    return _jittered(LAST_DELAY_S, random)


def _jittered(seconds: float, random: float) -> float:
    return seconds * (1 - JITTER + 2 * JITTER * random)


def _base_s(failures: int) -> float:
    passed = failures - 1
    for attempts, seconds in SCHEDULE:
        if passed < attempts:
            return seconds
        passed -= attempts
    return LAST_DELAY_S
