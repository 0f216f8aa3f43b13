"""Counts who watches over HTTP, where nothing says that somebody left but silence (pure)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

MAX_VIEWERS: Final = 10_000


class HttpViewers:
    """The viewers of one camera by whatever tells them apart; times are monotonic seconds."""

    def __init__(self) -> None:
        self._seen: OrderedDict[Hashable, float] = OrderedDict()

    def seen(self, viewer: Hashable, *, now: float) -> None:
        """A viewer asked for something.  Beyond MAX_VIEWERS the one silent for longest is forgotten."""
        self._seen[viewer] = now
        self._seen.move_to_end(viewer)
        if len(self._seen) > MAX_VIEWERS:
            self._seen.popitem(last=False)

    def forget_silent(self, *, now: float, idle_s: float) -> int:
        """Forget those silent for `idle_s` seconds; returns how many are left."""
        while self._seen:
            oldest = next(iter(self._seen.values()))
            if now - oldest < idle_s:
                break
            self._seen.popitem(last=False)
        return len(self._seen)

    def forget_all(self) -> None:
        """Nobody watches."""
        self._seen.clear()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._seen)
