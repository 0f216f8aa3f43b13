"""The gateway's own page in a real browser: the wall of the demo's cameras, and one camera alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page

from gateway.app import Gateway
from gateway.demo.process import spawn_demo_cameras
from gateway.source.status import CameraState
from tests.support.cameras import demo_camera
from tests.support.gateway import reached_state, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

# Resolves when each camera has shown ten more pictures, by whatever video.
_ALL_ADVANCE = """(names) => Promise.all(names.map((name) => new Promise((resolve) => {
  const view = document.querySelector(`camera-view[camera="${name}"]`);
  const enough = view.metrics.framesPresented + 10;
  const look = () => { if (view.metrics.framesPresented >= enough) resolve(); else requestAnimationFrame(look); };
  look();
})))"""
_TILES = "(count) => document.querySelectorAll('camera-view').length === count"
_METRICS = """(name) => document.querySelector(`camera-view[camera="${name}"]`).metrics"""
_ALL_READ_THE_CLOCK = """(names) => names.every(
  (name) => document.querySelector(`camera-view[camera="${name}"]`).metrics.latencySource === 'picture',
)"""
_COUNT_CONNECTIONS = """
globalThis.made = [];
const Original = RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Original {
  constructor(...options) { super(...options); globalThis.made.push(this); }
};
"""
DEADLINE_MS = 15_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo() -> AsyncIterator[Gateway]:
    async with await spawn_demo_cameras() as cameras, running_gateway(cameras.urls) as gateway:
        for camera in gateway.registry:
            await reached_state(camera, CameraState.LIVE, within_s=10)
        yield gateway


async def test_the_wall_plays_all_three_demo_cameras(page: Page, demo: Gateway) -> None:
    names = [camera.name for camera in demo.registry]
    assert names == ["front-door", "yard", "garage"]
    await page.goto(demo.address)
    await page.wait_for_function(_TILES, arg=3, timeout=DEADLINE_MS)
    await page.evaluate(_ALL_ADVANCE, names)
    for name in names:
        metrics = await page.evaluate(_METRICS, name)
        assert metrics["framesPresented"] >= 10
        assert (metrics["rung"], metrics["reconnects"]) == ("webrtc", 0)
    # The demo's clock is in the picture: the tile tells how late it is.
    await page.wait_for_function(_ALL_READ_THE_CLOCK, arg=names, timeout=DEADLINE_MS)
    for name in names:
        assert 0 < (await page.evaluate(_METRICS, name))["latencyMs"] < 1000


async def test_a_camera_has_a_page_of_its_own(page: Page, demo: Gateway) -> None:
    await page.goto(f"{demo.address}front-door")
    assert page.url == f"{demo.address}front-door/"
    await page.wait_for_function(_TILES, arg=1, timeout=DEADLINE_MS)
    await page.evaluate(_ALL_ADVANCE, ["front-door"])
    assert await page.title() == "front-door"


async def test_the_page_of_an_unknown_camera_says_so(page: Page, demo: Gateway) -> None:
    response = await page.goto(f"{demo.address}nobody/")
    assert response is not None
    assert response.status == 404
    await page.get_by_text("There is no camera of this name.").first.wait_for(timeout=DEADLINE_MS)


async def test_a_gateway_without_cameras_says_how_to_add_one(page: Page) -> None:
    async with running_gateway({}) as gateway:
        await page.goto(gateway.address)
        await page.get_by_text("rtsp://").first.wait_for(timeout=DEADLINE_MS)


async def test_a_tile_keeps_its_connection_through_a_restart_of_the_camera_and_says_what_goes_on(page: Page) -> None:
    async with demo_camera(name="cam") as camera, running_gateway({"cam": camera.url}) as gateway:
        await page.add_init_script(_COUNT_CONNECTIONS)
        await page.goto(f"{gateway.address}cam/")
        await page.wait_for_function(_TILES, arg=1, timeout=DEADLINE_MS)
        await page.evaluate(_ALL_ADVANCE, ["cam"])
        await camera.die()
        await page.get_by_text("Camera not reachable since").first.wait_for(timeout=DEADLINE_MS)
        await page.get_by_text("The camera refuses the connection").first.wait_for(timeout=DEADLINE_MS)
        await camera.revive()
        await page.evaluate(_ALL_ADVANCE, ["cam"])
        await page.get_by_text("Camera not reachable since").first.wait_for(state="hidden", timeout=DEADLINE_MS)
        assert await page.evaluate("made.length") == 1
        assert (await page.evaluate(_METRICS, "cam"))["reconnects"] == 0


async def test_a_tile_says_that_its_camera_froze_and_goes_on_when_it_does(page: Page) -> None:
    async with demo_camera(name="cam") as camera, running_gateway({"cam": camera.url}) as gateway:
        await page.goto(f"{gateway.address}cam/")
        await page.wait_for_function(_TILES, arg=1, timeout=DEADLINE_MS)
        await page.evaluate(_ALL_ADVANCE, ["cam"])
        camera.freeze()
        stalled = page.get_by_text("No new pictures for").first
        await stalled.wait_for(timeout=DEADLINE_MS)
        camera.thaw()
        await page.evaluate(_ALL_ADVANCE, ["cam"])
        await stalled.wait_for(state="hidden", timeout=DEADLINE_MS)


async def test_a_page_opened_before_its_camera_was_there_plays_when_it_comes(page: Page) -> None:
    async with demo_camera(name="cam") as camera:
        await camera.die()
        async with running_gateway({"cam": camera.url}) as gateway:
            await reached_state(gateway.registry.find("cam"), CameraState.OFFLINE, within_s=10)
            await page.goto(f"{gateway.address}cam/")
            await page.get_by_text("The camera refuses the connection").first.wait_for(timeout=DEADLINE_MS)
            await camera.revive()
            await page.evaluate(_ALL_ADVANCE, ["cam"])
