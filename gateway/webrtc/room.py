"""How many may watch: the places of all viewers, by whichever way they watch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.errors import Unavailable

Counts = Callable[[], Counter[str]]


@dataclass(frozen=True, slots=True)
class Caps:
    """How many viewers there may be, handshakes included, whether by WebRTC or otherwise (`Room.also_counts`)."""

    total: int
    per_camera: int


class Room:
    """Who has a place, by camera: those that somebody counts, and those who wait for an answer."""

    def __init__(self, caps: Caps, counts: Counts) -> None:
        self._caps = caps
        self._counts = [counts]
        self._waiting: Counter[str] = Counter()

    def also_counts(self, counts: Counts) -> None:
        """Those viewers, by camera, take places as well."""
        self._counts.append(counts)

    @contextmanager
    def kept_for_one(self, camera: str) -> Iterator[None]:
        """Somebody who waits for an answer has a place meanwhile."""
        self._waiting[camera] += 1
        try:
            yield
        finally:
            self._waiting[camera] -= 1

    def check(self, camera: str, *, counted: int) -> None:
        """Raises Unavailable unless one more may watch, who has `counted` places already."""
        taken = sum((counts() for counts in self._counts), +self._waiting)
        if taken.total() - counted >= self._caps.total:
            raise _full("The gateway serves as many viewers as it may; try again later")
        if taken[camera] - counted >= self._caps.per_camera:
            raise _full("This camera has as many viewers as it may; try again later")


def _full(message: str) -> Unavailable:
    return Unavailable(message, code="too_many_viewers", retry_after_s=10)
