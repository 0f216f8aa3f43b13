"""Counts who watches over HTTP, where nothing says that somebody left but silence (pure)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

MAX_VIEWERS: Final = 10_000
_HANDOVER_S: Final = 1.0
"""For so long a viewer who has a new grant may still be answered what was asked for with the old one."""


class Visitor(NamedTuple):
    """Whoever asks: `name` is what lets them in, and may be replaced; `place` is where they ask from."""

    name: Hashable
    place: Hashable


@dataclass(slots=True)
class _Heard:
    """When a visitor was first and last heard of, in monotonic seconds, and from where."""

    first: float
    last: float
    place: Hashable


class HttpViewers:
    """The viewers of one camera; times are monotonic seconds."""

    def __init__(self) -> None:
        self._heard: OrderedDict[Hashable, _Heard] = OrderedDict()

    def seen(self, visitor: Visitor, *, now: float) -> None:
        """A viewer asked for something.  Beyond MAX_VIEWERS the one silent for longest is forgotten."""
        heard = self._heard.get(visitor.name)
        if heard is None:
            self._heard[visitor.name] = _Heard(now, now, visitor.place)
            if len(self._heard) > MAX_VIEWERS:
                self._heard.popitem(last=False)
            return
        heard.last, heard.place = now, visitor.place
        self._heard.move_to_end(visitor.name)

    def forget_silent(self, *, now: float, idle_s: float) -> int:
        """Forget those silent for `idle_s` seconds; returns how many are left."""
        while self._heard:
            oldest = next(iter(self._heard.values()))
            if now - oldest.last < idle_s:
                break
            self._heard.popitem(last=False)
        return len(self)

    def forget_all(self) -> None:
        """Nobody watches."""
        self._heard.clear()

    def __len__(self) -> int:
        """How many there are."""
        return count([self])

    def heard(self) -> Iterator[tuple[Hashable, _Heard]]:
        """All of them by name, in the order in which they fell silent."""
        return iter(self._heard.items())


def count(several: Iterable[HttpViewers]) -> int:
    """How many there are in all of `several`, those of one camera; who is in more than one counts once.

    Grants don't tell whose place they take when they are renewed.  So a visitor who appears where another fell silent
    counts as the same viewer, until that one is heard of again.
    """
    known: dict[Hashable, _Heard] = {}
    for name, heard in (named for viewers in several for named in viewers.heard()):
        other = known.get(name, heard)
        newer = max(heard, other, key=_silent_since)
        known[name] = _Heard(min(heard.first, other.first), newer.last, newer.place)
    places: dict[Hashable, list[_Heard]] = {}
    for heard in sorted(known.values(), key=_silent_since):
        places.setdefault(heard.place, []).append(heard)
    return sum(_viewers_at(place) for place in places.values())


def _silent_since(heard: _Heard) -> float:
    return heard.last


def _viewers_at(place: list[_Heard]) -> int:
    """Of those heard of in one place, in the order in which they fell silent."""
    count = 0
    newcomers = sorted(heard.first for heard in place)
    for heard in place:
        # Whoever replaced them came later than they themselves, and not much before they fell silent.
        successor = max(bisect_right(newcomers, heard.first), bisect_left(newcomers, heard.last - _HANDOVER_S))
        if successor == len(newcomers):
            count += 1
        else:
            del newcomers[successor]
    return count
