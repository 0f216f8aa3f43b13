"""The group of pictures a viewer starts from."""

from __future__ import annotations

import pytest

from gateway.media.units import AccessUnit, TrackKind
from gateway.relay.gop import GopCache
from tests.relay.units import audio, picture


def pushed(cache: GopCache, *units: AccessUnit) -> tuple[AccessUnit, ...]:
    for unit in units:
        cache.push(unit)
    return cache.units()


def test_the_group_begins_with_the_newest_keyframe() -> None:
    group = [picture(2.0, keyframe=True), picture(2.1), picture(2.2)]
    assert pushed(GopCache(), picture(0.0, keyframe=True), picture(0.1), *group) == tuple(group)


def test_audio_since_the_keyframe_is_kept_in_its_place() -> None:
    group = [picture(0.0, keyframe=True), audio(0.01), picture(0.04), audio(0.05)]
    assert pushed(GopCache(), audio(-0.02), *group) == tuple(group)


def test_there_is_no_group_before_the_first_keyframe() -> None:
    cache = GopCache()
    assert pushed(cache, picture(0.0), audio(0.0)) == ()
    assert not cache.usable
    assert cache.size == 0


def test_what_was_taken_does_not_change_when_the_group_grows() -> None:
    cache = GopCache()
    before = pushed(cache, picture(0.0, keyframe=True))
    cache.push(picture(0.1))
    assert len(before) == 1


def test_a_group_older_than_the_limit_is_forgotten_until_the_next_keyframe() -> None:
    cache = GopCache(max_seconds=2.0)
    assert len(pushed(cache, picture(0.0, keyframe=True), picture(2.0))) == 2
    assert pushed(cache, picture(2.1), picture(2.2)) == ()
    assert len(pushed(cache, picture(3.0, keyframe=True))) == 1


def test_a_group_larger_than_the_limit_is_forgotten_until_the_next_keyframe() -> None:
    cache = GopCache(max_bytes=100)
    assert len(pushed(cache, picture(0.0, keyframe=True, size=60), audio(0.0, size=40))) == 2
    assert cache.size == 100
    assert pushed(cache, audio(0.1, size=1)) == ()
    assert cache.size == 0
    assert cache.usable is False


def test_a_keyframe_alone_is_kept_however_large_it_is() -> None:
    assert len(pushed(GopCache(max_bytes=100), picture(0.0, keyframe=True, size=500))) == 1


def test_the_group_can_be_forgotten() -> None:
    cache = GopCache()
    pushed(cache, picture(0.0, keyframe=True), picture(0.1))
    cache.clear()
    assert (cache.units(), cache.size, cache.usable) == ((), 0, False)
    assert pushed(cache, picture(0.2)) == ()


def test_the_groups_length_is_the_time_between_two_keyframes() -> None:
    cache = GopCache()
    assert cache.gop_s is None
    pushed(cache, picture(0.0, keyframe=True), picture(1.0))
    assert cache.gop_s is None
    pushed(cache, picture(2.0, keyframe=True))
    assert cache.gop_s == pytest.approx(2.0)


def test_a_group_too_long_to_be_kept_is_measured_still() -> None:
    cache = GopCache(max_seconds=2.0)
    pushed(cache, picture(0.0, keyframe=True), picture(5.0), picture(10.0, keyframe=True))
    assert cache.gop_s == pytest.approx(10.0)


def test_a_pause_of_the_camera_is_not_taken_for_a_long_group() -> None:
    cache = GopCache()
    pushed(cache, picture(0.0, keyframe=True), picture(2.0, keyframe=True))
    cache.clear()
    pushed(cache, picture(60.0, keyframe=True))
    assert cache.gop_s == pytest.approx(2.0)


def test_the_group_of_a_keyframe_that_does_not_move_on_is_not_measured() -> None:
    cache = GopCache()
    pushed(cache, picture(1.0, keyframe=True), picture(1.0, keyframe=True))
    assert cache.gop_s is None


def test_a_keyframe_flag_on_audio_starts_no_group() -> None:
    unit = audio(0.0)
    marked = AccessUnit(
        TrackKind.AUDIO, unit.pts, unit.dts, unit.duration, unit.time_base, True, unit.data, unit.captured_at
    )
    assert pushed(GopCache(), marked) == ()
