"""A viewer kept through a camera's absence sees pictures again on the same peer connection."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page

from gateway.source.status import CameraState
from tests.support.browser import BrowserPlayer, open_player, timestamp_steps
from tests.support.cameras import demo_camera
from tests.support.gateway import reached_state, running_gateway
from tests.support.gst_camera import gst_camera

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

GOP_S = 1.0
BUSY_S = 2.0
"""What a busy machine and a browser may take besides."""
BACK_WITHIN_S = 3.0 + GOP_S + BUSY_S


async def _assert_the_same_connection(player: BrowserPlayer, before: dict[str, object]) -> None:
    after = await player.identity()
    assert after == before
    assert after["states"] == ["connecting", "connected"]
    pictures = await player.pictures()
    assert all(step > 0 for step in timestamp_steps([picture.rtp for picture in pictures]))


async def test_a_demo_camera_that_dies_and_comes_back(page: Page) -> None:
    async with demo_camera(gop_s=GOP_S) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam")
        before = await player.identity()
        for _ in range(2):
            await camera.die()
            await reached_state(gateway.registry.find("cam"), CameraState.OFFLINE, within_s=10)
            await camera.revive()
            pictures = await player.more_pictures(3, within_s=BACK_WITHIN_S)
            # Live ones: not what was left over from before.
            assert pictures[-1].latency_ms is not None
            assert pictures[-1].latency_ms < 1000
        await _assert_the_same_connection(player, before)
        assert len(gateway.sessions or ()) == 1


async def test_a_demo_camera_that_resets_the_connection_within_a_picture(page: Page) -> None:
    async with demo_camera(gop_s=GOP_S) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam")
        before = await player.identity()
        camera.reset_mid_frame()
        await reached_state(gateway.registry.find("cam"), CameraState.CONNECTING, within_s=10)
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=BACK_WITHIN_S)
        pictures = await player.more_pictures(10, within_s=BACK_WITHIN_S)
        assert all(picture.clock is not None for picture in pictures)
        await _assert_the_same_connection(player, before)


async def test_a_gstreamer_camera_that_is_killed_and_restarted(page: Page) -> None:
    async with gst_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam")
        before = await player.identity()
        await camera.kill()
        await reached_state(gateway.registry.find("cam"), CameraState.OFFLINE, within_s=10)
        await camera.start()
        pictures = await player.more_pictures(5, within_s=BACK_WITHIN_S)
        assert all(picture.spread > 100 for picture in pictures)
        await _assert_the_same_connection(player, before)


async def test_a_viewer_who_comes_while_the_camera_is_away_is_told_to_try_again(page: Page) -> None:
    async with demo_camera(gop_s=GOP_S) as camera, running_gateway({"cam": camera.url}) as gateway:
        await camera.die()
        await reached_state(gateway.registry.find("cam"), CameraState.OFFLINE, within_s=10)
        player = await open_player(page, gateway.address)
        reply = await player.start("cam")
        assert (reply.status, reply.headers["retry-after"]) == (409, "2")
        await camera.revive()
        # The offer that waited was somebody watching; so is this one, which is answered as soon as there are pictures.
        async with asyncio.timeout(BACK_WITHIN_S):
            await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=BACK_WITHIN_S)
        await (await open_player(page, gateway.address)).play("cam")
