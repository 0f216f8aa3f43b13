"""Modes in a real browser: how far behind it plays is switched while it plays, and pictures neither jump nor miss."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import pytest
from playwright.async_api import Page

from gateway.negotiate.modes import DELAY_S, Mode
from tests.support.browser import BrowserPlayer, Picture, open_player
from tests.support.cameras import demo_camera
from tests.support.clients import signalling_socket
from tests.support.gateway import running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DELAY = 0.4
"""Enough to be seen, and reached in 4 s."""

FRAME_S = 0.05
SOME = 7
LEAP_S = 0.2
"""More than so many pictures take at 100 ms/s, and half of what a leap to or from `DELAY` would be."""
RTP_CLOCK = 90_000


def longest_leap_s(pictures: list[Picture]) -> float:
    """By how much the delay changed at once and for good.

    Some pictures before and after are compared: a machine that is busy elsewhere shows one of them late, and the next
    ones in time again.
    """
    ages_s = [(picture.latency_ms or 0) / 1000 for picture in pictures]
    before_and_after = [(ages_s[at - SOME : at], ages_s[at : at + SOME]) for at in range(SOME, len(ages_s) - SOME + 1)]
    return max(abs(median(after) - median(before)) for before, after in before_and_after)


async def behind(player: BrowserPlayer, least_s: float, most_s: float, *, within_s: float) -> list[Picture]:
    """All pictures until five in a row came from `least_s` to `most_s` after they were captured."""
    seen: list[Picture] = []
    for _ in range(round(within_s / FRAME_S / 5)):
        seen += await player.more_pictures(5, within_s=10)
        if all(picture.latency_ms and least_s <= picture.latency_ms / 1000 <= most_s for picture in seen[-5:]):
            return seen
    raise AssertionError(f"not within {within_s} s: {[picture.latency_ms for picture in seen]}")


async def test_a_viewer_falls_back_to_its_modes_delay_and_returns_without_a_jump(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DELAY_S, Mode.BALANCED, DELAY)
    async with (
        demo_camera() as camera,
        running_gateway({"cam": camera.url}) as gateway,
        signalling_socket(gateway.address, "cam") as socket,
    ):
        player = await open_player(page, gateway.address)
        reply = await player.play("cam", encoded=True)
        # The same offer again tells the socket which connection it is about.
        await socket.offer(reply.offer, version=2, within_s=10)
        await behind(player, 0.0, 0.2, within_s=10)

        joined = len(await player.encoded_timestamps())
        await socket.send("mode", "balanced")
        assert await socket.next("mode", within_s=10) == "balanced"
        risen = await behind(player, DELAY - 0.1, DELAY + 0.2, within_s=15)
        stays = await player.more_pictures(20, within_s=10)
        assert min(picture.latency_ms or 0 for picture in stays) >= (DELAY - 0.1) * 1000

        await socket.send("mode", "ultra-low")
        assert await socket.next("mode", within_s=10) == "ultra-low"
        returned = await behind(player, 0.0, 0.2, within_s=15)

        for pictures in (risen, returned):
            seconds = (pictures[-1].at - pictures[0].at) / 1000
            assert seconds >= (DELAY - 0.2) / 0.15, "it leapt"
            assert longest_leap_s(pictures) <= LEAP_S
        arrived = await player.encoded_timestamps()
        # A busy camera may leave one out, nobody more than that.
        steps_s = [((later - earlier) % (1 << 32)) / RTP_CLOCK for earlier, later in pairwise(arrived[joined:])]
        assert max(steps_s) <= LEAP_S, "the gateway left pictures out"
        await player.close()
