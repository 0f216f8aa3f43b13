from __future__ import annotations

import pytest

from gateway.media.annexb import START_CODE
from gateway.source.rhythm import MIN_KEYFRAME_BYTES, KeyframeRhythm

SETS = START_CODE + b"\x67\x42\xc0\x1e" + START_CODE + b"\x68\xce\x3c\x80"
IDR = START_CODE + b"\x65\x88" + b"\x55" * MIN_KEYFRAME_BYTES
OTHER = START_CODE + b"\x41\x9a" + b"\x55" * 50


def _after(gops: list[int], *, keyframe: bytes = SETS + IDR, more: int = 0) -> KeyframeRhythm:
    rhythm = KeyframeRhythm()
    for length in gops:
        rhythm.observe(keyframe, keyframe=True)
        for _ in range(length - 1):
            rhythm.observe(OTHER, keyframe=False)
    for _ in range(more):
        rhythm.observe(OTHER, keyframe=False)
    return rhythm


@pytest.mark.parametrize(
    ("gops", "due"),
    [([10, 10, 10], True), ([10, 10], False), ([10, 10, 9], False), ([9, 10, 10], False), ([9, 10, 10, 10], True)],
)
def test_a_keyframe_is_foreseen_after_equal_groups(gops: list[int], *, due: bool) -> None:
    assert _after(gops).due is due


def test_an_overdue_keyframe_is_not_foreseen() -> None:
    assert not _after([10, 10, 10], more=1).due


def test_pictures_before_the_first_keyframe_do_not_count() -> None:
    rhythm = KeyframeRhythm()
    for _ in range(10):
        rhythm.observe(OTHER, keyframe=False)
    assert not rhythm.due


@pytest.mark.parametrize(
    "keyframe",
    [IDR, SETS + IDR[:200], SETS + OTHER * 100, SETS * 600],
    ids=["no parameter sets", "small", "not IDR", "no picture"],
)
def test_only_keyframes_whose_first_packet_is_known_are_foreseen(keyframe: bytes) -> None:
    assert not _after([10, 10, 10], keyframe=keyframe).due
