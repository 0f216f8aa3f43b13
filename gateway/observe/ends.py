"""Counts why rungs ended as reports come and go, so that nobody has to go through all of them (pure)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from gateway.observe.report import Report

MAX_KINDS: Final = 64
"""Different ends of one camera's viewings that are told apart; viewers choose the words."""

OTHER: Final = "other"
_SHOWN: Final = 16


class Ends:
    """Those of one camera's viewings."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._kinds: dict[str, str] = {}

    def add(self, report: Report) -> tuple[str, ...]:
        """Count a report's; returns what `remove` needs later."""
        return tuple(self._count(f"{run.rung.value}: {run.end}") for run in report.rungs if run.end is not None)

    def _count(self, kind: str) -> str:
        if kind not in self._counts and len(self._counts) >= MAX_KINDS:
            kind = OTHER
        self._counts[kind] += 1
        # One text for all who said the same.
        return self._kinds.setdefault(kind, kind)

    def remove(self, counted: tuple[str, ...]) -> None:
        """Count these no more."""
        for kind in counted:
            self._counts[kind] -= 1
            if not self._counts[kind]:
                del self._counts[kind], self._kinds[kind]

    def as_json(self) -> dict[str, int]:
        """The most frequent."""
        return dict(self._counts.most_common(_SHOWN))
