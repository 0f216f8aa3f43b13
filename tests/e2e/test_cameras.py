"""Cameras of two independent makers, over both transports, with and without sound, as viewers get them."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from playwright.async_api import Page

from gateway.config import CameraConfig, CameraUrl
from gateway.config.model import Transport
from gateway.demo.spec import AudioChoice
from gateway.source.status import CameraState
from tests.support.browser import open_player
from tests.support.cameras import demo_camera
from tests.support.clients import AiortcViewer, connect_by_whep
from tests.support.gateway import camera_json, http, reached_state, running_gateway
from tests.support.gst_camera import GstSpec, gst_camera

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TRANSPORTS = [Transport.TCP, Transport.UDP]


def _over(transport: Transport, url: str) -> CameraConfig:
    return CameraConfig(source=CameraUrl(url), transport=transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_demo_camera_plays_in_chromium(page: Page, transport: Transport) -> None:
    async with demo_camera() as camera, running_gateway({"cam": _over(transport, camera.url)}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam")
        pictures = await player.more_pictures(20, within_s=10)
        late_ms = [picture.latency_ms for picture in pictures if picture.latency_ms is not None]
        assert len(late_ms) == len(pictures)
        assert all(-50 < late < 1000 for late in late_ms)


async def test_a_viewer_whose_udp_is_blocked_gets_the_same_pictures_over_tcp(page: Page) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam", udp=False)
        pictures = await player.more_pictures(20, within_s=10)
        assert all(picture.latency_ms is not None and picture.latency_ms < 1000 for picture in pictures)
        assert (await player.stats())["protocol"] == "tcp"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_gstreamer_camera_plays_in_chromium(page: Page, transport: Transport) -> None:
    async with gst_camera() as camera, running_gateway({"cam": _over(transport, camera.url)}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam")
        pictures = await player.more_pictures(20, within_s=10)
        # A white ball on black.
        assert all(picture.spread > 100 for picture in pictures)
        assert {(picture.width, picture.height) for picture in pictures} == {(320, 240)}


async def test_a_gstreamer_camera_with_sound_in_the_main_profile_plays_with_its_password(page: Page) -> None:
    spec = GstSpec(audio="pcma", profile="main", login="viewer:canary", config_interval=0)
    async with gst_camera(spec) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam", after=["audio"])
        pictures = await player.more_pictures(10, within_s=10)
        assert all(picture.spread > 100 for picture in pictures)
        shown = await camera_json(gateway.address, "cam")
        assert shown["state"] == "live"
        assert "canary" not in str(shown)


async def test_aac_silences_webrtc_only_and_says_why(page: Page) -> None:
    async with gst_camera(GstSpec(audio="aac")) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam", after=["audio"])
        pictures = await player.more_pictures(10, within_s=10)
        assert all(picture.spread > 100 for picture in pictures)
        assert (await player.stats())["audio"] is None
        rung = (await camera_json(gateway.address, "cam"))["rungs"]["webrtc"]
        assert rung == {"ok": True, "audio": {"code": "codec", "message": "AAC can't go over WebRTC"}}


@pytest.mark.parametrize("audio", ["opus", "pcma", "pcmu"])
async def test_sound_of_a_gstreamer_camera_arrives_in_chromium(page: Page, audio: str) -> None:
    async with gst_camera(GstSpec(audio=audio)) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam", after=["audio"])
        await player.until(
            "p => { p.stats().then((s) => { p.sound = s.audio; }); return p.sound?.totalAudioEnergy > 0.001; }",
            within_s=10,
        )
        assert (await player.stats())["audio"]["packetsLost"] == 0
        await player.more_pictures(5, within_s=10)


@pytest.mark.parametrize("audio", [AudioChoice.OPUS, AudioChoice.PCMU])
async def test_sound_of_a_demo_camera_arrives_at_aiortc(audio: AudioChoice) -> None:
    async with (
        demo_camera(audio=audio) as camera,
        running_gateway({"cam": camera.url}) as gateway,
        http() as session,
        AiortcViewer(audio=True) as viewer,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        await connect_by_whep(viewer, session, f"{gateway.address}cam/whep")
        # It chimes once a second.
        async with asyncio.timeout(10):
            while np.abs((await viewer.sound(within_s=10)).to_ndarray()).max() < 500:
                pass
        assert (await viewer.picture(within_s=10)).width == 320


async def test_h265_with_an_h264_substream_shows_the_substream(page: Page) -> None:
    async with demo_camera(name="main", codec="h265") as main, demo_camera(name="sub") as sub:
        config = CameraConfig(source=CameraUrl(main.url), substream=CameraUrl(sub.url))
        async with running_gateway({"cam": config}) as gateway:
            await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=15)
            player = await open_player(page, gateway.address)
            await player.play("cam")
            shown = await camera_json(gateway.address, "cam")
            assert shown["video"]["codec"].startswith("avc1.")
            assert shown["rungs"]["webrtc"] == {"ok": True}
