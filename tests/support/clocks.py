"""Clocks that tests move."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class ShiftedClock:
    """The machine's clock, moved."""

    shift_s: float = 0.0

    def now(self) -> float:
        return time.time() + self.shift_s

    def monotonic(self) -> float:
        return time.monotonic() + self.shift_s
