from __future__ import annotations

import itertools
import random

import pytest

from gateway.media.timestamps import AUDIO_PATIENCE_S, FrameInterval, Resume, Timeline

STEP = 3000
"""Ticks between pictures at 30 fps."""

RATE = 8000


class Camera:
    """Feeds a timeline one picture every 1/30 s of arrival time, whatever timestamps they carry."""

    def __init__(self, timeline: Timeline, *, arrived_s: float = 100.0) -> None:
        self.timeline = timeline
        self.arrived_s = arrived_s
        self.out: list[int] = []

    def play(self, *sources: int | None, pause_s: float = 1 / 30) -> list[int]:
        results = []
        for source in sources:
            results.append(self.timeline.video(source, arrived_s=self.arrived_s, interval=STEP))
            self.arrived_s += pause_s
        self.out += results
        return results

    def sound(self, source: int, *, clock_rate: int = RATE) -> int | None:
        return self.timeline.audio(source, clock_rate=clock_rate, arrived_s=self.arrived_s)

    @property
    def grows(self) -> bool:
        return all(earlier < later for earlier, later in zip(self.out, self.out[1:], strict=False))


def test_starts_at_zero_and_keeps_the_cameras_steps() -> None:
    assert Camera(Timeline()).play(777_000, 780_000, 783_100) == [0, 3000, 6100]


def test_a_first_picture_without_a_timestamp_comes_one_interval_before_the_next() -> None:
    assert Camera(Timeline()).play(None, 500, 3500) == [0, 3000, 6000]


def test_two_pictures_without_a_timestamp_at_the_start() -> None:
    assert Camera(Timeline()).play(None, None, 50_000) == [0, 3000, 6000]


def test_a_missing_timestamp_later_is_one_interval_on() -> None:
    assert Camera(Timeline()).play(0, 3000, None, 9000) == [0, 3000, 6000, 9000]


def test_one_backward_timestamp_is_dropped_but_not_its_picture() -> None:
    camera = Camera(Timeline())
    assert camera.play(0, 3000, 1000, 9000, 12_000) == [0, 3000, 3001, 9000, 12_000]
    assert (camera.timeline.backward, camera.timeline.rebases) == (1, 0)


def test_repeated_timestamps_still_grow() -> None:
    camera = Camera(Timeline())
    camera.play(0, 3000, 3000, 3000, 12_000)
    assert camera.grows
    assert camera.out[-1] == 12_000


def test_a_small_step_back_that_lasts_is_rebased_to_the_time_that_passed() -> None:
    camera = Camera(Timeline())
    camera.play(*range(90_000, 180_000, STEP))
    camera.play(*range(135_000, 225_000, STEP))
    assert camera.grows
    assert camera.timeline.rebases == 1
    assert camera.out[-1] == pytest.approx(59 * STEP, abs=STEP)


@pytest.mark.parametrize("jump_s", [-36_000, -3, 3, 36_000, 47_721])
def test_a_jump_is_rebased_to_the_time_that_passed(jump_s: int) -> None:
    camera = Camera(Timeline())
    camera.play(*range(4_000_000_000, 4_000_090_000, STEP))
    begin = 4_000_090_000 + jump_s * 90_000
    camera.play(*range(begin, begin + 90_000, STEP))
    assert camera.out == [index * STEP for index in range(60)]
    assert camera.timeline.rebases == 1


def test_one_wild_timestamp_costs_nothing() -> None:
    camera = Camera(Timeline())
    camera.play(0, 3000, 90_000_000, 9000, 12_000)
    assert camera.out == pytest.approx([0, 3000, 6000, 9000, 12_000], abs=2)


def test_pictures_held_up_by_the_network_keep_their_times() -> None:
    camera = Camera(Timeline())
    camera.play(0, 3000)
    camera.arrived_s += 6
    # Six seconds of pictures arrive at once.
    camera.play(*range(6000, 546_000, STEP), pause_s=0.0001)
    assert camera.timeline.rebases == 0
    assert camera.out[-1] == 543_000


def test_a_gap_in_which_nothing_was_filmed_is_kept() -> None:
    camera = Camera(Timeline())
    camera.play(0, 3000)
    camera.arrived_s += 5
    assert camera.play(456_000) == [456_000]
    assert camera.timeline.rebases == 0


def stalls(camera: Camera, *, seconds: int, held: int) -> None:
    """A second of pictures, then silence; `held` old ones lay in a buffer and come with what is filmed after it."""
    pictures = list(range(0, 90_000, STEP))
    camera.play(*pictures[: len(pictures) - held])
    camera.arrived_s += held / 30 + seconds
    camera.play(*pictures[len(pictures) - held :], pause_s=0.0)


@pytest.mark.parametrize("held", [1, 12])
def test_pictures_held_through_a_stall_do_not_make_its_end_a_jump(held: int) -> None:
    camera = Camera(Timeline())
    stalls(camera, seconds=3, held=held)
    assert camera.play(360_000, 363_000) == [360_000, 363_000]
    assert camera.timeline.rebases == 0


def test_sound_goes_on_through_a_stall_with_the_pictures() -> None:
    camera = Camera(Timeline())
    stalls(camera, seconds=3, held=1)
    assert camera.sound(4 * RATE - 160) == 4 * RATE - 160, "while the newest picture is the old one"
    camera.play(360_000)
    assert camera.sound(4 * RATE) == 4 * RATE


def test_a_jump_behind_a_stall_is_rebased_to_the_time_that_passed() -> None:
    camera = Camera(Timeline())
    stalls(camera, seconds=3, held=1)
    assert camera.play(99_000_000) == pytest.approx([360_000], abs=STEP)
    assert camera.timeline.rebases == 1


