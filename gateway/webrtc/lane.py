"""Lets one costly step of a handshake run per turn of the event loop, so that fifty at once delay no frame."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

_MAX_WAITING: Final = 2048


class Lane:
    """A queue of short callbacks, one per turn of the loop."""

    def __init__(self) -> None:
        self._steps: deque[Callable[[], None]] = deque()
        self._next: asyncio.Handle | None = None

    def put(self, step: Callable[[], None]) -> bool:
        """Run `step` in its turn; False when too many wait already and it was dropped."""
        if len(self._steps) >= _MAX_WAITING:
            return False
        self._steps.append(step)
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._run)
        return True

    def _run(self) -> None:
        self._steps.popleft()()
        self._next = asyncio.get_running_loop().call_soon(self._run) if self._steps else None

    def close(self) -> None:
        """Forget what waits."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self._steps.clear()
