"""Blocking look-ups in threads that keep neither the event loop nor the process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Final, TypeVar

_MAX_HANGING: Final = 4
_Found = TypeVar("_Found")


class Lookups:
    """Runs each look-up in a daemon thread of its own; no more than four hang at a time.

    Not asyncio's executor: a resolver whose servers are gone can't be cancelled, and the process would wait for it.
    """

    def __init__(self) -> None:
        self._running: set[threading.Thread] = set()

    async def run(self, look_up: Callable[[], _Found], *, deadline_s: float) -> _Found:
        """What `look_up` returns or raises; raises TimeoutError after the deadline or when too many hang already."""
        self._running = {thread for thread in self._running if thread.is_alive()}
        if len(self._running) >= _MAX_HANGING:
            raise TimeoutError("earlier look-ups still hang")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[_Found] = loop.create_future()

        def settle(result: _Found | None, error: BaseException | None) -> None:
            if found.done():
                return
            if error is not None:
                found.set_exception(error)
            else:
                found.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            result, failure = None, None
            try:
                result = look_up()
            except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
                failure = error
            # Nobody waits any more once the loop has closed.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, result, failure)

        thread = threading.Thread(target=work, name="look-up", daemon=True)
        self._running.add(thread)
        thread.start()
        async with asyncio.timeout(deadline_s):
            return await found
