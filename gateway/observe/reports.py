"""Keeps what viewers reported lately, and sums it up for each camera (pure)."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.clock import Clock
from gateway.observe.report import Report

MAX_PER_CAMERA: Final = 256
MAX_REPORTS: Final = 4096
LIFE_S: Final = 3600.0
"""A viewing of which nothing was heard for so long is forgotten."""

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    report: Report
    connection: str | None
    at: float


class Reports:
    """The newest report of each viewing; beyond a limit, the viewing that was silent for longest is forgotten.

    Whoever reports chooses the viewing's name, and is the only one to know it: that is what lets them, and nobody
    else, report of it again, also with a fresh grant.
    """

    def __init__(self, *, clock: Clock, max_reports: int = MAX_REPORTS, max_per_camera: int = MAX_PER_CAMERA) -> None:
        self._clock = clock
        self._max_reports = max_reports
        self._max_per_camera = max_per_camera
        # Both in the order of the last word.
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._of_camera: dict[str, OrderedDict[_Key, None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, report: Report, *, connection: str | None = None) -> None:
        """The newest word of a viewing; `connection` is the public id of its WebRTC session, if it is known."""
        key = (report.camera, report.session)
        known = self._entries.get(key)
        if connection is None and known is not None:
            connection = known.connection
        self._entries[key] = _Entry(report, connection, self._clock.monotonic())
        self._entries.move_to_end(key)
        siblings = self._of_camera.setdefault(report.camera, OrderedDict())
        siblings[key] = None
        siblings.move_to_end(key)
        if len(siblings) > self._max_per_camera:
            self._forget(next(iter(siblings)))
        if len(self._entries) > self._max_reports:
            self._forget(next(iter(self._entries)))

    def by_connection(self) -> dict[str, Report]:
        """The reports of WebRTC sessions, by their public id."""
        self._forget_old()
        return {entry.connection: entry.report for entry in self._entries.values() if entry.connection is not None}

    def by_camera(self) -> dict[str, list[Report]]:
        """All there is, by camera."""
        self._forget_old()
        return {camera: [self._entries[key].report for key in keys] for camera, keys in self._of_camera.items()}

    def forget_camera(self, name: str) -> None:
        """The camera is gone."""
        for key in tuple(self._of_camera.get(name, ())):
            self._forget(key)

    def _forget_old(self) -> None:
        oldest = self._clock.monotonic() - LIFE_S
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.at >= oldest:
                break
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        del self._entries[key]
        siblings = self._of_camera[key[0]]
        del siblings[key]
        if not siblings:
            del self._of_camera[key[0]]


def summary(reports: Sequence[Report]) -> dict[str, Any]:
    """What the viewers of a camera saw: medians and 95th percentiles, shares, and why rungs ended, how often."""
    watched_s = sum(report.watched_s for report in reports)
    stalled_s = sum(report.stalled_s for report in reports)
    ends = Counter(f"{run.rung}: {run.end}" for report in reports for run in report.rungs if run.end is not None)
    renditions = Counter(
        run.rendition.value if run.reason is None else f"{run.rendition.value}: {run.reason}"
        for report in reports
        for run in report.renditions
    )
    return {
        "viewings": len(reports),
        "watched_s": round(watched_s, 3),
        "stalled_share": round(stalled_s / (watched_s + stalled_s), 4) if watched_s + stalled_s else 0.0,
        "start_s": _spread(report.start_s for report in reports),
        "latency_s": _spread(report.latency_s for report in reports),
        "without_picture": sum(report.start_s is None for report in reports),
        "last_rungs": dict(Counter(report.rungs[-1].rung.value for report in reports if report.rungs)),
        "ends": dict(ends.most_common(16)),
        "renditions": dict(renditions.most_common(16)),
    }


def _spread(values: Iterable[float | None]) -> dict[str, float] | None:
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    return {"p50": _at(known, 0.5), "p95": _at(known, 0.95)}


def _at(ordered: Sequence[float], share: float) -> float:
    """The nearest rank."""
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
