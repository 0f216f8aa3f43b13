"""When a capture is due: instants on a fixed grid, so that timestamps are even and lateness does not add up."""

from __future__ import annotations

import math


class Grid:
    """The instants `epoch_s + number / rate_hz`; a capture that is later than `patience_s` is skipped."""

    def __init__(self, *, epoch_s: float, rate_hz: float, patience_s: float = 0.0) -> None:
        self._epoch_s = epoch_s
        self._rate_hz = rate_hz
        self._patience_s = patience_s
        self.number = 0

    @property
    def due_s(self) -> float:
        """When the current capture is due."""
        return self._epoch_s + self.number / self._rate_hz

    def restart(self, now_s: float) -> None:
        """Makes the first instant not before `now_s` the current one."""
        self.number = math.ceil((now_s - self._epoch_s) * self._rate_hz)

    def advance(self, now_s: float) -> None:
        """Goes on to the next instant, or to the newest one past if more than the patience was lost."""
        self.number += 1
        newest = math.floor((now_s - self._epoch_s) * self._rate_hz)
        if (newest - self.number) / self._rate_hz > self._patience_s:
            self.number = newest
