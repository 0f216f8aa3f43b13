"""LL-HLS players go on by themselves when a camera was away, and when its pictures change their size."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page

from gateway.demo.spec import AudioChoice
from gateway.source.status import CameraState
from tests.e2e.test_hls import hls_player, playlist
from tests.support.cameras import demo_camera
from tests.support.console_player import (
    FFMPEG,
    GSTREAMER,
    Dialect,
    console_player,
    ffmpeg_command,
    gstreamer_command,
)
from tests.support.gateway import http, reached_state, running_gateway
from tests.support.gst_camera import GstSpec, gst_camera
from tests.webrtc.stage import settled

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("dialect", [FFMPEG, GSTREAMER], ids=["ffmpeg", "gstreamer"])
async def test_a_program_plays_on_after_a_restart_and_a_change_of_resolution(dialect: Dialect) -> None:
    command = ffmpeg_command if dialect is FFMPEG else gstreamer_command
    async with (
        demo_camera(audio=AudioChoice.AAC) as camera,
        running_gateway({"cam": camera.url}) as gateway,
    ):
        known = gateway.registry.find("cam")
        await reached_state(known, CameraState.LIVE, within_s=10)
        async with console_player(command(f"{gateway.address}cam/index.m3u8"), dialect) as player:
            await player.more_pictures(20, within_s=20, size=(320, 240))
            await camera.die()
            await reached_state(known, CameraState.OFFLINE, CameraState.CONNECTING, within_s=10)
            await camera.revive()
            await reached_state(known, CameraState.LIVE, within_s=10)
            # More than a player had in store.
            await player.more_pictures(120, within_s=30)
            await camera.change_resolution(480, 360)
            await player.more_pictures(40, within_s=30, size=(480, 360))


@pytest.mark.parametrize("low_latency", [True, False])
async def test_hls_js_that_begins_while_the_camera_is_away_plays_once_it_is_back(page: Page, low_latency: bool) -> None:  # noqa: FBT001  the player's own setting
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway, http() as session:
        known = gateway.registry.find("cam")
        await reached_state(known, CameraState.LIVE, within_s=10)
        # Target durations are as short as the groups of pictures, once one of those is known.
        await settled(lambda: known.hub.gop.gop_s is not None, "there is no whole group of pictures")
        text = await playlist(session, gateway.address)
        await camera.die()
        async with asyncio.timeout(20):
            # As far behind as a player of whole segments begins, and further.
            while text.count("#EXT-X-GAP") < 5:
                text = await playlist(session, gateway.address, msn=_next_msn(text))
        async with hls_player(page, gateway.address, "cam", {"lowLatencyMode": low_latency}) as player:
            # As a page does: hls.js leaves a player in its gap that only waits to begin by itself (autoplay).
            await player.play()
            await player.until("p => p.hls.levels?.[0]?.details", within_s=10)
            await camera.revive()
            await reached_state(known, CameraState.LIVE, within_s=10)
            await player.more_pictures(60, within_s=15)
            assert await player.fatal() == []


async def test_hls_js_plays_on_after_another_makers_camera_came_back_with_other_pictures(page: Page) -> None:
    async with (
        gst_camera(GstSpec(audio="aac")) as camera,
        running_gateway({"cam": camera.url}) as gateway,
    ):
        known = gateway.registry.find("cam")
        await reached_state(known, CameraState.LIVE, within_s=10)
        async with hls_player(page, gateway.address, "cam") as player:
            await player.until("p => p.pictures.length > 20 && p.pictures.at(-1).width === 320", within_s=10)
            await camera.restart()
            await player.more_pictures(60, within_s=20)
            await camera.restart(GstSpec(audio="aac", width=480, height=360))
            await player.until("p => p.pictures.at(-1).width === 480", within_s=20)
            await player.more_pictures(40, within_s=10)
            assert await player.fatal() == []


async def test_hls_js_plays_on_when_it_learns_of_a_segments_end_while_it_parses_the_part_before(page: Page) -> None:
    # Twenty pictures to a segment, three to a part: the last has two.
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with hls_player(page, gateway.address, "cam") as player:
            await player.more_pictures(20, within_s=10)
            await player.parse_late()
            # Several segments, though it is busy whenever there is news.
            await player.more_pictures(100, within_s=15)
            assert await player.fatal() == []


def _next_msn(playlist_text: str) -> int:
    """The number of the first segment that is not listed yet."""
    found = re.search(r"#EXT-X-MEDIA-SEQUENCE:([0-9]+)", playlist_text)
    return 0 if found is None else int(found[1]) + playlist_text.count("#EXTINF:")
