"""Remembers whom a grant was made for, so that it is good for as long as they may watch, not longer (pure)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gateway.access.grants import SKEW_S
from gateway.access.permit import Permit

MAX_ENTRIES: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Entry:
    expires: int
    permit: Permit


class Handed:
    """Beyond `max_entries` the oldest is forgotten, and its grant is judged by itself from then on."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def remember(self, grant_id: str, *, expires: int, permit: Permit) -> None:
        """A grant until `expires` (unix seconds) was made for whoever has `permit`."""
        self._entries[grant_id] = _Entry(expires, permit)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def still_holds(self, grant_id: str) -> bool | None:
        """Whether they may still watch; None if the grant was made for nobody known here."""
        entry = self._entries.get(grant_id)
        return None if entry is None else entry.permit.holds()

    def forget_unused(self, in_use: Collection[str], *, now: float) -> None:
        """Drop what has expired, unless somebody still watches by it."""
        over = [
            grant_id
            for grant_id, entry in self._entries.items()
            if now > entry.expires + SKEW_S and grant_id not in in_use
        ]
        for grant_id in over:
            del self._entries[grant_id]
