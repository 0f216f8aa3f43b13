"""Lets those who wait for a camera's next part look again when there is something new, a few at a time."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

AT_ONCE: Final = 32
"""So many look before anything else has its turn: a thousand at once would hold up everybody's pictures."""


class Waiter(Protocol):
    """Somebody who waits, told apart by identity."""

    def look(self) -> bool:
        """Whether what they wait for is there and they were answered; must not raise."""

    def give_up(self) -> None:
        """It has not come in time."""


class Waiting:
    """Belongs to the event loop's thread.  Bounded by the connections there are: each waits for one thing at most."""

    def __init__(self) -> None:
        self._deadlines: dict[Waiter, float] = {}
        self._to_look: list[Waiter] = []
        self._turn: asyncio.Handle | None = None

    def __len__(self) -> int:
        return len(self._deadlines)

    def add(self, waiter: Waiter, *, deadline: float) -> None:
        """Until `deadline`, in seconds of the loop's clock."""
        self._deadlines[waiter] = deadline

    def remove(self, waiter: Waiter) -> None:
        """Waits no more; harmless for who does not wait."""
        self._deadlines.pop(waiter, None)

    def changed(self) -> None:
        """There is something new: all look again, soon."""
        if not self._deadlines:
            return
        self._to_look = list(reversed(self._deadlines))
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._turn = None
        for _ in range(min(AT_ONCE, len(self._to_look))):
            waiter = self._to_look.pop()
            if waiter in self._deadlines and waiter.look():
                self._deadlines.pop(waiter, None)
        if self._to_look:
            self._turn = asyncio.get_running_loop().call_soon(self._look)

    def expire(self, now: float) -> None:
        """Those whose deadline has passed at `now` give up."""
        for waiter in [waiter for waiter, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[waiter]
            waiter.give_up()