def test_a_stall_of_long_ago_excuses_no_jump() -> None:
    camera = Camera(Timeline())
    stalls(camera, seconds=3, held=1)
    # From now on everything comes three seconds later, as over a path that became longer.
    later = range(90_000, 90_000 * 400, STEP)
    camera.play(*later)
    assert camera.timeline.rebases == 0
    camera.play(later[-1] + STEP + 3 * 90_000)
    assert camera.timeline.rebases == 1


def test_a_slow_camera_does_not_jump() -> None:
    timeline = Timeline()
    out = [timeline.video(index * 270_000, arrived_s=3.0 * index, interval=270_000) for index in range(5)]
    assert out == [index * 270_000 for index in range(5)]
    assert timeline.rebases == 0


def test_a_new_connection_goes_on_after_the_time_that_passed() -> None:
    camera = Camera(Timeline(Resume(video=900_000, arrived_s=90.0)), arrived_s=100.0)
    assert camera.play(5, 3005) == [1_800_000, 1_803_000]


def test_a_new_connection_never_goes_back() -> None:
    camera = Camera(Timeline(Resume(video=900_000, arrived_s=100.0)), arrived_s=100.0)
    assert camera.play(None, 0) == [903_000, 906_000]


def test_sound_follows_the_pictures_shift() -> None:
    camera = Camera(Timeline())
    camera.play(90_000, 93_000)
    assert camera.sound(8000 + 400) == 400


def test_sound_before_the_first_picture_has_no_place() -> None:
    assert Camera(Timeline()).sound(0) is None


def test_a_jump_moves_both_tracks_together() -> None:
    camera = Camera(Timeline())
    camera.play(*range(0, 90_000, STEP))
    assert camera.sound(8000) == 8000
    camera.play(*range(9_090_000, 9_180_000, STEP))
    # Both were moved by 100 s, so sound of the same moment is at the same place.
    assert camera.sound(8000 * 102) == 2 * 8000


def test_sound_that_jumps_first_waits_for_the_pictures() -> None:
    camera = Camera(Timeline())
    camera.play(*range(0, 90_000, STEP))
    assert camera.sound(8000 * 101) is None
    camera.play(*range(9_090_000, 9_180_000, STEP))
    assert camera.sound(8000 * 102) == 2 * 8000


def test_a_sender_report_that_moves_only_the_sound_is_believed() -> None:
    camera = Camera(Timeline())
    camera.play(*range(0, 90_000, STEP))
    assert camera.sound(7800) == 7800
    assert camera.sound(7960 - 2000) is None, "backward"
    camera.play(*range(90_000, 180_000, STEP))
    assert camera.sound(16_000 - 2000) == 14_000
    assert camera.timeline.rebases == 0


def test_sound_on_a_clock_of_its_own_is_placed_by_arrival_in_the_end() -> None:
    camera = Camera(Timeline())
    camera.play(0)
    heard = []
    for index in range(1, round(AUDIO_PATIENCE_S) + 4):
        camera.play(*range(index * 90_000 - 87_000, index * 90_000 + 1, STEP))
        heard.append(camera.sound(5_000_000 + index * RATE))
    late = [value for value in heard if value is not None]
    assert heard[0] is None
    assert len(late) >= 2
    assert late[-1] == pytest.approx(len(heard) * RATE, abs=RATE / 10)
    assert [later - earlier for earlier, later in itertools.pairwise(late)] == [RATE] * (len(late) - 1)


def test_sound_goes_on_behind_what_an_earlier_connection_sent() -> None:
    camera = Camera(Timeline(Resume(video=90_000, arrived_s=99.9, audio_s=1.2)))
    camera.play(0, 3000)
    assert camera.sound(0) is None, "at 1.1 s, where there was sound already"
    assert camera.sound(1600) == round(1.1 * RATE) + 1600


def test_whatever_a_camera_sends_both_tracks_only_grow() -> None:
    seeded = random.Random(5)
    camera = Camera(Timeline())
    heard: list[int] = []
    source = 0
    for _ in range(5000):
        source += seeded.choice([STEP] * 20 + [0, -1, -STEP, -400_000, 400_000, -9_000_000_000, 9_000_000_000])
        camera.play(source if seeded.random() > 0.01 else None, pause_s=seeded.choice([0.0, 1 / 30, 1 / 30, 5.0]))
        value = camera.sound(source * RATE // 90_000 + seeded.randrange(-9000, 9000))
        if value is not None:
            heard.append(value)
    assert camera.grows
    assert all(earlier < later for earlier, later in itertools.pairwise(heard))
    assert len(heard) > 100


def test_the_interval_is_a_guess_then_declared_then_measured() -> None:
    assert (FrameInterval().ticks, FrameInterval().fps) == (3000, 0.0)
    interval = FrameInterval(nominal_fps=25.0)
    assert (interval.ticks, interval.fps) == (3600, 25.0)
    for index in range(13):
        interval.observe(index * 7200)
    assert (interval.ticks, interval.fps) == (7200, 12.5)


def test_rounded_timestamps_and_gaps_do_not_bend_the_frame_rate() -> None:
    interval = FrameInterval()
    ticks = 0
    for index in range(200):
        interval.observe(ticks)
        ticks += (2970, 2970, 3060)[index % 3] + (90_000 if index % 40 == 39 else 0)
    assert interval.fps == pytest.approx(30.0, abs=0.05)


def test_repeated_pictures_leave_the_rate_alone() -> None:
    interval = FrameInterval(nominal_fps=25.0)
    for _ in range(100):
        interval.observe(0)
    assert interval.ticks >= 1
