"""How long parts and segments are to be."""

from __future__ import annotations

import pytest

from gateway.hls.cadence import choose, part_target, slowed, usual_interval
from gateway.hls.packager import Lengths
from tests.hls.streams import picture


@pytest.mark.parametrize(
    ("fps", "pictures"),
    [(60, 12), (30, 6), (29.97, 6), (25, 5), (24, 4), (20, 4), (15, 3), (12, 2), (10, 2), (7, 1), (1, 1)],
)
def test_a_part_is_as_many_whole_pictures_as_fit(fps: float, pictures: int) -> None:
    interval = round(90_000 / fps)
    target = part_target(interval, part_s=0.2)
    # Two or three pictures get as much room above as there is below.
    room = 1.08 if pictures in (2, 3) else 1.02
    assert pictures * interval * 0.999 * room <= target <= pictures * interval * room + 90
    assert target % 90 == 0


@pytest.mark.parametrize(("fps", "pictures"), [(30, 5), (29.97, 5), (25, 4), (24, 4), (15, 2), (12, 2), (7, 1)])
def test_by_default_a_part_is_about_a_sixth_of_a_second(fps: float, pictures: int) -> None:
    interval = round(90_000 / fps)
    target = part_target(interval, part_s=Lengths().part_s)
    assert round(target / interval) == pictures
    assert target < 0.19 * 90_000


@pytest.mark.parametrize(
    ("gop_s", "group_s", "target_s"),
    [
        (0.5, 0.3, 1),
        (0.45, 0.3, 2),
        (1.0, 0.5, 1),
        (2.0, 0.1, 2),
        (2.02, 0.1, 2),
        (1.0, 3.0, 3),  # the present group is longer already
        (10.0, 4.0, 10),
        (None, 0.0, 4),
        (None, 4.0, 6),
    ],
)
def test_the_target_duration_holds_the_longest_group_to_come(
    gop_s: float | None, group_s: float, target_s: int
) -> None:
    cadence = choose(3000, gop_s=gop_s, group_s=group_s, part_s=0.2, segment_s=1.0)
    assert cadence.target_duration_s == target_s
    assert cadence.segment_limit / 90_000 == pytest.approx(target_s + 0.49)


def test_pictures_too_far_apart_for_a_part_make_it_longer_and_never_shorter_again() -> None:
    cadence = choose(3000, gop_s=1.0, group_s=0.0, part_s=0.2, segment_s=1.0)
    slow = slowed(cadence, 45_000, part_s=0.2)
    assert slow.part_target >= 45_000
    assert slowed(slow, 3000, part_s=0.2).part_target == slow.part_target
    assert slowed(cadence, 0, part_s=0.2) == cadence


def test_the_source_is_believed_unless_the_pictures_say_otherwise() -> None:
    steady = [picture(6000 * n, interval=6000) for n in range(10)]
    assert usual_interval(steady) == 6000
    wavering = [picture(6000 * n + (500 if n == 9 else 0), interval=6000) for n in range(10)]
    assert usual_interval(wavering) == 6000
    declared_wrong = [picture(6000 * n, interval=3000) for n in range(10)]
    assert usual_interval(declared_wrong) == 6000
    assert usual_interval(declared_wrong[:3]) == 3000
    assert usual_interval([]) == 3000
