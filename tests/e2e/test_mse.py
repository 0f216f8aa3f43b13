"""Chromium's Media Source Extensions fed by the WebSocket: pictures, sound, a camera that goes away and changes."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from playwright.async_api import JSHandle, Page

from gateway.demo.spec import AudioChoice
from gateway.source.status import CameraState
from tests.support.browser import MSE_PLAYER, load_player
from tests.support.cameras import CLOCK_MODULUS, demo_camera
from tests.support.gateway import camera_json, reached_state, running_gateway
from tests.support.gst_camera import GstSpec, gst_camera

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_CODECS: Final = "avc1.640029,avc1.64002A,avc1.640033,mp4a.40.2,flac,opus"


class MsePlayer:
    """A player in a page."""

    def __init__(self, handle: JSHandle) -> None:
        self._handle = handle

    async def look(self, what: str) -> Any:
        """The value of a JavaScript expression of `p`, the player."""
        return await self._handle.evaluate(f"p => {what}")

    async def until(self, condition: str, *, within_s: float) -> None:
        """Waits until a JavaScript expression of `p` holds."""
        await self._handle.evaluate(f"(player, ms) => player.until((p) => {condition}, ms)", within_s * 1000)

    async def more_pictures(self, count: int, *, within_s: float) -> list[dict[str, Any]]:
        """So many more pictures from now on."""
        known = int(await self.look("p.pictures.length"))
        await self.until(f"p.pictures.length >= {known + count}", within_s=within_s)
        pictures: list[dict[str, Any]] = await self.look(f"p.pictures.slice({known})")
        return pictures


@asynccontextmanager
async def mse_player(page: Page, address: str, codecs: str = _CODECS) -> AsyncIterator[MsePlayer]:
    """A player on a plain page of the gateway's origin; it must not have complained."""
    await page.goto(f"{address}healthz")
    await load_player(page, MSE_PLAYER)
    url = f"{address.replace('http', 'ws', 1)}api/ws?src=cam"
    player = MsePlayer(await page.evaluate_handle("([url, codecs]) => new MseTestPlayer(url, codecs)", [url, codecs]))
    try:
        yield player
        assert await player.look("p.errors") == []
    finally:
        await player.look("p.close()")


def latencies_ms(pictures: list[dict[str, Any]]) -> list[float]:
    """From the camera's clock to the screen."""
    return [(p["at"] - p["clock"]) % CLOCK_MODULUS for p in pictures if p["clock"] is not None]


@pytest.mark.parametrize(
    ("audio", "codecs"), [(AudioChoice.NONE, ""), (AudioChoice.AAC, ",mp4a.40.2"), (AudioChoice.OPUS, ",opus")]
)
async def test_chromium_plays_from_the_first_picture_on_and_is_counted(
    page: Page, audio: AudioChoice, codecs: str
) -> None:
    async with demo_camera(audio=audio) as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with mse_player(page, gateway.address) as player:
            pictures = await player.more_pictures(40, within_s=10)
            assert statistics.median(latencies_ms(pictures)) < 800
            assert (await player.look("p.types"))[0].endswith(f'{codecs}"')
            assert pictures[0]["mediaTime"] < 5, "a player's time begins at its first picture"
            assert (await camera_json(gateway.address, "cam"))["viewers"] == {"mse": 1}
            sound = await player.look("p.video.webkitAudioDecodedByteCount")
            assert (sound > 0) == (audio is not AudioChoice.NONE)


async def test_chromium_plays_the_aac_of_another_makers_camera(page: Page) -> None:
    async with gst_camera(GstSpec(audio="aac")) as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=15)
        async with mse_player(page, gateway.address) as player:
            await player.more_pictures(40, within_s=10)
            assert "mp4a.40.2" in (await player.look("p.types"))[0]
            assert await player.look("p.video.webkitAudioDecodedByteCount") > 0


async def test_pictures_that_are_not_sent_in_order_are_shown_in_order(page: Page) -> None:
    async with (
        demo_camera(b_frames=2, profile="main") as camera,
        running_gateway({"cam": camera.url}) as gateway,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with mse_player(page, gateway.address) as player:
            pictures = await player.more_pictures(60, within_s=10)
            clocks = [picture["clock"] for picture in pictures if picture["clock"] is not None]
            assert len(clocks) > 30
            assert clocks == sorted(set(clocks))


async def test_pictures_go_on_by_themselves_when_the_camera_comes_back(page: Page) -> None:
    async with demo_camera(audio=AudioChoice.AAC) as camera, running_gateway({"cam": camera.url}) as gateway:
        known = gateway.registry.find("cam")
        await reached_state(known, CameraState.LIVE, within_s=10)
        async with mse_player(page, gateway.address) as player:
            await player.more_pictures(20, within_s=10)
            await camera.die()
            await reached_state(known, CameraState.OFFLINE, CameraState.CONNECTING, within_s=10)
            await camera.revive()
            await reached_state(known, CameraState.LIVE, within_s=10)
            pictures = await player.more_pictures(40, within_s=15)
            assert statistics.median(latencies_ms(pictures[20:])) < 1000
            assert len(set(await player.look("p.types"))) == 1


async def test_pictures_go_on_in_another_size(page: Page) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with mse_player(page, gateway.address) as player:
            await player.more_pictures(20, within_s=10)
            await camera.change_resolution(480, 360)
            await player.until("p.pictures.at(-1).width === 480", within_s=15)
            await player.more_pictures(40, within_s=10)
            assert len(await player.look("p.types")) >= 2
