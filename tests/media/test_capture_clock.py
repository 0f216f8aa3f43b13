from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from gateway.media.capture_clock import CaptureClock, ClockSource

EPOCH = 1_790_000_000.0
FPS = 30.0


@dataclass
class Scene:
    """A camera filming in steps of 1/30 s; `clock_s` is how far its wall clock is ahead of ours."""

    clock: CaptureClock
    clock_s: float | None = None
    delay_s: float = 0.05
    drift: float = 0.0
    index: int = 0
    errors_s: list[float] = field(default_factory=list)
    results: list[float] = field(default_factory=list)

    def film(self, seconds: float, *, jitter: random.Random | None = None, jitter_s: float = 0.0) -> Scene:
        for _ in range(round(seconds * FPS)):
            filmed_s = self.index / FPS
            timeline_s = filmed_s * (1 + self.drift)
            late_s = self.delay_s + (jitter.expovariate(1 / jitter_s) if jitter else 0.0)
            reported_at = None if self.clock_s is None else EPOCH + filmed_s + self.clock_s
            captured_at = self.clock.observe(
                timeline_s, arrived_at=EPOCH + filmed_s + late_s, monotonic_s=filmed_s + late_s, reported_at=reported_at
            )
            self.results.append(captured_at)
            self.errors_s.append(captured_at - (EPOCH + filmed_s))
            self.index += 1
        return self

    @property
    def never_goes_back(self) -> bool:
        return all(earlier <= later for earlier, later in zip(self.results, self.results[1:], strict=False))

    @property
    def worst_step_s(self) -> float:
        steps = (later - earlier for earlier, later in zip(self.results, self.results[1:], strict=False))
        return max(abs(step - 1 / FPS) for step in steps)


def test_without_reports_the_fastest_arrival_counts() -> None:
    scene = Scene(CaptureClock()).film(60, jitter=random.Random(1), jitter_s=0.03)
    assert scene.clock.source is ClockSource.GATEWAY
    assert scene.never_goes_back
    assert max(abs(error - 0.05) for error in scene.errors_s[300:]) < 0.01


def test_a_camera_clock_near_ours_is_believed() -> None:
    scene = Scene(CaptureClock(), clock_s=0.3).film(20, jitter=random.Random(2), jitter_s=0.03)
    assert scene.clock.source is ClockSource.CAMERA
    assert scene.errors_s[-1] == pytest.approx(0.3, abs=0.002)


@pytest.mark.parametrize("clock_s", [-9.0, 3.0, 86_400.0])
def test_a_camera_clock_far_from_ours_is_not(clock_s: float) -> None:
    scene = Scene(CaptureClock(), clock_s=clock_s).film(20)
    assert scene.clock.source is ClockSource.GATEWAY
    assert scene.errors_s[-1] == pytest.approx(0.05, abs=0.002)


def test_it_is_believed_all_the_same_if_the_configuration_says_so() -> None:
    scene = Scene(CaptureClock("camera"), clock_s=3600.0).film(20)
    assert scene.clock.source is ClockSource.CAMERA
    assert scene.errors_s[-1] == pytest.approx(3600.0, abs=0.002)
    assert scene.never_goes_back


def test_it_is_never_believed_if_the_configuration_says_so() -> None:
    scene = Scene(CaptureClock("gateway"), clock_s=0.01).film(20)
    assert scene.clock.source is ClockSource.GATEWAY
    assert scene.errors_s[-1] == pytest.approx(0.05, abs=0.002)


def test_trust_has_hysteresis() -> None:
    scene = Scene(CaptureClock(), clock_s=1.9).film(10)
    assert scene.clock.source is ClockSource.CAMERA
    scene.clock_s = 2.3
    assert scene.film(30).clock.source is ClockSource.CAMERA
    scene.clock_s = 2.8
    assert scene.film(30).clock.source is ClockSource.GATEWAY


def test_the_first_report_arriving_late_moves_nothing_suddenly() -> None:
    scene = Scene(CaptureClock()).film(5)
    scene.clock_s = -0.4
    scene.film(20)
    assert scene.clock.source is ClockSource.CAMERA
    assert scene.errors_s[-1] == pytest.approx(-0.4, abs=0.005)
    assert scene.never_goes_back
    assert scene.worst_step_s < 0.6 / FPS


def test_one_wrong_report_is_ignored() -> None:
    scene = Scene(CaptureClock(), clock_s=0.0).film(5)
    scene.clock_s = 1.5
    scene.film(2 / FPS)
    scene.clock_s = 0.0
    scene.film(2)
    assert max(abs(error) for error in scene.errors_s[90:]) < 0.06
    assert scene.worst_step_s < 0.6 / FPS


def test_a_camera_clock_that_steps_is_followed_smoothly() -> None:
    scene = Scene(CaptureClock(), clock_s=0.0).film(10)
    scene.clock_s = 1.0
    scene.film(40)
    assert scene.errors_s[-1] == pytest.approx(1.0, abs=0.01)
    assert scene.never_goes_back
    assert scene.worst_step_s < 0.6 / FPS


@pytest.mark.parametrize("drift", [-2e-4, 2e-4])
def test_a_drifting_camera_is_followed(drift: float) -> None:
    scene = Scene(CaptureClock(), drift=drift).film(600, jitter=random.Random(3), jitter_s=0.01)
    assert scene.never_goes_back
    assert abs(scene.errors_s[-1] - 0.05) < 0.02


def test_old_pictures_sent_at_once_at_the_start_do_not_spoil_it() -> None:
    clock = CaptureClock()
    results = [
        clock.observe(index / FPS, arrived_at=EPOCH + 2.0 + index / 1000, monotonic_s=index / 1000, reported_at=None)
        for index in range(60)
    ]
    scene = Scene(clock, index=60)
    scene.film(10)
    assert scene.errors_s[-1] == pytest.approx(0.05, abs=0.01)
    assert results == sorted(results)


def test_a_slower_way_is_noticed_after_half_a_minute() -> None:
    scene = Scene(CaptureClock()).film(10)
    scene.delay_s = 0.55
    scene.film(60)
    assert scene.errors_s[-1] == pytest.approx(0.55, abs=0.01)
    assert scene.worst_step_s < 0.6 / FPS


def test_a_leap_of_our_clock_is_followed_at_once_when_it_goes_forward() -> None:
    clock = CaptureClock("camera")
    for index in range(10):
        clock.observe(index / FPS, arrived_at=EPOCH, monotonic_s=0.0, reported_at=EPOCH + index / FPS)
    late = [
        clock.observe(index / FPS, arrived_at=EPOCH, monotonic_s=0.0, reported_at=EPOCH + 3600 + index / FPS)
        for index in range(10, 20)
    ]
    assert late[-1] == pytest.approx(EPOCH + 3600 + 19 / FPS)


def test_a_new_connection_never_dates_pictures_before_the_last_one() -> None:
    clock = CaptureClock(last_captured_at=EPOCH + 100)
    assert clock.observe(0.0, arrived_at=EPOCH, monotonic_s=0.0, reported_at=None) == EPOCH + 100


def test_any_moment_of_the_timeline_can_be_dated() -> None:
    scene = Scene(CaptureClock()).film(1)
    assert scene.clock.captured_at(0.5) == pytest.approx(EPOCH + 0.55, abs=0.001)
