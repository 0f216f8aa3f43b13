"""Which of MediaMTX's paths become cameras, and when they cease to be."""

from __future__ import annotations

import random

import pytest

from gateway.mediamtx.discovery import GRACE_S, MOST_TOLD, Discovery, Step
from gateway.mediamtx.lists import ListedPath
from gateway.names import prefix_conflicts


def paths(*names: str, ready: bool = True, has_source: bool = True) -> list[ListedPath]:
    return [ListedPath(name, ready, has_source) for name in names]


def test_cameras_come_with_their_paths_and_go_after_a_while_without() -> None:
    discovery = Discovery()
    assert discovery.follow(paths("yard", "site1/gate"), taken=[], now=0) == Step(come=("site1/gate", "yard"))
    assert discovery.follow(paths("yard", "site1/gate"), taken=[], now=2) == Step()
    assert discovery.follow(paths("yard"), taken=[], now=4) == Step()
    assert discovery.follow(paths("yard"), taken=[], now=2 + GRACE_S) == Step()
    assert discovery.follow(paths("yard"), taken=[], now=2 + GRACE_S + 0.1) == Step(go=("site1/gate",))
    assert discovery.follow(paths("yard", "site1/gate"), taken=[], now=20) == Step(come=("site1/gate",))


def test_a_publisher_that_reconnects_in_time_is_the_same_camera() -> None:
    discovery = Discovery()
    discovery.follow(paths("yard"), taken=[], now=0)
    assert discovery.follow([], taken=[], now=GRACE_S - 1) == Step()
    assert discovery.follow(paths("yard"), taken=[], now=GRACE_S) == Step()
    assert discovery.follow([], taken=[], now=2 * GRACE_S) == Step()


def test_a_path_without_a_source_is_no_camera_and_one_whose_camera_is_away_is() -> None:
    discovery = Discovery()
    assert discovery.follow(paths("asked-for", ready=False, has_source=False), taken=[], now=0) == Step()
    assert discovery.follow(paths("away", ready=False), taken=[], now=0) == Step(come=("away",))


@pytest.mark.parametrize("name", ["a b", "~yard", "api", "yard/whep", "", "ärger", "x/" * 9 + "x", "yard:1", ".."])
def test_what_is_no_cameras_name_is_told_once_and_left_out(name: str) -> None:
    discovery = Discovery()
    step = discovery.follow(paths(name, "good"), taken=[], now=0)
    assert step.come == ("good",)
    (sentence,) = step.told
    assert repr(name) in sentence
    assert discovery.follow(paths(name, "good"), taken=[], now=2) == Step()


def test_configured_cameras_win_without_a_word() -> None:
    discovery = Discovery()
    assert discovery.follow(paths("yard"), taken=["yard"], now=0) == Step()
    assert discovery.follow(paths("yard"), taken=[], now=2) == Step(come=("yard",))
    assert discovery.follow(paths("yard"), taken=["yard"], now=4) == Step(go=("yard",))


@pytest.mark.parametrize("taken", ["site1", "site1/yard/gate"])
def test_a_path_above_or_below_a_configured_camera_is_left_out(taken: str) -> None:
    discovery = Discovery()
    step = discovery.follow(paths("site1/yard"), taken=[taken], now=0)
    assert step.come == ()
    assert "collide" in step.told[0]
    assert discovery.follow(paths("site1/yard"), taken=[], now=2) == Step(come=("site1/yard",))
    assert discovery.follow(paths("site1/yard"), taken=[taken], now=4).go == ("site1/yard",)


def test_nobody_new_pushes_a_camera_out() -> None:
    discovery = Discovery()
    discovery.follow(paths("site1/yard"), taken=[], now=0)
    step = discovery.follow(paths("site1/yard", "site1"), taken=[], now=2)
    assert (step.come, step.go) == ((), ())
    # Nor while it is away for a moment.
    assert discovery.follow(paths("site1"), taken=[], now=4) == Step()
    step = discovery.follow(paths("site1"), taken=[], now=3 + GRACE_S)
    assert (step.come, step.go) == (("site1",), ("site1/yard",))


def test_a_flood_of_bad_names_is_told_of_within_limits() -> None:
    discovery = Discovery()
    told = sum(
        len(discovery.follow(paths(*(f"bad {turn} {number}" for number in range(100))), taken=[], now=turn).told)
        for turn in range(20)
    )
    assert told == MOST_TOLD
    (sentence,) = Discovery().follow(paths("ü" * 5000), taken=[], now=0).told
    assert len(sentence) < 600


def test_whatever_comes_and_goes_cameras_never_collide() -> None:
    dice = random.Random(5)
    discovery, present = Discovery(), set[str]()
    words = ["a", "b", "a/a", "a/b", "a/b/c", "b/c", "b/c/d", "c"]
    for turn in range(2000):
        taken = dice.sample(words, dice.randint(0, 2))
        if prefix_conflicts(taken):
            continue
        step = discovery.follow(paths(*dice.sample(words, dice.randint(0, 8))), taken=taken, now=turn * 3.0)
        present = (present - set(step.go)) | set(step.come)
        assert not set(step.come) & set(taken)
        assert prefix_conflicts([*present, *taken]) == []
        assert not present & set(taken)
