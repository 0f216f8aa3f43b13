"""The gateway's own page where MediaMTX makes the HLS: what WebRTC can't bring comes from there, through nginx."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from gateway.access.keyring import ensure_keys
from gateway.app import Gateway
from gateway.config import AccessConfig, Listen
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsConfig, HlsMode
from gateway.config.public_url import PublicUrl
from gateway.source.status import CameraState
from tests.support.cameras import demo_camera
from tests.support.crippled_page import cut_out
from tests.support.edge import CDN_SECRET, Edge, running_edge
from tests.support.gateway import reached_state, running_gateway
from tests.support.mediamtx import MISSING, SECRET, mediamtx, mediamtx_program
from tests.support.nginx import free_port
from tests.webrtc.stage import settled

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(mediamtx_program() is None, reason=MISSING),
]

_MEDIA_PORT_BLOCKED: Final = """
const Original = RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Original {
  setRemoteDescription({ type, sdp }) {
    return super.setRemoteDescription({ type, sdp: sdp.replace(/^a=candidate:.*\\r\\n/gm, '') });
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
_NO_WEBRTC: Final = "delete globalThis.RTCPeerConnection;"
_PLAYS: Final = """(withinMs) => new Promise((resolve) => {
  const begun = performance.now();
  const look = () => {
    const { metrics } = document.querySelector('camera-view') ?? {};
    const enough = metrics?.framesPresented >= 20 && metrics.latencyMs !== null;
    if (enough || performance.now() - begun > withinMs) resolve(metrics);
    else setTimeout(look, 50);
  };
  look();
})"""
_WITHIN_MS: Final = 12_000
_CRIPPLED_WITHIN_MS: Final = 2500
_READY_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class House:
    """A gateway and MediaMTX behind one nginx, as docs/mediamtx.md and docs/cdn.md set them up."""

    gateway: Gateway
    edge: Edge

    @property
    def page(self) -> str:
        """Opens the camera's page."""
        return f"{self.edge.origin}/g/{self.edge.grant('/cam/', expires=time.time() + 300)}/cam/"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("house")
    keys_file = folder / "keys.yml"
    key, port = ensure_keys(keys_file, now=time.time()).active, free_port()
    async with demo_camera() as camera:
        paths = {"cam": {"source": camera.url, "rtspTransport": "tcp"}}
        changed = {"hlsCDNSecret": CDN_SECRET}
        async with (
            mediamtx(folder, gateway_port=port, paths=paths, changes=changed) as server,
            running_edge(
                folder, gateway_port=port, mediamtx_port=server.hls_port, keys_file=keys_file, key=key
            ) as edge,
        ):
            changes = {
                "listen": Listen("127.0.0.1", port),
                "public_url": PublicUrl(edge.origin),
                "hls": HlsConfig(mode=HlsMode.MEDIAMTX),
                "mediamtx": MediaMtxConfig(
                    hls=PublicUrl(server.hls),
                    public_hls=PublicUrl(f"{edge.origin}/hls"),
                    api=PublicUrl(server.api),
                    hook_secret=SECRET,
                ),
            }
            access = AccessConfig(keys_file=keys_file)
            async with running_gateway({"cam": camera.url}, access=access, changes=changes) as gateway:
                await server.start()
                await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
                at_mediamtx = gateway.neighbour.server
                assert at_mediamtx is not None
                async with asyncio.timeout(_READY_S):
                    while not at_mediamtx.has("cam"):
                        await at_mediamtx.check()
                        await at_mediamtx.round()
                yield House(gateway, edge)


@dataclass(frozen=True, slots=True)
class Visit:
    """What the page's element measures, what was asked for, and what the gateway heard of each rung."""

    metrics: dict[str, Any]
    asked: tuple[str, ...]
    told: dict[str, str | None]


async def visit(browser: Browser, house: House, scripts: tuple[str, ...], query: str, *, without: str | None) -> Visit:
    """Opens the page, until it plays or the time is over."""
    reports = house.gateway.reports
    assert reports is not None
    before = len(reports.of_camera("cam"))
    context = await browser.new_context(ignore_https_errors=True)
    try:
        for script in scripts:
            await context.add_init_script(script)
        page = await context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(house.edge.origin)))
        if without is not None:
            await cut_out(page, without)
        await page.goto(house.page + query)
        metrics = await page.evaluate(_PLAYS, _WITHIN_MS if without is None else _CRIPPLED_WITHIN_MS)
        await page.goto("about:blank")
        await settled(lambda: len(reports.of_camera("cam")) > before, "no report arrives")
        runs = reports.of_camera("cam")[-1].rungs
        return Visit(metrics, tuple(asked), {run.rung.value: run.end for run in runs})
    finally:
        await context.close()


@pytest.mark.parametrize(
    ("scripts", "query", "why"),
    [
        pytest.param(
            (_MEDIA_PORT_BLOCKED, _SOCKETS_REFUSED),
            "",
            "media port did not answer",
            id="media port and sockets blocked",
        ),
        pytest.param((_NO_WEBRTC,), "?protocol=webrtc,ll-hls", "has no WebRTC", id="no WebRTC, and no MSE wanted"),
    ],
)
async def test_the_page_falls_back_to_mediamtx_by_an_address_signed_before(
    browser: Browser, house: House, scripts: tuple[str, ...], query: str, why: str
) -> None:
    seen = await visit(browser, house, scripts, query, without=None)
    assert seen.metrics["rung"] == "ll-hls"
    assert seen.metrics["latencyMs"] < 4000
    assert why in (seen.told["webrtc"] or "")
    assert seen.told["ll-hls"] is None
    playlists = [path for path in seen.asked if "index.m3u8" in path]
    assert playlists, seen.asked
    # Signed when it was negotiated: nothing of HLS is asked of the gateway, which would send on to MediaMTX too.
    assert all(path.startswith(("/hls/cam/index.m3u8?grant=", "/hls/g/")) for path in playlists)
    assert any("_part" in path and path.startswith("/hls/") for path in seen.asked)


async def test_without_a_ladder_there_is_no_picture(browser: Browser, house: House) -> None:
    seen = await visit(browser, house, (_MEDIA_PORT_BLOCKED, _SOCKETS_REFUSED), "", without="ladder")
    assert seen.metrics["framesPresented"] == 0
    assert not any("m3u8" in path for path in seen.asked)
