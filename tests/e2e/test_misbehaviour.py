"""What a viewer sees of a camera that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Page

from gateway.demo.spec import ParameterSets
from gateway.media.units import VideoCodec
from tests.support.browser import BrowserPlayer, open_player, timestamp_steps
from tests.support.cameras import SMALL, DemoCamera, demo_camera
from tests.support.clients import SignallingSocket, signalling_socket
from tests.support.gateway import running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

H265 = "This camera sends H.265. Your browser can't play it. Switch its sub-stream to H.264."
B_FRAMES = (
    "This camera sends B-frames, which can't go over WebRTC. "
    "Switch them off in its video settings, or choose the Baseline profile."
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A camera that is watched: what it is told, what its viewer sees, and what the gateway says of it."""

    camera: DemoCamera
    player: BrowserPlayer
    socket: SignallingSocket


@asynccontextmanager
async def watched(page: Page) -> AsyncIterator[Watched]:
    """Live, and playing in Chromium."""
    async with (
        demo_camera() as camera,
        running_gateway({"cam": camera.url}) as gateway,
        signalling_socket(gateway.address, "cam") as socket,
    ):
        player = await open_player(page, gateway.address)
        await player.play("cam")
        await socket.state("live", within_s=10)
        yield Watched(camera, player, socket)


async def test_a_frozen_camera_stalls_is_reconnected_and_goes_on_on_the_same_connection(page: Page) -> None:
    async with watched(page) as it:
        before = await it.player.identity()
        loop = asyncio.get_running_loop()
        frozen_at = loop.time()
        it.camera.freeze()
        stalled = await it.socket.state("stalled", within_s=4)
        assert stalled["reason"]["code"] == "no_pictures"
        given_up = await it.socket.state("connecting", "offline", within_s=frozen_at + 7 - loop.time())
        assert given_up["reason"]["code"] == "no_pictures"
        it.camera.thaw()
        await it.socket.state("live", within_s=10)
        await it.player.more_pictures(5, within_s=10)
        assert await it.player.identity() == before


async def test_a_short_freeze_costs_no_reconnect(page: Page) -> None:
    async with watched(page) as it:
        it.camera.freeze()
        await it.socket.state("stalled", within_s=4)
        connections = it.camera.server.connection_count
        it.camera.thaw()
        await it.socket.state("live", within_s=10)
        await it.player.more_pictures(5, within_s=10)
        assert it.camera.server.connection_count == connections


async def test_a_camera_that_answers_play_and_sends_nothing_is_offline_and_says_so(page: Page) -> None:
    async with demo_camera() as camera:
        camera.freeze()
        async with (
            running_gateway({"cam": camera.url}) as gateway,
            signalling_socket(gateway.address, "cam") as socket,
        ):
            offline = await socket.state("offline", within_s=15)
            assert offline["reason"]["message"]
            camera.thaw()
            await socket.state("live", within_s=10)
            await (await open_player(page, gateway.address)).play("cam")


@pytest.mark.parametrize("sets", [ParameterSets.SDP_ONLY, ParameterSets.IN_BAND_ONLY])
async def test_parameter_sets_in_one_place_only_are_enough(page: Page, sets: ParameterSets) -> None:
    async with demo_camera(parameter_sets=sets) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam")
        pictures = await player.more_pictures(25, within_s=10)
        assert all(picture.clock is not None for picture in pictures)


@pytest.mark.parametrize("seconds", [-3600.0, -0.2, 7.0, 40_000.0], ids=str)
async def test_timestamps_that_jump_interrupt_nothing(page: Page, seconds: float) -> None:
    async with watched(page) as it:
        before = await it.player.identity()
        it.camera.jump_timestamps(seconds)
        pictures = await it.player.more_pictures(20, within_s=10)
        steps = timestamp_steps([picture.rtp for picture in await it.player.pictures()])
        assert all(0 < step < 2 * 90_000 for step in steps)
        assert pictures[-1].latency_ms is not None
        assert pictures[-1].latency_ms < 1000
        assert await it.player.identity() == before


async def test_a_change_of_resolution_is_seen_on_the_same_connection(page: Page) -> None:
    async with watched(page) as it:
        before = await it.player.identity()
        await it.camera.change_resolution(640, 360)
        await it.player.until("p => p.video.videoWidth === 640 && p.video.videoHeight === 360", within_s=10)
        pictures = await it.player.more_pictures(10, within_s=10)
        assert all(picture.clock is not None for picture in pictures)
        assert await it.player.identity() == before
        async with asyncio.timeout(10):
            while ((await it.socket.next("state", within_s=10))["video"] or {}).get("width") != 640:
                pass


async def test_what_can_not_be_played_is_refused_with_the_sentence_what_to_change(page: Page) -> None:
    async with (
        demo_camera(replace(SMALL, codec=VideoCodec.H265)) as camera,
        running_gateway({"cam": camera.url}) as gateway,
    ):
        async with signalling_socket(gateway.address, "cam") as socket:
            shown = await socket.state("unsupported", within_s=10)
            assert shown["reason"] == {"code": "codec", "message": H265}
            assert shown["rungs"]["webrtc"] == {"ok": False, "code": "codec", "message": H265}
        player = await open_player(page, gateway.address)
        reply = await player.start("cam")
        assert reply.status == 422
        assert H265 in reply.body
        await page.goto(f"{gateway.address}cam/")
        await page.get_by_text(H265).first.wait_for(timeout=15_000)


async def test_b_frames_are_refused_by_webrtc_with_the_sentence_what_to_change(page: Page) -> None:
    async with (
        demo_camera(replace(SMALL, b_frames=2, profile="main")) as camera,
        running_gateway({"cam": camera.url}) as gateway,
    ):
        async with signalling_socket(gateway.address, "cam") as socket:
            shown = await socket.state("live", within_s=10)
            assert shown["rungs"]["webrtc"] == {"ok": False, "code": "b_frames", "message": B_FRAMES}
            assert shown["rungs"]["mse"] == shown["rungs"]["ll-hls"] == {"ok": True}
        player = await open_player(page, gateway.address)
        reply = await player.start("cam")
        assert reply.status == 422
        assert B_FRAMES in reply.body
