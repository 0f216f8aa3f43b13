"""Lets one costly step of a handshake run per turn of the event loop, so that fifty at once delay no frame."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable
from typing import Final

MAX_WAITING: Final = 2048
MAX_WAITING_EACH: Final = 16
"""Steps of one owner that may wait: a flight of a DTLS handshake is a handful of datagrams."""


class Lane:
    """A queue of short callbacks, one per turn of the loop; nobody's fill it alone."""

    def __init__(self) -> None:
        self._steps: deque[tuple[Hashable, Callable[[], None]]] = deque()
        self._waiting: Counter[Hashable] = Counter()
        self._next: asyncio.Handle | None = None

    def put(self, owner: Hashable, step: Callable[[], None]) -> bool:
        """Run `step` in its turn; False when too many wait already, of this owner or in all, and it was dropped."""
        if self._waiting[owner] >= MAX_WAITING_EACH or len(self._steps) >= MAX_WAITING:
            return False
        self._waiting[owner] += 1
        self._steps.append((owner, step))
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._run)
        return True

    def _run(self) -> None:
        owner, step = self._steps.popleft()
        self._waiting[owner] -= 1
        if not self._waiting[owner]:
            del self._waiting[owner]
        self._next = asyncio.get_running_loop().call_soon(self._run) if self._steps else None
        step()

    def close(self) -> None:
        """Forget what waits."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._steps.clear()
        self._waiting.clear()
