"""Shares the event loop's time between cameras that have much to send, in slices of 2 ms."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

from gateway.clock import Clock
from gateway.webrtc.pacing import PACE_S

SLICE_S: Final = 0.002
"""What is being sent yields to everything else on the event loop after this long."""


class Pumped(Protocol):
    """Something with packets to send."""

    def pump(self, until: float) -> bool:
        """Send until nothing may be sent or monotonic second `until` has passed; True when more could be sent now."""

    @property
    def waiting(self) -> bool:
        """Whether something waits for its pace."""

    def resume(self) -> None:
        """`PACE_S` has passed: what waited for its pace may go on."""


class Pump:
    """Takes turns between sources, so that one camera's large keyframe delays no other camera's frame.

    Who has just got something to send comes before those that could not send all of theirs in one turn (as the new
    flows of RFC 8290 do): most have a small frame, and wait for one slice at most, however many others are busy.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fresh: deque[Pumped] = deque()
        self._ready: deque[Pumped] = deque()
        self._queued: set[Pumped] = set()
        self._waiting: set[Pumped] = set()
        self._soon: asyncio.Handle | None = None
        self._later: asyncio.TimerHandle | None = None

    def wake(self, source: Pumped) -> None:
        """`source` has something to send: at once if nobody else is at it, else in its turn."""
        if source not in self._queued:
            self._queued.add(source)
            self._fresh.append(source)
        if self._soon is None:
            self._run()

    def forget(self, source: Pumped) -> None:
        """`source` has no viewers any more."""
        self._waiting.discard(source)
        if source in self._queued:
            self._queued.discard(source)
            (self._fresh if source in self._fresh else self._ready).remove(source)

    def close(self) -> None:
        """Stop all timers."""
        for handle in (self._soon, self._later):
            if handle is not None:
                handle.cancel()
        self._soon = self._later = None
        self._fresh.clear()
        self._ready.clear()
        self._queued.clear()
        self._waiting.clear()

    def _run(self) -> None:
        self._soon = None
        clock = self._clock
        until = clock.monotonic() + SLICE_S
        while self._fresh or self._ready:
            source = (self._fresh or self._ready).popleft()
            self._queued.discard(source)
            if source.pump(until):
                self._queued.add(source)
                self._ready.append(source)
            if source.waiting:
                self._waiting.add(source)
            if clock.monotonic() >= until:
                break
        loop = asyncio.get_running_loop()
        if self._fresh or self._ready:
            self._soon = loop.call_soon(self._run)
        if self._waiting and self._later is None:
            self._later = loop.call_later(PACE_S, self._resume)

    def _resume(self) -> None:
        self._later = None
        for source in self._waiting:
            source.resume()
            if source not in self._queued:
                self._queued.add(source)
                self._ready.append(source)
        self._waiting.clear()
        if self._soon is None:
            self._run()
