"""How far behind a player is told to stay: moves to what its mode wants no faster than pictures can follow (pure).

Players obey at once; a leap would hold the picture still, or skip.  Slowly, pictures only run a tenth slower or faster.
"""

from __future__ import annotations

from typing import Final

STEP: Final = 10
"""In units of 10 ms, as the header extension has them.  Viewers on their way stand on the same few values, and so share
the packets made for them."""

STEP_INTERVAL_S: Final = 1.0
NO_LIMIT: Final = 4095
"""The longest delay the extension can say."""

_EARLY_S: Final = 0.01


class PlayoutDelay:
    """`least` and `most` are what the extension says, in units of 10 ms.

    0 and 0 have a meaning of their own, to show every picture as soon as it is decoded; above that the player may wait
    for longer than it is told, if its network needs that.
    """

    def __init__(self) -> None:
        self.least = 0
        self._target = 0
        self._moved_at = float("-inf")

    @property
    def most(self) -> int:
        """Where the player's own buffer ends."""
        return NO_LIMIT if self.least else 0

    def aim(self, delay_s: float) -> None:
        """Go to `delay_s`, in whole steps of 0.1 s."""
        self._target = min(NO_LIMIT // STEP, round(delay_s * 100 / STEP)) * STEP

    def step(self, now: float) -> bool:
        """Whether it has moved, at monotonic second `now`."""
        if self.least == self._target or now - self._moved_at < STEP_INTERVAL_S - _EARLY_S:
            return False
        self._moved_at = now
        self.least += STEP if self.least < self._target else -STEP
        return True
