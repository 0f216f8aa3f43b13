"""Dates pictures: maps a camera's timeline to the gateway's wall clock, smoothly and only forward (pure).

The camera's timeline gives the rate.  The offset comes from its RTCP sender reports where its wall clock can be
trusted, else from the fastest arrivals of the last half minute.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

TRUST_S: Final = 2.0
"""How far a camera's wall clock may be from ours to be believed without `clock: camera`."""

_KEEP_TRUST_S: Final = 2.5
_BUCKET_S: Final = 5.0
_BUCKETS: Final = 6
_SMOOTHING: Final = 1 / 16
_OUTLIER_S: Final = 0.25
_OUTLIERS_TO_STEP: Final = 5
_LEAP_S: Final = 5.0
_FINE_S: Final = 0.25
_SLEW_FINE: Final = 0.05
_SLEW_COARSE: Final = 0.5

ClockMode = Literal["auto", "camera", "gateway"]


class ClockSource(StrEnum):
    """Whose wall clock dates the pictures."""

    CAMERA = "camera"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class ClockEstimate:
    """`captured_at` in unix seconds for the timeline's second `timeline_s`, and whose clock that is."""

    timeline_s: float
    captured_at: float
    source: ClockSource


class _WindowedMinimum:
    """The least value of the last 25 to 30 s, in constant memory."""

    __slots__ = ("_buckets", "_current", "_index", "_older")

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, float]] = deque()
        self._index = -1
        self._current = self._older = math.inf

    def add(self, value: float, *, at_s: float) -> float:
        index = int(at_s / _BUCKET_S)
        if index != self._index:
            self._begin(index)
        self._current = min(self._current, value)
        return min(self._older, self._current)

    def _begin(self, index: int) -> None:
        buckets = self._buckets
        buckets.append((self._index, self._current))
        while buckets and buckets[0][0] <= index - _BUCKETS:
            buckets.popleft()
        self._index, self._current = index, math.inf
        self._older = min((value for _, value in buckets), default=math.inf)


class _CameraOffset:
    """The camera's wall clock minus its timeline, smoothed; follows a step once several reports agree on it."""

    __slots__ = ("_outliers", "value")

    def __init__(self) -> None:
        self.value: float | None = None
        self._outliers = 0

    def add(self, sample: float) -> None:
        if self.value is None:
            self._outliers += 1
            # FFmpeg's parser labels the first picture after a report with the next one's time.
            if self._outliers > 1:
                self.value, self._outliers = sample, 0
        elif abs(sample - self.value) <= _OUTLIER_S:
            self.value += (sample - self.value) * _SMOOTHING
            self._outliers = 0
        else:
            self._outliers += 1
            if self._outliers >= _OUTLIERS_TO_STEP:
                self.value, self._outliers = sample, 0


class CaptureClock:
    """Feed it each picture with `observe`, ask it for any moment of the timeline with `captured_at`."""

    def __init__(self, mode: ClockMode = "auto", *, last_captured_at: float | None = None) -> None:
        self._mode = mode
        self._fastest = _WindowedMinimum()
        self._camera = _CameraOffset()
        self._offset: float | None = None
        self._last_timeline_s = 0.0
        self._last_captured_at = last_captured_at
        self.source = ClockSource.GATEWAY

    def observe(self, timeline_s: float, *, arrived_at: float, monotonic_s: float, reported_at: float | None) -> float:
        """Take a picture and return its `captured_at`.

        `arrived_at` is unix seconds, `reported_at` the camera's own wall clock for this picture where its sender
        reports give one.  Successive results never go back, and between steps of more than 5 s their pace stays
        within half and one and a half of the timeline's.
        """
        fastest = self._fastest.add(arrived_at - timeline_s, at_s=monotonic_s)
        if reported_at is not None:
            self._camera.add(reported_at - timeline_s)
        target = self._choose(fastest)
        if self._offset is None:
            self._offset = target
        elif target != self._offset:
            self._offset = _slewed(self._offset, target, advanced_s=timeline_s - self._last_timeline_s)
        self._last_timeline_s = timeline_s
        captured_at = timeline_s + self._offset
        if self._last_captured_at is not None and captured_at < self._last_captured_at:
            captured_at = self._last_captured_at
        self._last_captured_at = captured_at
        return captured_at

    def captured_at(self, timeline_s: float) -> float:
        """Unix seconds at which the timeline stood at `timeline_s`; only after the first `observe`."""
        return timeline_s + (self._offset or 0.0)

    def _choose(self, fastest: float) -> float:
        camera = self._camera.value
        if self._mode == "gateway" or camera is None:
            trusted = False
        elif self._mode == "camera":
            trusted = True
        else:
            limit = _KEEP_TRUST_S if self.source is ClockSource.CAMERA else TRUST_S
            trusted = abs(camera - fastest) <= limit
        self.source = ClockSource.CAMERA if trusted else ClockSource.GATEWAY
        return camera if trusted and camera is not None else fastest


def _slewed(offset: float, target: float, *, advanced_s: float) -> float:
    """`offset` moved towards `target`, as far as the pace of time may bend while `advanced_s` seconds pass."""
    error = target - offset
    if abs(error) > _LEAP_S:
        return target
    limit = advanced_s * (_SLEW_FINE if abs(error) <= _FINE_S else _SLEW_COARSE)
    return offset + max(-limit, min(limit, error))
