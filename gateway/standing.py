"""Whether another server is there, by its answers: one lost is no outage, one that comes is no recovery (pure)."""

from __future__ import annotations

from typing import Final

DOWN_AFTER: Final = 2
"""So many checks in a row without an answer, and it is down."""

UP_AFTER: Final = 2
"""So many answers in a row, and it is up again; at the very first check one is enough."""

INTERVAL_S: Final = 2.0
DOUBT_INTERVAL_S: Final = 0.5
"""Between checks while the last ones contradict what is believed: an outage is known within INTERVAL_S and this."""


class Standing:
    """Down until it is heard of."""

    def __init__(self) -> None:
        self.is_up = False
        self.is_known = False
        self._contradictions = 0

    def heard(self, *, answered: bool) -> bool:
        """One check's outcome; True if the server is up now and was down, or the other way round."""
        if not self.is_known:
            self.is_known, self.is_up = True, answered
            return answered
        if answered == self.is_up:
            self._contradictions = 0
            return False
        self._contradictions += 1
        if self._contradictions < (DOWN_AFTER if self.is_up else UP_AFTER):
            return False
        self.is_up, self._contradictions = answered, 0
        return True

    @property
    def next_check_s(self) -> float:
        """Seconds until the next one."""
        return DOUBT_INTERVAL_S if self._contradictions else INTERVAL_S
