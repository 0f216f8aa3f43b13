"""Takes a running gateway's parts down: together, under one deadline, and the process after them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

_log = logging.getLogger(__name__)

TOGETHER_S: Final = 5.0
"""For all parts that depend on nobody's end, at the same time."""

LAST_S: Final = 1.0
"""For what the others stand on."""

EXIT_S: Final = 7.5
"""From the signal to the end of the process, whatever hangs."""

_CANCELLED_S: Final = 0.25

Close = Callable[[], Awaitable[None]]
_Started = TypeVar("_Started")


class Teardown:
    """Collects what has to be closed; `close` takes 6.5 s at most."""

    def __init__(self) -> None:
        self._together: list[tuple[str, Close]] = []
        self._last: list[tuple[str, Close]] = []

    def add(self, name: str, close: Close, *, last: bool = False) -> None:
        """Close this too: begun in reverse order of adding, but all at once; with `last` after the others."""
        (self._last if last else self._together).append((name, close))

    async def close(self) -> None:
        """Close everything; what does not end in time, or fails, is named in the log and left behind."""
        together, last = self._together[::-1], self._last[::-1]
        self._together, self._last = [], []
        await _close_all(together, within_s=TOGETHER_S)
        await _close_all(last, within_s=LAST_S)


async def _close_all(parts: list[tuple[str, Close]], *, within_s: float) -> None:
    tasks = [asyncio.ensure_future(_closed(name, close)) for name, close in parts]
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=within_s)
    if not late:
        return
    names = ", ".join(name for (name, _), task in zip(parts, tasks, strict=True) if task in late)
    _log.warning("stopping: %s did not end within %g s and is left behind", names, within_s)
    for task in late:
        task.cancel()
    await asyncio.wait(late, timeout=_CANCELLED_S)


async def _closed(name: str, close: Close) -> None:
    try:
        await close()
    except Exception:  # noqa: BLE001  one part's failure must not keep the others open
        _log.exception("stopping: closing %s failed", name)


class ExitDeadline:
    """Ends the process when it has not ended by itself.

    A thread that hangs in a look-up or a decoder would keep it: asyncio and the interpreter wait for their executors'
    threads without end.
    """

    def __init__(self, within_s: float = EXIT_S, *, leave: Callable[[int], None] = os._exit) -> None:
        self._within_s = within_s
        self._leave = leave
        self._timer: threading.Timer | None = None
        self.done = False
        """Whether everything was taken down, so that only threads can be left."""

    def begin(self) -> None:
        """The time runs from here; once."""
        if self._timer is None:
            self._timer = threading.Timer(self._within_s, self._over)
            # Never what keeps the process itself.
            self._timer.daemon = True
            self._timer.start()

    def _over(self) -> None:
        hanging = sorted(thread.name for thread in threading.enumerate() if thread is not threading.current_thread())
        _log.warning("stopping: not ended after %g s; leaving behind %s", self._within_s, ", ".join(hanging))
        self._leave(0 if self.done else 1)


class StopSignal:
    """SIGINT or SIGTERM: the process's last seconds begin; what is still starting is given up."""

    def __init__(self, deadline: ExitDeadline) -> None:
        self._deadline = deadline
        self._asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask)

    def _ask(self) -> None:
        if not self._asked.is_set():
            _log.info("stopping")
        self._deadline.begin()
        self._asked.set()

    async def wait(self) -> None:
        """Until the signal."""
        await self._asked.wait()

    async def outruns(self, start: Coroutine[Any, Any, _Started]) -> _Started | None:
        """What `start` returns, or None if the signal comes before and it is cancelled; raises what `start` raises."""
        starting = asyncio.create_task(start, name="start")
        waiting = asyncio.create_task(self.wait(), name="signal to stop")
        # A name that is looked up may take its time; a signal must not wait for it.
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        for task in (starting, waiting):
            task.cancel()
        await asyncio.wait((starting, waiting))
        return None if starting.cancelled() else starting.result()
