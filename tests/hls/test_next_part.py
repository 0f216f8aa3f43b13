"""Who asks for whatever there is: waits for a part that comes soon, and not for one that stays away."""

from __future__ import annotations

import asyncio

import pytest

from gateway.hls.next_part import NextPart
from tests.webrtc.stage import HandClock

PART_S = 0.17


class Scene:
    """A part has come; those who gave up waiting for the next are counted."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.gave_up = asyncio.Event()
        self.next = NextPart(self.clock, self.gave_up.set)
        self.next.came(self.clock.monotonic())

    def is_soon(self, after_s: float) -> bool:
        self.clock.advance(after_s)
        return self.next.is_soon(PART_S)


@pytest.mark.parametrize(
    ("after_s", "soon"),
    [(0.0, False), (0.04, False), (0.05, True), (0.169, True), (0.171, False), (3.0, False)],
)
async def test_a_part_is_waited_for_that_comes_soon(after_s: float, soon: bool) -> None:  # noqa: FBT001  a case's outcome
    scene = Scene()
    assert scene.is_soon(after_s) is soon
    scene.next.came(scene.clock.monotonic())


async def test_nobody_waits_long_for_a_part_that_stays_away() -> None:
    scene = Scene()
    assert scene.is_soon(0.16)
    assert scene.next.is_soon(PART_S)
    await asyncio.wait_for(scene.gave_up.wait(), 10)
    assert not scene.next.is_soon(PART_S)
    scene.next.came(scene.clock.monotonic())
    assert scene.is_soon(0.1)
    scene.next.came(scene.clock.monotonic())
