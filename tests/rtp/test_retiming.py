"""Pictures of a substream on the timeline of the main stream."""

from __future__ import annotations

import itertools

from gateway.media.units import VIDEO_CLOCK_RATE, VIDEO_TIME_BASE, AccessUnit, TrackKind
from gateway.rtp.retiming import Retiming

INTERVAL = 3000
AT = 1_790_000_000.0


def unit(pts: int, *, at_s: float, keyframe: bool = False) -> AccessUnit:
    return AccessUnit(TrackKind.VIDEO, pts, pts, INTERVAL, VIDEO_TIME_BASE, keyframe, b"x", AT + at_s)


def run(
    retiming: Retiming, *, count: int, late_s: float = 0.0, begin: int = 0, ahead_at: int | None = None
) -> tuple[list[int], list[int]]:
    """Both streams at 30 pictures a second; the substream's arrive just after the main stream's, captured before."""
    mains, placed = [], []
    for number in range(begin, begin + count):
        main = unit(900_000 + number * INTERVAL, at_s=number / 30)
        small = unit(77 + number * INTERVAL, at_s=number / 30 - late_s)
        mains.append(main.pts)
        placed.append(retiming.place(small, main, ahead=number == ahead_at).pts)
    return mains, placed


def test_equal_capture_times_are_equal_timestamps() -> None:
    mains, placed = run(Retiming(), count=60)
    assert placed == mains


def test_a_picture_captured_earlier_is_earlier_on_the_timeline() -> None:
    mains, placed = run(Retiming(), count=60, late_s=0.1)
    assert {main - small for main, small in zip(mains, placed, strict=True)} == {VIDEO_CLOCK_RATE // 10}


def test_who_comes_from_the_main_stream_sees_no_timestamp_twice_and_none_going_back() -> None:
    retiming = Retiming()
    run(retiming, count=30, late_s=0.1)
    mains, placed = run(retiming, count=600, late_s=0.1, begin=30, ahead_at=30)
    assert placed[0] == mains[0] + 1
    assert all(later > earlier for earlier, later in itertools.pairwise(placed))
    # Little by little it gets back to where it belongs.
    steps = [later - earlier for earlier, later in itertools.pairwise(placed)]
    assert min(steps) >= 0.97 * INTERVAL
    assert mains[-1] - placed[-1] == VIDEO_CLOCK_RATE // 10


def test_who_goes_to_the_main_stream_finds_its_next_picture_later() -> None:
    # Captured later than it should be, as far as two clocks can tell.
    mains, placed = run(Retiming(), count=60, late_s=-0.2)
    assert all(small < following for small, following in zip(placed, mains[1:], strict=False))
    assert all(later > earlier for earlier, later in itertools.pairwise(placed))


def test_more_pictures_than_the_main_stream_has_stay_in_order() -> None:
    retiming, main = Retiming(), unit(900_000, at_s=0)
    placed = [retiming.place(unit(number * 1500, at_s=number / 60), main, ahead=False).pts for number in range(10)]
    assert placed == sorted(set(placed))


def test_pictures_go_on_while_the_main_stream_stands_still() -> None:
    retiming, main = Retiming(), unit(900_000, at_s=0)
    placed = [retiming.place(unit(number * INTERVAL, at_s=number / 30), main, ahead=False) for number in range(30 * 10)]
    assert placed[-1].pts - main.pts == (len(placed) - 1) * INTERVAL
    assert placed[-1].captured_at == AT + (len(placed) - 1) / 30


def test_a_new_connection_of_the_substream_is_placed_anew() -> None:
    retiming = Retiming()
    run(retiming, count=30)
    main = unit(900_000 + 30 * INTERVAL, at_s=1)
    assert retiming.place(unit(5_000_000, at_s=1), main, ahead=False).pts == main.pts


def test_the_capture_time_is_what_the_main_streams_clock_says_of_the_timestamp() -> None:
    main = unit(900_000, at_s=0)
    placed = Retiming().place(unit(12, at_s=-0.05, keyframe=True), main, ahead=True)
    assert (placed.pts, placed.dts) == (900_001, 900_001)
    assert placed.captured_at == main.captured_at + 1 / VIDEO_CLOCK_RATE
    assert (placed.keyframe, placed.data) == (True, b"x")
