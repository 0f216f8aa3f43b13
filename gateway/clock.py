"""The two clocks of the gateway, as a parameter so that tests can drive them."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people and programmes see, monotonic time for durations and deadlines."""

    def now(self) -> float:
        """Unix seconds; may step when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never steps."""


class _SystemClock:
    __slots__ = ()

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


SYSTEM_CLOCK: Clock = _SystemClock()
