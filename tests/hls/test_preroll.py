"""Which pictures pass at once when a playlist begins in the middle of a group, and what becomes of their times."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.hls.preroll import hurried
from tests.hls.streams import Stream, picture

TICKS_S = 90_000


def test_all_but_the_newest_pass_just_before_those() -> None:
    group = list(Stream(begin_s=10.0).units(1.0))
    pictures = hurried(group, kept=round(0.3 * TICKS_S))
    assert [unit.data for unit in pictures] == [unit.data for unit in group]
    assert pictures[20:] == group[20:]
    assert [unit.dts for unit in pictures[:20]] == [group[20].dts - ahead for ahead in range(20, 0, -1)]
    assert all(unit.pts == unit.dts for unit in pictures)
    # What the camera's pace is judged by stays.
    assert {unit.duration for unit in pictures} == {3000}


def test_they_are_dated_by_when_they_pass() -> None:
    pictures = hurried(list(Stream().units(1.0)), kept=round(0.3 * TICKS_S))
    for earlier, later in pairwise(pictures):
        assert later.captured_at - earlier.captured_at == pytest.approx((later.dts - earlier.dts) / TICKS_S, abs=1e-6)


@pytest.mark.parametrize("count", [1, 9, 10])
def test_a_group_that_has_just_begun_stays_as_it_is(count: int) -> None:
    group = [picture(number * 3000, keyframe=number == 0) for number in range(count)]
    assert hurried(group, kept=9 * 3000) == group


def test_pictures_out_of_order_stay_as_they_are() -> None:
    group = [picture(number * 3000, keyframe=number == 0, pts=number * 3000 + 3000) for number in range(30)]
    assert hurried(group, kept=9000) == group
