"""The page finds the rung that gets through, remembers it, comes back to a better one, and heals by itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from gateway.app import Gateway
from gateway.config.model import Listen
from gateway.demo.spec import AudioChoice
from gateway.source.status import CameraState
from tests.support.cameras import DemoCamera, demo_camera
from tests.support.gateway import reached_state, running_gateway
from tests.webrtc.stage import settled

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_MS: Final = 15_000
_METRICS: Final = "() => document.querySelector('camera-view').metrics"
_PLAYS: Final = """(rung) => {
  const { metrics } = document.querySelector('camera-view') ?? {};
  return metrics?.rung === rung && metrics.framesPresented >= 10;
}"""
# As a firewall does it: the answer's candidates lead nowhere for as long as `blocked` is set.
_MEDIA_PORT_BLOCKED: Final = """
globalThis.blocked = true;
const Original = RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Original {
  setRemoteDescription({ type, sdp }) {
    const nowhere = sdp.replace(/^(a=candidate:\\S+ \\d+ \\S+ \\d+ )\\S+ \\d+/gm, '$1127.0.0.1 9');
    return super.setRemoteDescription({ type, sdp: globalThis.blocked ? nowhere : sdp });
  }
};
"""
_SOCKETS_REFUSED: Final = """
globalThis.WebSocket = class {
  readyState = 0;
  constructor() { setTimeout(() => { this.readyState = 3; this.onclose?.(); }, 10); }
  send() {}
  close() {}
};
"""
_SOCKETS_HANG: Final = "globalThis.WebSocket = class { readyState = 0; send() {} close() {} };"
_SOCKETS_KEPT: Final = """
globalThis.sockets = [];
globalThis.sent = [];
const Plain = WebSocket;
globalThis.WebSocket = class extends Plain {
  constructor(...options) { super(...options); sockets.push(this); }
  send(text) { sent.push(text); super.send(text); }
};
"""
_NO_WEBRTC: Final = "delete globalThis.RTCPeerConnection;"
_NO_MSE: Final = "delete globalThis.MediaSource; delete globalThis.ManagedMediaSource;"
# The longest time without a new picture on the screen, and how often there was none at all.
_WATCH_GAPS: Final = """() => {
  globalThis.longestGapMs = 0;
  const view = document.querySelector('camera-view');
  let before = null;
  const look = () => {
    const { lastPictureAt } = view.situation;
    if (before !== null) longestGapMs = Math.max(longestGapMs, lastPictureAt - before);
    before = lastPictureAt;
    requestAnimationFrame(look);
  };
  look();
}"""


@asynccontextmanager
async def live_camera(*, audio: AudioChoice = AudioChoice.NONE) -> AsyncIterator[tuple[Gateway, DemoCamera]]:
    async with demo_camera(audio=audio) as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        yield gateway, camera


async def plays(page: Page, rung: str) -> dict[str, Any]:
    await page.wait_for_function(_PLAYS, arg=rung, timeout=DEADLINE_MS)
    found: dict[str, Any] = await page.evaluate(_METRICS)
    return found


@pytest.mark.parametrize(
    ("blocked", "rung", "within_ms", "why"),
    [
        ([_MEDIA_PORT_BLOCKED], "mse", 1200, "media port is blocked"),
        ([_MEDIA_PORT_BLOCKED, _SOCKETS_REFUSED], "ll-hls", 1500, "media port is blocked"),
        ([_MEDIA_PORT_BLOCKED, _SOCKETS_HANG], "ll-hls", 2500, "media port is blocked"),
        ([_SOCKETS_REFUSED], "webrtc", 1000, None),
        ([_NO_WEBRTC], "mse", 1000, "over WebRTC"),
        ([_NO_MSE], "webrtc", 1000, None),
    ],
    ids=["media-port", "media-port-and-sockets", "sockets-hang", "sockets", "no-webrtc", "no-mse"],
)
async def test_the_best_rung_that_gets_through_is_found(
    page: Page, blocked: list[str], rung: str, within_ms: int, why: str | None
) -> None:
    for script in blocked:
        await page.add_init_script(script)
    async with live_camera() as (gateway, _):
        await page.goto(f"{gateway.address}cam/")
        assert (await plays(page, rung))["firstPictureMs"] < within_ms
        mark = page.locator("camera-view .mark")
        if why is None:
            await expect(mark).to_be_hidden()
        else:
            await expect(mark).to_have_attribute("title", re.compile(why))


async def test_the_next_visit_begins_with_what_worked_and_a_lifted_block_is_noticed(page: Page) -> None:
    await page.context.add_init_script(_MEDIA_PORT_BLOCKED)
    async with live_camera() as (gateway, _):
        await page.goto(f"{gateway.address}cam/")
        await plays(page, "mse")
        again = await page.context.new_page()
        await again.goto(f"{gateway.address}cam/")
        assert (await plays(again, "mse"))["firstPictureMs"] < 600
        await again.evaluate(_WATCH_GAPS)
        await again.evaluate("() => { globalThis.blocked = false; }")
        await plays(again, "webrtc")
        assert 0 < await again.evaluate("longestGapMs") < 500
        await expect(again.locator("camera-view video")).to_have_count(1)
        assert (await again.evaluate(_METRICS))["reconnects"] == 0
        await expect(again.locator("camera-view .mark")).to_be_hidden()


async def test_the_gateway_s_word_that_too_much_is_lost_moves_down_without_a_gap(page: Page) -> None:
    await page.add_init_script(_SOCKETS_KEPT)
    async with live_camera() as (gateway, _):
        await page.goto(f"{gateway.address}cam/")
        await plays(page, "webrtc")
        await page.evaluate(_WATCH_GAPS)
        message = '{"type": "fallback", "value": {"from": "webrtc", "to": "mse", "reason": "loss"}}'
        await page.evaluate("(data) => sockets.at(-1).onmessage({ data })", message)
        await plays(page, "mse")
        assert await page.evaluate("longestGapMs") < 500
        mark = page.locator("camera-view .mark")
        await expect(mark).to_have_attribute("title", re.compile("loses too many packets"))


async def test_a_picture_that_arrives_and_is_not_shown_is_decoded_anew(page: Page) -> None:
    async with live_camera() as (gateway, _):
        await page.goto(f"{gateway.address}cam/?protocol=mse")
        before = await plays(page, "mse")
        await page.evaluate("() => document.querySelector('camera-view').shadowRoot.querySelector('video').pause()")
        await page.wait_for_function(
            """(before) => {
              const { stalls, framesPresented } = document.querySelector('camera-view').metrics;
              return stalls > before.stalls && framesPresented > before.framesPresented + 30;
            }""",
            arg=before,
            timeout=DEADLINE_MS,
        )
        assert (await page.evaluate(_METRICS))["reconnects"] == 0


async def test_when_nothing_works_the_tile_says_what_was_tried_and_what_helps(page: Page) -> None:
    for script in (_MEDIA_PORT_BLOCKED, _NO_MSE):
        await page.add_init_script(script)
    await page.clock.install()
    async with live_camera() as (gateway, _):
        await page.goto(f"{gateway.address}cam/?protocol=webrtc,mse")
        await page.wait_for_function("() => document.querySelector('camera-view').situation.camera?.state === 'live'")
        for _second in range(40):
            await page.clock.run_for(500)
        sentence = page.get_by_text("No picture gets through to this browser.").first
        await expect(sentence).to_be_visible(timeout=DEADLINE_MS)
        detail = page.locator("camera-view .detail")
        await expect(detail).to_contain_text("Tried WebRTC (the gateway's media port did not answer).")
        await expect(detail).to_contain_text("Check that the gateway's port for pictures")
        await page.evaluate("() => { globalThis.blocked = false; }")
        await page.get_by_role("button", name="Try again now").first.click()
        for _second in range(10):
            await page.clock.run_for(200)
        await page.wait_for_function("() => document.querySelector('camera-view').metrics.framesPresented > 0")
        await expect(sentence).to_be_hidden(timeout=DEADLINE_MS)


@pytest.mark.parametrize("protocol", ["auto", "mse", "ll-hls"])
async def test_a_gateway_that_is_restarted_is_found_again(page: Page, protocol: str) -> None:
    async with demo_camera() as camera:
        async with running_gateway({"cam": camera.url}) as gateway:
            port = int(gateway.address.rsplit(":", 1)[1].rstrip("/"))
            await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
            await page.goto(f"{gateway.address}cam/?protocol={protocol}")
            await plays(page, "webrtc" if protocol == "auto" else protocol)
        await page.get_by_text("Gateway not reachable since").first.wait_for(timeout=DEADLINE_MS)
        changes = {"listen": Listen("127.0.0.1", port)}
        async with running_gateway({"cam": camera.url}, changes=changes) as gateway:
            await page.get_by_text("Gateway not reachable since").first.wait_for(state="hidden", timeout=DEADLINE_MS)
            shown = (await page.evaluate(_METRICS))["framesPresented"]
            await page.wait_for_function(
                "(shown) => document.querySelector('camera-view').metrics.framesPresented > shown + 10",
                arg=shown,
                timeout=DEADLINE_MS,
            )


async def test_a_mode_is_chosen_with_a_key_sent_and_remembered(page: Page) -> None:
    await page.add_init_script(_SOCKETS_KEPT)
    async with live_camera() as (gateway, _):
        await page.goto(f"{gateway.address}cam/")
        await plays(page, "webrtc")
        await page.keyboard.press("o")
        await page.get_by_role("menuitemradio", name="Stable").click()
        await expect(page.get_by_role("menu")).to_have_count(0)
        assert '{"type":"mode","value":"stable"}' in await page.evaluate("sent")
        await page.reload()
        await plays(page, "webrtc")
        assert '{"type":"mode","value":"stable"}' in await page.evaluate("sent")
        await page.keyboard.press("o")
        chosen = page.get_by_role("menuitemradio", name="Stable")
        await expect(chosen).to_have_attribute("aria-checked", "true")
        await expect(chosen).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("menu")).to_have_count(0)


async def test_a_page_that_is_left_tells_what_was_seen(page: Page) -> None:
    async with live_camera() as (gateway, _):
        await page.goto(f"{gateway.address}cam/")
        await plays(page, "webrtc")
        await page.wait_for_function("() => document.querySelector('camera-view').metrics.transport === 'UDP'")
        await page.goto("about:blank")
        assert gateway.reports is not None
        await settled(gateway.reports.by_camera, "no report arrives")
        [report] = gateway.reports.of_camera("cam")
        assert [run.rung for run in report.rungs] == ["webrtc"]
        assert report.start_s is not None
        assert 0 < report.start_s < 2
        assert report.pair is not None
        assert report.pair.protocol == "udp"
