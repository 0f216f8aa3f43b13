"""Tells whether the next part comes so soon that who asks for whatever there is had better wait for it.

A player begins so far from the end of its first playlist, and hls.js never catches up with the age of what it found
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.clock import Clock

_SOON_S: Final = 0.125
"""Worth waiting for: less than a player loses by it if it has to begin with what there is."""

_LATE_SHARE: Final = 0.2
"""By so much of its length a part may be late before nobody waits for it."""


class NextPart:
    """Belongs to the event loop's thread; `give_up` is called when who waits had better be answered without it."""

    def __init__(self, clock: Clock, give_up: Callable[[], None]) -> None:
        self._clock = clock
        self._give_up = give_up
        self._last_came_at = 0.0
        self._is_late = False
        self._timer: asyncio.TimerHandle | None = None

    def came(self, at: float) -> None:
        """It is there since monotonic second `at`, or something else has changed: from then on it is the one after."""
        self._last_came_at = at
        self._is_late = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_soon(self, part_s: float) -> bool:
        """Whether it is worth waiting for, of parts of `part_s` seconds; if so, nobody will wait in vain."""
        left_s = self._last_came_at + part_s - self._clock.monotonic()
        if self._is_late or not 0 < left_s <= _SOON_S:
            return False
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(left_s + part_s * _LATE_SHARE, self._stays_away)
        return True

    def _stays_away(self) -> None:
        self._timer = None
        self._is_late = True
        self._give_up()
