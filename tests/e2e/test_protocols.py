"""The page's lower rungs in a real browser: MSE over the WebSocket, LL-HLS and HLS, chosen by `?protocol=`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from playwright.async_api import Page, Request, Route

from gateway.app import Gateway
from gateway.demo.spec import AudioChoice
from gateway.source.status import CameraState
from tests.support.cameras import DemoCamera, demo_camera
from tests.support.gateway import reached_state, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_MS: Final = 15_000
_METRICS: Final = "() => document.querySelector('camera-view').metrics"
_VIDEO: Final = "document.querySelector('camera-view').shadowRoot.querySelector('video')"
_PLAYS: Final = "(count) => document.querySelector('camera-view')?.metrics?.framesPresented >= count"
# Resolves after twenty more pictures.
_ADVANCES: Final = f"""() => new Promise((resolve) => {{
  let left = 20;
  const next = () => {{ left -= 1; if (left < 0) resolve(); else {_VIDEO}.requestVideoFrameCallback(next); }};
  next();
}})"""
_LEAST_LATENCY_BELOW: Final = """(ms) => {
  const { latencyMs, latencySource } = document.querySelector('camera-view').metrics;
  return latencySource === 'picture' && latencyMs < ms;
}"""
_KEEP_SOCKETS: Final = """
globalThis.sockets = [];
const Original = WebSocket;
globalThis.WebSocket = class extends Original {
  constructor(...options) { super(...options); sockets.push(this); }
};
"""
_NO_ROOM: Final = """
globalThis.room = { refuse: 0, refusals: 0 };
const append = SourceBuffer.prototype.appendBuffer;
SourceBuffer.prototype.appendBuffer = function (bytes) {
  if (room.refuse > 0) {
    room.refuse -= 1;
    room.refusals += 1;
    throw new DOMException('The SourceBuffer is full.', 'QuotaExceededError');
  }
  return append.call(this, bytes);
};
"""
# By the stream's clock until the one in the picture is found; the last of the first and the first of the second.
_NOTE_LATENCIES: Final = """
globalThis.noted = {};
setInterval(() => {
  const { latencyMs, latencySource } = document.querySelector('camera-view')?.metrics ?? {};
  if (latencySource && !noted.picture) noted[latencySource] = latencyMs;
}, 10);
"""
_BUFFERED_S: Final = f"""() => {{
  const {{ buffered }} = {_VIDEO};
  return buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - buffered.start(0);
}}"""


@asynccontextmanager
async def watching(
    page: Page, protocol: str, *, audio: AudioChoice = AudioChoice.NONE, gop_s: float = 1.0
) -> AsyncIterator[tuple[Gateway, DemoCamera]]:
    """The page of a camera whose pictures come by `protocol`."""
    async with demo_camera(audio=audio, gop_s=gop_s) as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        await page.goto(f"{gateway.address}cam/?protocol={protocol}")
        await page.wait_for_function(_PLAYS, arg=10, timeout=DEADLINE_MS)
        yield gateway, camera


async def metrics(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(_METRICS)
    return found


@pytest.mark.parametrize(
    ("protocol", "mark", "in_full", "transport", "latency_ms"),
    [
        ("webrtc", None, "WebRTC over UDP", "UDP", 1000),
        ("mse", "MSE", "MSE over WebSocket", "WebSocket", 1000),
        ("ll-hls", "LL-HLS", "LL-HLS", None, 3000),
        ("hls", "HLS", "HLS", None, 10_000),
    ],
)
async def test_each_protocol_plays_and_says_what_it_is(
    page: Page, protocol: str, mark: str | None, in_full: str, transport: str | None, latency_ms: int
) -> None:
    async with watching(page, protocol, audio=AudioChoice.OPUS) as (gateway, _):
        await page.wait_for_function(_LEAST_LATENCY_BELOW, arg=latency_ms, timeout=DEADLINE_MS)
        await page.wait_for_function(
            "(transport) => document.querySelector('camera-view').metrics.transport === transport",
            arg=transport,
            timeout=DEADLINE_MS,
        )
        found = await metrics(page)
        assert (found["rung"], found["reconnects"]) == (protocol, 0)
        shown = page.locator("camera-view .mark")
        if mark is None:
            assert not await shown.is_visible()
        else:
            assert await shown.inner_text() == mark
            assert await shown.get_attribute("title")
        await page.keyboard.press("i")
        row = page.locator("camera-view .statistics dd").first
        await row.wait_for(timeout=DEADLINE_MS)
        assert await row.inner_text() == in_full
        assert gateway.registry.find("cam").status.state is CameraState.LIVE


async def test_hls_plays_on_without_jumps_where_segments_are_long(page: Page) -> None:
    refused: list[str] = []
    page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
    async with watching(page, "hls", gop_s=6.0):
        await page.evaluate(f"() => {{ globalThis.seeks = 0; {_VIDEO}.onseeking = () => {{ seeks += 1; }}; }}")
        for _round in range(8):
            await page.evaluate(_ADVANCES)
        assert await page.evaluate("seeks") <= 1
        assert [url for url in refused if "_HLS_" in url] == []
        assert (await metrics(page))["reconnects"] == 0


async def test_whole_segments_go_back_for_a_calmer_mode_and_to_live_again_for_a_livelier_one(page: Page) -> None:
    choose = "(mode) => document.querySelector('camera-view').setAttribute('mode', mode)"
    async with watching(page, "hls"):
        await page.wait_for_function(f"() => ({_BUFFERED_S})() > 5", timeout=DEADLINE_MS)
        await page.evaluate(choose, "stable")
        await page.wait_for_function(
            "() => document.querySelector('camera-view').metrics.latencyMs > 4500", timeout=DEADLINE_MS
        )
        await page.evaluate(choose, "ultra-low")
        await page.wait_for_function(_LEAST_LATENCY_BELOW, arg=3800, timeout=DEADLINE_MS)
        await page.evaluate(_ADVANCES)
        assert (await metrics(page))["reconnects"] == 0


@pytest.mark.parametrize("protocol", ["mse", "ll-hls"])
async def test_the_stream_s_own_clock_agrees_with_the_one_in_the_picture(page: Page, protocol: str) -> None:
    await page.add_init_script(_NOTE_LATENCIES)
    async with watching(page, protocol):
        await page.wait_for_function("() => noted.clock && noted.picture", timeout=DEADLINE_MS)
        noted = await page.evaluate("noted")
        assert noted["clock"] == pytest.approx(noted["picture"], abs=400)


async def test_an_unknown_protocol_is_named_and_the_known_ones_offered(page: Page) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        await page.goto(f"{gateway.address}?protocol=smoke")
        await page.get_by_text("There is no protocol “smoke”.").first.wait_for(timeout=DEADLINE_MS)
        await page.get_by_text("webrtc, mse, ll-hls, hls").first.wait_for(timeout=DEADLINE_MS)
        await page.get_by_role("link", name="All cameras").first.click()
        await page.wait_for_function(_PLAYS, arg=10, timeout=DEADLINE_MS)
        assert (await metrics(page))["rung"] == "webrtc"


async def test_the_attribute_chooses_too_and_may_change(page: Page) -> None:
    async with watching(page, "mse"):
        await page.evaluate("() => document.querySelector('camera-view').setAttribute('protocol', 'webrtc')")
        await page.wait_for_function("() => document.querySelector('camera-view').metrics.rung === 'webrtc'")
        await page.wait_for_function(_PLAYS, arg=10, timeout=DEADLINE_MS)


@pytest.mark.parametrize("protocol", ["mse", "ll-hls"])
async def test_pictures_go_on_when_a_camera_comes_back(page: Page, protocol: str) -> None:
    async with watching(page, protocol) as (gateway, camera):
        await camera.die()
        await page.get_by_text("Camera not reachable since").first.wait_for(timeout=DEADLINE_MS)
        await camera.revive()
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        await page.evaluate(_ADVANCES)
        await page.get_by_text("Camera not reachable since").first.wait_for(state="hidden", timeout=DEADLINE_MS)
        assert (await metrics(page))["reconnects"] == 0


@pytest.mark.parametrize("protocol", ["mse", "ll-hls"])
async def test_pictures_go_on_in_another_size(page: Page, protocol: str) -> None:
    async with watching(page, protocol) as (_, camera):
        await camera.change_resolution(480, 360)
        await page.wait_for_function(f"() => {_VIDEO}.videoWidth === 480", timeout=DEADLINE_MS)
        await page.evaluate(_ADVANCES)
        assert (await metrics(page))["reconnects"] == 0


async def test_mse_keeps_little_and_asks_again_on_a_new_socket(page: Page) -> None:
    await page.add_init_script(_KEEP_SOCKETS)
    async with watching(page, "mse", gop_s=0.5):
        for _round in range(4):
            await page.evaluate(_ADVANCES)
            assert await page.evaluate(_BUFFERED_S) < 3
        await page.evaluate("() => sockets.at(-1).close()")
        await page.wait_for_function("() => sockets.length === 2", timeout=DEADLINE_MS)
        await page.evaluate(_ADVANCES)
        assert (await metrics(page))["reconnects"] == 0


async def test_mse_goes_on_when_the_browser_has_no_room(page: Page) -> None:
    await page.add_init_script(_NO_ROOM)
    async with watching(page, "mse", gop_s=0.5):
        await page.evaluate(_ADVANCES)
        # Once, which older pictures make room for, and then again, which takes another beginning.
        await page.evaluate("() => { room.refuse = 2; }")
        await page.wait_for_function("() => room.refuse === 0", timeout=DEADLINE_MS)
        await page.evaluate(_ADVANCES)
        assert (await metrics(page))["reconnects"] == 0


async def test_mse_gives_up_asking_where_there_never_is_room(page: Page) -> None:
    await page.add_init_script(_NO_ROOM)
    async with watching(page, "mse", gop_s=0.5):
        await page.evaluate("() => { room.refusals = 0; room.refuse = Infinity; }")
        await page.wait_for_function(
            "() => document.querySelector('camera-view').metrics.reconnects === 1", timeout=DEADLINE_MS
        )
        # A try with what is there, another beginning, another source: each once or twice.
        assert await page.evaluate("room.refusals") < 12
        await page.evaluate("() => { room.refuse = 0; }")
        # By now it may be another video element.
        shown = (await metrics(page))["framesPresented"]
        await page.wait_for_function(_PLAYS, arg=shown + 20, timeout=DEADLINE_MS)


async def test_a_tile_that_nobody_sees_pauses_and_joins_live_again(page: Page) -> None:
    async with watching(page, "mse", gop_s=0.5):
        await page.evaluate("() => { document.querySelector('camera-view').seen = false; }")
        await page.wait_for_function(f"() => {_VIDEO}.paused", timeout=DEADLINE_MS)
        held = await page.evaluate(f"() => {_VIDEO}.currentTime")
        await page.wait_for_function(
            f"(held) => {_VIDEO}.buffered.end({_VIDEO}.buffered.length - 1) > held + 4", arg=held, timeout=DEADLINE_MS
        )
        await page.evaluate("() => { document.querySelector('camera-view').seen = true; }")
        await page.wait_for_function(f"(held) => {_VIDEO}.currentTime > held + 3", arg=held, timeout=2500)
        await page.evaluate(_ADVANCES)


async def test_without_hls_js_a_page_plays_what_it_can_and_says_why(page: Page) -> None:
    async def missing(route: Route) -> None:
        await route.fulfill(status=404, body="")

    await page.route("**/static/vendor/hls.mjs", missing)
    async with watching(page, "ll-hls"):
        assert (await metrics(page))["rung"] == "mse"
        title = await page.locator("camera-view .mark").get_attribute("title")
        assert title is not None
        assert "without hls.js" in title


async def test_a_lower_rung_shows_a_snapshot_until_its_first_picture(page: Page) -> None:
    async def never(_: Route) -> None:
        """The playlist does not come."""

    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    await page.route("**/index.m3u8", never)
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        await page.goto(f"{gateway.address}cam/?protocol=ll-hls")
        await page.locator("camera-view img.poster").wait_for(timeout=DEADLINE_MS)
        await _until(page, lambda: any("snapshot.jpg" in url for url in asked))


async def _until(page: Page, condition: Callable[[], bool]) -> None:
    while not condition():
        await page.wait_for_event("request", timeout=DEADLINE_MS)
