"""Medians, percentiles and settling times of what was measured (pure)."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values do not exceed; raises ValueError without any."""
    if not values:
        raise ValueError("A percentile needs at least one value")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Summary:
    """Centre and spread of one figure's repetitions."""

    count: int
    median: float
    p95: float
    low: float
    high: float


def summarize(values: Sequence[float]) -> Summary:
    """Raises ValueError without values."""
    if not values:
        raise ValueError("A summary needs at least one value")
    return Summary(len(values), statistics.median(values), percentile(values, 0.95), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that reached the screen.

    `at_ms` counts from the viewer's first picture; `latency_ms` is its age by the clock in it; `catching_up` is what
    the page said at that moment, None where there is no page to ask.
    """

    at_ms: float
    latency_ms: float
    catching_up: bool | None = None


def steady_latency_ms(pictures: Sequence[Picture], *, after_ms: float) -> float | None:
    """Median age of the pictures from `after_ms` on; None when there are none."""
    late = [picture.latency_ms for picture in pictures if picture.at_ms >= after_ms]
    return statistics.median(late) if late else None


def settling_ms(
    pictures: Sequence[Picture], *, steady_ms: float, tolerance_ms: float = 100.0, hold_ms: float = 500.0
) -> float | None:
    """When a viewer arrived at its steady latency: all pictures of the next `hold_ms` are within tolerance of it.

    A single late picture long after that is a hiccup and no part of joining, so only `hold_ms` are looked at.  None
    when it never arrived, or when too little was seen to know.
    """
    arrived_at: float | None = None
    for picture in pictures:
        if abs(picture.latency_ms - steady_ms) > tolerance_ms:
            arrived_at = None
        elif arrived_at is None:
            arrived_at = picture.at_ms
        if arrived_at is not None and picture.at_ms - arrived_at >= hold_ms:
            return arrived_at
    return None


def unmarked(pictures: Sequence[Picture], *, steady_ms: float, until_ms: float, tolerance_ms: float = 100.0) -> float:
    """For how many milliseconds before `until_ms` pictures were late and the page did not say it is catching up."""
    total = 0.0
    for picture, following in itertools.pairwise(pictures):
        late = abs(picture.latency_ms - steady_ms) > tolerance_ms
        if late and not picture.catching_up and picture.at_ms < until_ms:
            total += min(following.at_ms, until_ms) - picture.at_ms
    return total


def gaps(times: Sequence[float]) -> list[float]:
    """Distances between neighbours, in the unit given."""
    return [later - earlier for earlier, later in itertools.pairwise(times)]
