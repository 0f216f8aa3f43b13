"""The figures this project promises, and whether a measurement shows them (pure)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.results import Results, SeriesKey

GATEWAY: Final = "gateway"


@dataclass(frozen=True, slots=True)
class Goal:
    """`subject`'s median is at most `limit`, in the figure's unit or, with `versus`, times another one's median.

    `versus` is (subject, case, metric); an empty case or metric is this goal's own.
    """

    benchmark: str
    case: str
    metric: str
    limit: float
    versus: tuple[str, str, str] | None = None
    subject: str = GATEWAY


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal held against a measurement; `ratio` goals have a figure without unit."""

    goal: Goal
    figure: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the measurement shows what was promised."""
        return self.figure <= self.goal.limit


_FIRST = "first-picture"
_ONE_CAMERA = "1 camera, {} viewers each"
_TEN = "10 cameras, each"
_EDGE = ("50 viewers", "500 viewers", "500 viewers of 10 cameras")

GOALS: Final = (
    *(
        goal
        for subject in (GATEWAY, "camera-view")
        for goal in (
            Goal(_FIRST, "GOP 2 s", "first picture", 150, subject=subject),
            Goal(_FIRST, "GOP 10 s", "first picture", 150, subject=subject),
            Goal(_FIRST, "GOP 2 s", "settling", 500, subject=subject),
            Goal(_FIRST, "GOP 10 s", "settling", 1500, subject=subject),
        )
    ),
    # A mark that comes a few frames late is not seen; one that never comes would leave the whole burst unmarked.
    Goal(_FIRST, "GOP 2 s", "late and not marked as catching up", 100, subject="camera-view"),
    Goal(_FIRST, "GOP 10 s", "late and not marked as catching up", 100, subject="camera-view"),
    Goal("glass-to-glass", "30 fps", "p50", 45),
    Goal("glass-to-glass", "30 fps", "p50", 1, versus=("mediamtx", "", "")),
    Goal("glass-to-glass", "30 fps", "p50", 1, versus=("go2rtc", "", "")),
    Goal("idle-cameras", "40 cameras", "CPU per camera", 1.5, versus=("bare PyAV", "", "")),
    Goal("idle-cameras", "40 cameras", "memory per further camera", 6),
    Goal("fan-out", _ONE_CAMERA.format(100), "CPU per packet", 0.40, versus=("mediamtx", "", "")),
    Goal("fan-out", _ONE_CAMERA.format(100), "CPU per packet", 0.2, versus=("aiortc", _ONE_CAMERA.format(30), "")),
    Goal("fan-out", _ONE_CAMERA.format(100), "memory per further viewer", 0.6),
    Goal("fan-out", _ONE_CAMERA.format(300), "CPU per packet", 1, versus=(GATEWAY, _ONE_CAMERA.format(10), "")),
    Goal(
        "fan-out",
        "30 cameras, 10 viewers each",
        "CPU per packet",
        1.25,
        versus=(GATEWAY, _ONE_CAMERA.format(300), ""),
    ),
    # Less than 1 MB.
    Goal("churn", "2000 joins", "memory per 100 joins", 0.95),
    *(Goal("churn", "2000 joins", f"further {what}", 0) for what in ("descriptors", "threads", "tasks")),
    *(Goal("long-watch", f"cam-{number}", "freezes > 500 ms outside of the outage", 0) for number in (1, 2, 3)),
    *(Goal("long-watch", f"cam-{number}", "back after the outage", 2000) for number in (1, 2, 3)),
    Goal("keyframe", "100 viewers of a 4K camera", "extra delay p99", 10),
    Goal("joins", "one after another", "CPU per join", 8),
    Goal("joins", "50 in 1 s", "answer p95", 500),
    *(Goal("edge", audience, "added to a part, p95", 50, subject="edge") for audience in _EDGE[1:]),
    *(
        # Once, however many watch; a hundredth is for what was asked again in the moment that it was kept.
        Goal("edge", audience, f"origin requests for each {kind}", 1.01, subject="edge")
        for audience in _EDGE
        for kind in ("part", "segment", "init")
    ),
    Goal("joins", "50 in 1 s", "frame gap p99 during", 1.2, versus=(GATEWAY, "", "frame gap p99 before")),
    Goal("hls-latency", "LL-HLS", "p50 above PART-HOLD-BACK", 150),
    Goal("hls-latency", "LL-HLS", "p50", 1, versus=("mediamtx", "", "")),
    Goal("hls-latency", "LL-HLS", "first picture", 300),
    Goal("hls-latency", "LL-HLS, watched on", "stalls", 0),
    Goal("hls-latency", "MSE", "p50", 250),
    Goal("hls-latency", "MSE", "first picture", 250),
    Goal("hls-load", "100 LL-HLS viewers", "CPU per viewer", 1, versus=("mediamtx", "", "")),
    Goal("hls-load", "100 LL-HLS viewers", "CPU per request", 1, versus=("mediamtx", "", "")),
    Goal("hls-load", "100 MSE viewers", "CPU per viewer", 0.3, versus=(GATEWAY, "100 LL-HLS viewers", "")),
    Goal("hls-packaging", _TEN, "CPU of packaging", 1.5, versus=("mediamtx", "", "")),
    # What left the playlist is kept for three segments more, and the newest is not in it yet.
    Goal("hls-packaging", _TEN, "memory of packaging", 1.5, versus=(GATEWAY, "", "media in the playlist")),
    Goal("hls-packaging", _TEN, "memory growth", 0.1),
    *(
        goal
        for fps in (30, 25, 24, 15, 12, 7)
        for case in (f"made up, {fps} fps", f"real, {fps} fps")
        for goal in (
            Goal("hls-check", case, "complaints", 0),
            Goal("hls-check", case, "date off the capture clock", 50),
        )
    ),
)


def verdicts(results: Results) -> list[Verdict]:
    """The goals that these results have figures for, in their fixed order."""
    found = []
    for goal in GOALS:
        verdict = _judge(goal, results) if goal.benchmark == results.benchmark else None
        if verdict is not None:
            found.append(verdict)
    return found


def _judge(goal: Goal, results: Results) -> Verdict | None:
    own = _find(results.series, subject=goal.subject, case=goal.case, metric=goal.metric)
    if own is None:
        return None
    key, values = own
    figure = statistics.median(values)
    if goal.versus is None:
        return Verdict(goal, figure, key.unit)
    subject, case, metric = goal.versus
    other = _find(results.series, subject=subject, case=case or goal.case, metric=metric or goal.metric)
    if other is None or statistics.median(other[1]) == 0:
        return None
    return Verdict(goal, figure / statistics.median(other[1]), "×")


def _find(
    series: Mapping[SeriesKey, list[float]], *, subject: str, case: str, metric: str
) -> tuple[SeriesKey, list[float]] | None:
    for key, values in series.items():
        if (key.subject, key.case, key.metric) == (subject, case, metric) and values:
            return key, values
    return None
