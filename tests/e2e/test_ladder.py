"""The page finds the rung that gets through, remembers it, comes back to a better one, and heals by itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from gateway.app import Gateway
from gateway.config import Listen
from gateway.source.status import CameraState
from tests.support.cameras import demo_camera
from tests.support.gateway import reached_state, running_gateway
from tests.support.playing_pages import watch_gaps
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
_NO_MSE: Final = "delete globalThis.MediaSource; delete globalThis.ManagedMediaSource;"
_SHOWN_MORE: Final = "(shown) => document.querySelector('camera-view').metrics.framesPresented > shown + 10"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def gateway() -> AsyncIterator[Gateway]:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as running:
        await reached_state(running.registry.find("cam"), CameraState.LIVE, within_s=10)
        yield running


async def plays(page: Page, rung: str) -> dict[str, Any]:
    await page.wait_for_function(_PLAYS, arg=rung, timeout=DEADLINE_MS)
    found: dict[str, Any] = await page.evaluate(_METRICS)
    return found


@pytest.mark.parametrize(
    ("blocked", "rung", "within_ms", "why"),
    [
        ([_MEDIA_PORT_BLOCKED, _SOCKETS_REFUSED], "ll-hls", 1500, "media port is blocked"),
        ([_MEDIA_PORT_BLOCKED, _SOCKETS_HANG], "ll-hls", 1500, "media port is blocked"),
        ([_SOCKETS_REFUSED], "webrtc", 1000, None),
    ],
    ids=["media-port-and-sockets", "sockets-hang", "sockets"],
)
async def test_the_best_rung_that_gets_through_is_found(
    page: Page, gateway: Gateway, blocked: list[str], rung: str, within_ms: int, why: str | None
) -> None:
    for script in blocked:
        await page.add_init_script(script)
    await page.goto(f"{gateway.address}cam/")
    assert (await plays(page, rung))["firstPictureMs"] < within_ms
    mark = page.locator("camera-view .mark")
    if why is None:
        await expect(mark).to_be_hidden()
    else:
        await expect(mark).to_have_attribute("title", re.compile(why))


async def test_the_next_visit_begins_with_what_worked_and_a_lifted_block_is_noticed(
    page: Page, gateway: Gateway
) -> None:
    await page.context.add_init_script(_MEDIA_PORT_BLOCKED)
    await page.goto(f"{gateway.address}cam/")
    assert (await plays(page, "mse"))["firstPictureMs"] < 1200
    await expect(page.locator("camera-view .mark")).to_have_attribute("title", re.compile("media port is blocked"))
    again = await page.context.new_page()
    await again.goto(f"{gateway.address}cam/")
    assert (await plays(again, "mse"))["firstPictureMs"] < 600
    await watch_gaps(again)
    await again.evaluate("() => { globalThis.blocked = false; }")
    await plays(again, "webrtc")
    assert 0 < await again.evaluate("longestGapMs") < 500
    await expect(again.locator("camera-view video")).to_have_count(1)
    assert (await again.evaluate(_METRICS))["reconnects"] == 0
    await expect(again.locator("camera-view .mark")).to_be_hidden()


async def test_the_gateway_s_word_that_too_much_is_lost_moves_down_without_a_gap(page: Page, gateway: Gateway) -> None:
    await page.add_init_script(_SOCKETS_KEPT)
    await page.goto(f"{gateway.address}cam/")
    await plays(page, "webrtc")
    await watch_gaps(page)
    message = '{"type": "fallback", "value": {"from": "webrtc", "to": "mse", "reason": "loss"}}'
    await page.evaluate("(data) => sockets.at(-1).onmessage({ data })", message)
    await plays(page, "mse")
    assert await page.evaluate("longestGapMs") < 500
    mark = page.locator("camera-view .mark")
    await expect(mark).to_have_attribute("title", re.compile("loses too many packets"))


@pytest.mark.parametrize("blocked", [[], [_SOCKETS_REFUSED]], ids=["socket", "without-sockets"])
async def test_who_closes_the_page_is_sent_nothing_more(browser: Browser, gateway: Gateway, blocked: list[str]) -> None:
    sessions = gateway.sessions
    assert sessions is not None
    await settled(lambda: len(sessions) == 0, "somebody else watches")
    page = await browser.new_page()
    for script in blocked:
        await page.add_init_script(script)
    await page.goto(f"{gateway.address}cam/")
    await plays(page, "webrtc")
    assert len(sessions) == 1
    await page.close()
    await settled(lambda: len(sessions) == 0, "pictures go on")


async def test_a_picture_that_arrives_and_is_not_shown_is_decoded_anew(page: Page, gateway: Gateway) -> None:
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


async def test_when_nothing_works_the_tile_says_what_was_tried_and_what_helps(page: Page, gateway: Gateway) -> None:
    for script in (_MEDIA_PORT_BLOCKED, _NO_MSE):
        await page.add_init_script(script)
    await page.clock.install()
    await page.goto(f"{gateway.address}cam/?protocol=webrtc,mse")
    await page.wait_for_function("() => document.querySelector('camera-view').situation.camera?.state === 'live'")
    for _second in range(16):
        await page.clock.run_for(1000)
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


async def test_a_gateway_that_is_restarted_is_found_again(browser: Browser) -> None:
    """By pages of every kind at once."""
    rungs = {"auto": "webrtc", "mse": "mse", "ll-hls": "ll-hls"}
    context = await browser.new_context()
    pages = {protocol: await context.new_page() for protocol in rungs}
    gone = "Gateway not reachable since"
    async with demo_camera() as camera:
        async with running_gateway({"cam": camera.url}) as gateway:
            await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
            for protocol, page in pages.items():
                await page.goto(f"{gateway.address}cam/?protocol={protocol}")
                await plays(page, rungs[protocol])
            changes = {"listen": Listen("127.0.0.1", gateway.http_port)}
        for page in pages.values():
            await page.get_by_text(gone).first.wait_for(timeout=DEADLINE_MS)
        async with running_gateway({"cam": camera.url}, changes=changes):
            for page in pages.values():
                await page.get_by_text(gone).first.wait_for(state="hidden", timeout=DEADLINE_MS)
                shown = (await page.evaluate(_METRICS))["framesPresented"]
                await page.wait_for_function(_SHOWN_MORE, arg=shown, timeout=DEADLINE_MS)
            await context.close()


async def test_a_mode_is_chosen_with_a_key_sent_and_remembered(page: Page, gateway: Gateway) -> None:
    await page.add_init_script(_SOCKETS_KEPT)
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


def modes_of(gateway: Gateway) -> list[str]:
    assert gateway.sessions is not None
    return [session.mode.value for session in gateway.sessions if session.connected]


async def test_a_mode_counts_on_a_socket_that_came_back_and_without_any(page: Page) -> None:
    await page.add_init_script(_SOCKETS_KEPT)
    other = await page.context.new_page()
    await other.add_init_script(_SOCKETS_REFUSED)
    choose = "(mode) => document.querySelector('camera-view').setAttribute('mode', mode)"
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        await page.goto(f"{gateway.address}cam/")
        await plays(page, "webrtc")
        await page.evaluate("() => sockets.at(-1).close()")
        await page.wait_for_function("() => sockets.length === 2 && sockets[1].readyState === 1", timeout=DEADLINE_MS)
        await page.evaluate(choose, "stable")
        await settled(lambda: modes_of(gateway) == ["stable"], "the mode is not heard on the second socket")
        # Chosen while there is no socket at all, and told to the next.
        await page.evaluate("() => sockets.at(-1).close()")
        await page.evaluate(choose, "ultra-low")
        await settled(lambda: modes_of(gateway) == ["ultra-low"], "the mode of a moment without socket is lost")
        await other.goto(f"{gateway.address}cam/")
        await plays(other, "webrtc")
        await other.evaluate(choose, "balanced")
        await settled(lambda: modes_of(gateway) == ["ultra-low", "balanced"], "the mode is not heard over HTTP")


async def test_a_page_that_is_left_tells_what_was_seen(page: Page, gateway: Gateway) -> None:
    await page.goto(f"{gateway.address}cam/")
    await plays(page, "webrtc")
    await page.wait_for_function("() => document.querySelector('camera-view').metrics.transport === 'UDP'")
    reports = gateway.reports
    assert reports is not None
    before = len(reports.of_camera("cam"))
    await page.goto("about:blank")
    await settled(lambda: len(reports.of_camera("cam")) > before, "no report arrives")
    report = reports.of_camera("cam")[-1]
    assert [run.rung for run in report.rungs] == ["webrtc"]
    assert report.start_s is not None
    assert 0 < report.start_s < 2
    assert report.pair is not None
    assert report.pair.protocol == "udp"
