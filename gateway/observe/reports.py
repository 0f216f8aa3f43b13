"""Keeps what viewers reported lately, and sums it up for each camera (pure)."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.clock import Clock
from gateway.observe.ends import Ends
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
    ends: tuple[str, ...]


@dataclass(slots=True)
class _OfCamera:
    """A camera's viewings in the order of their last word."""

    keys: OrderedDict[_Key, None] = field(default_factory=OrderedDict)
    ends: Ends = field(default_factory=Ends)


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
        self._of_camera: dict[str, _OfCamera] = {}
        self._of_connection: dict[str, _Key] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, report: Report, *, connection: str | None = None) -> None:
        """The newest word of a viewing; `connection` is the public id of its WebRTC session, if it is known."""
        key = (report.camera, report.session)
        known = self._entries.get(key)
        if known is not None:
            connection = connection or known.connection
            self._forget(key)
        of_camera = self._of_camera.setdefault(report.camera, _OfCamera())
        of_camera.keys[key] = None
        self._entries[key] = _Entry(report, connection, self._clock.monotonic(), of_camera.ends.add(report))
        if connection is not None:
            self._of_connection[connection] = key
        if len(of_camera.keys) > self._max_per_camera:
            self._forget(next(iter(of_camera.keys)))
        if len(self._entries) > self._max_reports:
            self._forget(next(iter(self._entries)))

    def of_connection(self, connection: str) -> Report | None:
        """What the viewer of a WebRTC session reported, by its public id."""
        self._forget_old()
        key = self._of_connection.get(connection)
        return None if key is None else self._entries[key].report

    def cameras(self) -> Iterator[str]:
        """Those that viewers reported about."""
        self._forget_old()
        return iter(tuple(self._of_camera))

    def of_camera(self, name: str) -> list[Report]:
        """All there is, the newest word last."""
        self._forget_old()
        found = self._of_camera.get(name)
        return [] if found is None else [self._entries[key].report for key in found.keys]

    def summary(self, name: str) -> dict[str, Any]:
        """What the viewers of a camera saw: medians and 95th percentiles, shares, and why rungs ended, how often."""
        found = self._of_camera.get(name, _OfCamera())
        return _figures(self.of_camera(name)) | {"ends": found.ends.as_json()}

    def forget_camera(self, name: str) -> None:
        """The camera is gone."""
        for report in self.of_camera(name):
            self._forget((name, report.session))

    def _forget_old(self) -> None:
        oldest = self._clock.monotonic() - LIFE_S
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.at >= oldest:
                break
            self._forget(key)

    def _forget(self, key: _Key) -> None:
        entry = self._entries.pop(key)
        of_camera = self._of_camera[key[0]]
        del of_camera.keys[key]
        of_camera.ends.remove(entry.ends)
        if not of_camera.keys:
            del self._of_camera[key[0]]
        if entry.connection is not None and self._of_connection.get(entry.connection) == key:
            del self._of_connection[entry.connection]


def _figures(reports: Sequence[Report]) -> dict[str, Any]:
    watched_s = sum(report.watched_s for report in reports)
    stalled_s = sum(report.stalled_s for report in reports)
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
