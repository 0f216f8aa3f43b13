"""How much of something a viewer may cause: a token bucket for each (pure)."""

from __future__ import annotations


class Budget:
    """`at_once` to begin with and at most, growing by `per_s`.  Times are monotonic seconds."""

    def __init__(self, *, per_s: float, at_once: float, now: float) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._left = at_once
        self._at = now

    def spend(self, amount: float, now: float) -> bool:
        """Take all of `amount` or, and then False, nothing."""
        self._grow(now)
        if amount > self._left:
            return False
        self._left -= amount
        return True

    def take(self, most: int, now: float) -> int:
        """Take as many whole ones as there are, up to `most`."""
        self._grow(now)
        taken = min(most, int(self._left))
        self._left -= taken
        return taken

    def _grow(self, now: float) -> None:
        self._left = min(self._at_once, self._left + max(0.0, now - self._at) * self._per_s)
        self._at = max(self._at, now)
