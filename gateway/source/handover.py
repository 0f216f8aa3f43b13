"""Hands what a reader thread makes to the event loop: bounded, and one wake-up for many units."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.clock import Clock
from gateway.media.units import AccessUnit, StreamInfo, TrackKind
from gateway.source.doorbell import doorbell
from gateway.source.status import Reason

MAX_UNITS: Final = 512
MAX_BYTES: Final = 16 * 1024 * 1024
UNWATCHED_INTERVAL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Waiting:
    """Pictures arrive, but no keyframe yet."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The reader is done; `rejected` is the stream where it was given up because of what it carries."""

    reason: Reason
    rejected: StreamInfo | None = None


Item = AccessUnit | StreamInfo | Waiting | Ended


class Handover:
    """A queue from one thread to the loop.

    Beyond MAX_UNITS or MAX_BYTES units are dropped, everything up to the next keyframe that fits, and counted; what is
    not a unit is never dropped, for there is little of it.  While nobody watches, units wait for up to
    UNWATCHED_INTERVAL_S before the loop is woken for them: a wake-up costs as much as all other work on a unit.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None], *, clock: Clock) -> None:
        """`wake` is called on the loop when there is something to `take`."""
        self.watched = True
        self._bell = doorbell(loop, wake)
        self._clock = clock
        self._lock = threading.Lock()
        self._items: list[Item] = []
        self._bytes = 0
        self._rung = False
        self._rung_s = -math.inf
        self._overflowing = False
        self._dropped = 0

    def put(self, item: Item) -> None:
        """Add an item, from the reader's thread; never blocks, never raises."""
        unit = item if isinstance(item, AccessUnit) else None
        now = self._clock.monotonic()
        with self._lock:
            if unit is not None and not self._accepts(unit):
                self._dropped += 1
                return
            self._items.append(item)
            urgent = self.watched or unit is None or now - self._rung_s >= UNWATCHED_INTERVAL_S
            ring = urgent and not self._rung
            if ring:
                self._rung = True
                self._rung_s = now
        if ring:
            self._bell.ring()

    def close(self) -> None:
        """Nobody takes anything any more; on the loop."""
        self._bell.silence()

    def take(self) -> tuple[list[Item], int]:
        """Everything so far, in order, and how many units were dropped since the last call."""
        with self._lock:
            items, self._items = self._items, []
            dropped, self._dropped = self._dropped, 0
            self._bytes = 0
            self._rung = False
        return items, dropped

    def _accepts(self, unit: AccessUnit) -> bool:
        fits = len(self._items) < MAX_UNITS and self._bytes + len(unit.data) <= MAX_BYTES
        if self._overflowing:
            fits = fits and unit.keyframe and unit.track is TrackKind.VIDEO
        self._overflowing = not fits
        if fits:
            self._bytes += len(unit.data)
        return fits
