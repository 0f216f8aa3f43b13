"""Which pictures share a message."""

from __future__ import annotations

import pytest

from gateway.hls.bundles import CROWD, Bundle, Bundler, hold_s
from gateway.hls.fmp4 import AvcEntry
from gateway.hls.frames import Format, Fragment

FORMAT = Format(1, AvcEntry(640, 360, (), ()), "avc1.42e01e", None, "")


def picture(number: int, *, fps: float, gop: int = 1000, sound: bytes = b"") -> Fragment:
    return Fragment(
        FORMAT,
        keyframe=number % gop == 0,
        time=round(number * 90_000 / fps),
        zero_at=0.0,
        video=b"%d," % number,
        sound=sound,
    )


def texts(bundles: list[Bundle]) -> list[str]:
    return [bundle.message(sound=False).payload.decode() for bundle in bundles]


@pytest.mark.parametrize(
    ("fps", "sent"),
    [
        (15, ["0,", "1,", "2,", "3,", "4,", "5,", "6,"]),
        (25, ["0,", "1,", "2,", "3,", "4,", "5,", "6,"]),
        (29.97, ["0,", "1,2,", "3,4,", "5,6,"]),
        (30, ["0,", "1,2,", "3,4,", "5,6,"]),
        (60, ["0,", "1,2,3,", "4,5,6,"]),
    ],
)
def test_none_waits_for_longer_than_the_interval_of_30_a_second(fps: float, sent: list[str]) -> None:
    bundler = Bundler()
    bundles = [bundle for number in range(7) for bundle in bundler.add(picture(number, fps=fps))]
    assert texts(bundles) == sent
    assert not bundler.holds


@pytest.mark.parametrize(
    ("fps", "sent"),
    [
        (10, ["0,", "1,", "2,", "3,", "4,", "5,", "6,"]),
        (15, ["0,", "1,2,", "3,4,", "5,6,"]),
        (25, ["0,", "1,2,", "3,4,", "5,6,"]),
        (29.97, ["0,", "1,2,3,", "4,5,6,"]),
        (30, ["0,", "1,2,3,", "4,5,6,"]),
    ],
)
def test_for_a_crowd_none_waits_for_longer_than_two_of_these_intervals(fps: float, sent: list[str]) -> None:
    bundler = Bundler()
    assert hold_s(CROWD - 1) == bundler.hold_s
    bundler.hold_s = hold_s(CROWD)
    bundles = [bundle for number in range(7) for bundle in bundler.add(picture(number, fps=fps))]
    assert texts(bundles) == sent
    assert not bundler.holds


def test_a_keyframe_comes_alone_at_once_behind_what_was_held() -> None:
    bundler = Bundler()
    for number in range(2):
        bundler.add(picture(number, fps=30))
    assert bundler.holds
    bundles = bundler.add(picture(2, fps=30, gop=2))
    assert texts(bundles) == ["1,", "2,"]
    assert [bundle.is_keyframe for bundle in bundles] == [False, True]
    assert bundler.flush() == []


def test_what_is_held_can_be_had() -> None:
    bundler = Bundler()
    bundler.add(picture(0, fps=30))
    assert bundler.add(picture(1, fps=30)) == []
    assert texts(bundler.flush()) == ["1,"]


def test_sound_is_for_those_who_hear_it_and_messages_are_made_once() -> None:
    silent = Bundle((picture(1, fps=30),))
    assert silent.message(sound=True) is silent.message(sound=False)
    bundle = Bundle((picture(1, fps=30, sound=b"la,"), picture(2, fps=30)))
    assert bundle.message(sound=True).payload == b"1,la,2,"
    assert bundle.message(sound=False).payload == b"1,2,"
    assert bundle.message(sound=True) is bundle.message(sound=True)
