"""Lengths of time as people write them: 200ms, 30s, 5m, 1h, 2d (pure)."""

from __future__ import annotations

import re
from typing import Final

_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(ms|s|m|h|d)")


def parse_duration(text: str) -> float:
    """Seconds; ValueError with what to write instead."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("must be a number with its unit: ms, s, m, h or d (for example 30s, 1h)")
    return float(match[1]) * _UNITS_S[match[2]]


def describe_duration(seconds: float) -> str:
    """The shortest way to write whole seconds: 3600 is 1h."""
    whole = int(seconds)
    for unit in ("d", "h", "m"):
        if whole and whole % _UNITS_S[unit] == 0:
            return f"{whole // int(_UNITS_S[unit])}{unit}"
    return f"{whole}s"
