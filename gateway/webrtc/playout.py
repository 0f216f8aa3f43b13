"""How far behind a player is told to stay: moves to what its mode wants no faster than pictures can follow (pure).

Players obey at once; a leap would hold the picture still, or skip.  In small steps pictures only run a tenth slower or
faster for a while.
"""

from __future__ import annotations

from typing import Final

UNITS_PER_S: Final = 10
"""How far it moves in a second, in units of 10 ms, as the header extension has them: by 100 ms."""

NO_LIMIT: Final = 4095
"""The longest delay the extension can say."""

_MOST_AT_ONCE: Final = UNITS_PER_S
_ROUNDING_S: Final = 1e-6


class PlayoutDelay:
    """`least` and `most` are what the extension says, in units of 10 ms.

    0 and 0 have a meaning of their own, to show every picture as soon as it is decoded; above that the player may wait
    for longer than it is told, if its network needs that.
    """

    def __init__(self) -> None:
        self.least = 0
        self._target = 0
        self._moved_at: float | None = None

    @property
    def most(self) -> int:
        """Where the player's own buffer ends."""
        return NO_LIMIT if self.least else 0

    @property
    def moving(self) -> bool:
        """Whether it is not yet where it is to be."""
        return self.least != self._target

    def aim(self, delay_s: float) -> None:
        """Go to `delay_s`."""
        self._target = min(NO_LIMIT, round(delay_s * 100))

    def step(self, now: float) -> bool:
        """Whether it has moved, at monotonic second `now`: as far as the time since the last move allows."""
        if not self.moving:
            return False
        if self._moved_at is None:
            self._moved_at = now
        units = min(_MOST_AT_ONCE, int((now - self._moved_at + _ROUNDING_S) * UNITS_PER_S))
        if not units:
            return False
        # After a pause it goes on from there, and makes up for nothing.
        self._moved_at = now if units == _MOST_AT_ONCE else self._moved_at + units / UNITS_PER_S
        self.least += max(-units, min(units, self._target - self.least))
        if self.least == self._target:
            self._moved_at = None
        return True
