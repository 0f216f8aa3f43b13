"""Grants that end and grants that are renewed while pictures come through the edge or from MediaMTX itself."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, Response

from gateway.access.grants import PAGE_AGE_S, SKEW_S, new_grant_id, sign_grant
from gateway.access.keyring import ensure_keys
from gateway.access.passwords import hash_password
from gateway.app import Gateway
from gateway.config import AccessConfig, PublicUrl, UserConfig
from gateway.config.edges import EdgeConfig
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsConfig, HlsMode, Listen
from gateway.source.status import CameraState
from tests.e2e.test_access import ShiftedClock
from tests.support.cameras import demo_camera
from tests.support.edge import CDN_SECRET, Edge, running_edge
from tests.support.gateway import http, reached_state, running_gateway
from tests.support.mediamtx import MISSING, SECRET, MediaMtxProcess, mediamtx, mediamtx_program
from tests.support.nginx import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_MS: Final = 20_000
STALL_MS: Final = 500
"""Between two pictures of a camera of 30 a second, on a machine that does other things too."""
PASSWORD: Final = "cAnArY-password"
_LASTS_S: Final = 4.0
_NEEDS_MEDIAMTX: Final = pytest.mark.skipif(mediamtx_program() is None, reason=MISSING)
_GRANT: Final = re.compile(r"(?:/g/|[?&]grant=)([\w-]+\.(\d+)\.[0-9a-f]{16}\.[0-9a-f]{64})")
_MEDIA: Final = re.compile(r"\.(?:m4s|mp4)(?:\?|$)|\.m3u8\?")
_PLAYS: Final = """(rung) => {
  const { metrics } = document.querySelector('camera-view') ?? {};
  return metrics?.rung === rung && metrics.framesPresented >= 10;
}"""
_MORE: Final = "(shown) => document.querySelector('camera-view').metrics.framesPresented >= shown"
_SHOWN: Final = "() => document.querySelector('camera-view').metrics.framesPresented"
_METRICS: Final = "() => document.querySelector('camera-view').metrics"
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


class Origin(StrEnum):
    """Whose HLS is watched, and whether the edge stands before it."""

    EMBEDDED = "embedded, edge"
    MEDIAMTX = "MediaMTX, edge"
    DIRECT = "MediaMTX, no edge"


ORIGINS: Final = [
    Origin.EMBEDDED,
    pytest.param(Origin.MEDIAMTX, marks=_NEEDS_MEDIAMTX),
    pytest.param(Origin.DIRECT, marks=_NEEDS_MEDIAMTX),
]


@dataclass(slots=True)
class Asked:
    """A request for something of a camera's stream."""

    url: str
    status: int
    at: float

    @property
    def ends_at(self) -> float:
        """When the last clock has it that its grant has ended."""
        found = _GRANT.search(self.url)
        assert found is not None, "a request without a grant"
        return int(found[2]) + SKEW_S


@dataclass(slots=True)
class Place:
    """A gateway with camera `cam`, and what stands beside it and in front of it."""

    gateway: Gateway
    edges: list[Edge]
    mediamtx: MediaMtxProcess | None
    gives: bool = True
    lasts_s: float = _LASTS_S

    def grant(self, *, lasts_s: float | None = None) -> str:
        """One that is let in for so long yet, because clocks may differ: its end has passed."""
        key = self.gateway.gatekeeper.policy.keys.active
        expires = int(time.time() - SKEW_S + (self.lasts_s if lasts_s is None else lasts_s)) + 1
        return sign_grant(key, prefix="/cam/", expires=expires, grant_id=new_grant_id())

    @property
    def base(self) -> str:
        """Where pages find the gateway."""
        return f"{self.edges[0].origin}/" if self.edges else self.gateway.address


@asynccontextmanager
async def fresh_page(browser: Browser) -> AsyncIterator[Page]:
    """One that takes the edge's certificate."""
    context = await browser.new_context(ignore_https_errors=True)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def plays_on(page: Page, *, until: float) -> tuple[float, dict[str, Any]]:
    """Sees to it that pictures come until that unix time; the longest gap meanwhile in ms, and the metrics then."""
    await page.evaluate(_WATCH_GAPS)
    async with asyncio.timeout(60):
        while time.time() < until:
            await more_pictures(page, 15)
    return float(await page.evaluate("longestGapMs")), await page.evaluate(_METRICS)


async def more_pictures(page: Page, count: int) -> None:
    await page.wait_for_function(_MORE, arg=int(await page.evaluate(_SHOWN)) + count, timeout=DEADLINE_MS)


async def until_seen(page: Page, condition: Callable[[], object]) -> None:
    """Looks after each response that the page gets."""
    async with asyncio.timeout(30):
        while not condition():
            await page.wait_for_event("response", timeout=DEADLINE_MS)


def remember(page: Page) -> list[Asked]:
    """Everything of streams that a page asks for from now on."""
    asked: list[Asked] = []

    def note(response: Response) -> None:
        if not 300 <= response.status < 400 and _MEDIA.search(response.url) and _GRANT.search(response.url):
            asked.append(Asked(response.url, response.status, time.time()))

    page.on("response", note)
    return asked


def parts(asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if re.search(r"\.(?:m4s|mp4)(?:\?|$)", one.url)]


def grants(asked: list[Asked]) -> set[str]:
    return {_GRANT.search(one.url)[1] for one in asked}  # type: ignore[index]


@asynccontextmanager
async def site_of(place_of: Callable[[], Place]) -> AsyncIterator[str]:
    """Another site; its pages show a camera of the gateway at `?base=`, and ask their own server for grants."""

    async def show(request: web.Request) -> web.Response:
        base = request.query["base"]
        page = f"""<!doctype html><script type="module">
            import '{base}static/tile/camera-view.js';
            const view = document.createElement('camera-view');
            view.getGrant = () => fetch('/grant').then((response) => response.ok ? response.text() : null);
            for (const [name, value] of Object.entries({{ base: '{base}', camera: 'cam', protocol: 'll-hls' }}))
              view.setAttribute(name, value);
            view.style = 'display: block; width: 640px; height: 360px';
            document.body.append(view);
            </script>"""
        return web.Response(text=page, content_type="text/html")

    async def grant(_: web.Request) -> web.Response:
        place = place_of()
        return web.Response(text=place.grant()) if place.gives else web.Response(status=403)

    app = web.Application()
    app.add_routes([web.get("/", show), web.get("/grant", grant)])
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


@asynccontextmanager
async def place(
    folder: Path,
    origin: Origin,
    *,
    site: str | None = None,
    regions: tuple[str, ...] = (),
    clock: ShiftedClock | None = None,
    monkeypatch: pytest.MonkeyPatch | None = None,
) -> AsyncIterator[Place]:
    """One edge in front; with `regions` one for each, which negotiation picks from (needs `monkeypatch`)."""
    port, keys_file = free_port(), folder / "keys.yml"
    clock = clock or ShiftedClock()
    key = ensure_keys(keys_file, now=clock.now()).active
    access = AccessConfig(
        keys_file=keys_file,
        origins=() if site is None else (site,),
        users={"ann": UserConfig(hash=hash_password(PASSWORD), cameras=("*",))},
    )
    async with AsyncExitStack() as stack:
        camera = await stack.enter_async_context(demo_camera(name="cam"))
        process = None
        if origin is not Origin.EMBEDDED:
            source = {"cam": {"source": camera.url, "rtspTransport": "tcp"}}
            changes = {"hlsCDNSecret": CDN_SECRET}
            process = await stack.enter_async_context(
                mediamtx(folder, gateway_port=port, paths=source, changes=changes)
            )
        edges: list[Edge] = []
        for number in range(0 if origin is Origin.DIRECT else max(1, len(regions))):
            own = folder / f"edge{number}"
            own.mkdir()
            running = running_edge(
                own,
                gateway_port=port,
                mediamtx_port=9 if process is None else process.hls_port,
                keys_file=keys_file,
                key=key,
            )
            edges.append(await stack.enter_async_context(running))
        configured: dict[str, object] = {
            "listen": Listen("127.0.0.1", port),
            "trusted_proxies": (ip_network("127.0.0.1"),),
            "hls": HlsConfig(always=True, mode=HlsMode.EMBEDDED if process is None else HlsMode.MEDIAMTX),
        }
        if process is not None:
            public = process.hls if origin is Origin.DIRECT else f"{edges[0].origin}/hls"
            configured["mediamtx"] = MediaMtxConfig(
                hls=PublicUrl(process.hls),
                public_hls=PublicUrl(public),
                api=PublicUrl(process.api),
                hook_secret=SECRET,
            )
        if regions and monkeypatch is not None:
            authorities = folder / "authorities.pem"
            authorities.write_text("".join(edge.cert.read_text("utf-8") for edge in edges), "utf-8")
            monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
            configured["public_url"] = PublicUrl(f"http://127.0.0.1:{port}")
            configured["edges"] = tuple(
                EdgeConfig(url=PublicUrl(edge.origin), region=(region,))
                for edge, region in zip(edges, regions, strict=True)
            )
        gateway = await stack.enter_async_context(
            running_gateway({"cam": camera.url}, access=access, access_clock=clock, changes=configured)
        )
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        here = Place(gateway, edges, process)
        if process is not None:
            await process.start()
            server = gateway.neighbour.server
            assert server is not None
            async with asyncio.timeout(10):
                while not server.has("cam"):
                    await server.check()
                    await server.round()
        if gateway.edges is not None:
            await gateway.edges.check()
            assert len(gateway.edges.there()) == len(edges)
        yield here


@pytest.mark.parametrize("origin", ORIGINS)
async def test_grants_are_renewed_without_a_stall_and_the_last_one_is_refused_when_it_ends(
    browser: Browser, tmp_path: Path, origin: Origin
) -> None:
    here: list[Place] = []
    async with (
        site_of(lambda: here[0]) as site,
        place(tmp_path, origin, site=site) as at,
        fresh_page(browser) as page,
        http() as client,
    ):
        here.append(at)
        asked = remember(page)
        await page.goto(f"{site}/?base={at.base}")
        await page.wait_for_function(_PLAYS, arg="ll-hls", timeout=DEADLINE_MS)
        # So long that the first grant is refused, and its session at MediaMTX is over.
        gap_ms, metrics = await plays_on(page, until=asked[0].ends_at + 2.5)
        record_gap(f"renewed, {origin}", gap_ms)
        assert (metrics["rung"], metrics["reconnects"]) == ("ll-hls", 0)
        assert gap_ms < STALL_MS
        assert {one.status for one in asked} == {200}
        assert len(grants(asked)) >= 3

        # And now there are no more of them.
        at.gives = False
        await until_seen(page, lambda: asked[-1].status == 401)
        # MediaMTX judges only the beginning of a session; the gateway ends it within its round of 2 s.
        slack_s = 3.0 if origin is Origin.DIRECT else 0.5
        assert [one for one in parts(asked) if one.status == 200 and one.at > one.ends_at + slack_s] == []
        # What others still get is not given to them, from the edge's cache or from anywhere.
        old = next(one for one in reversed(parts(asked)) if one.status == 200)
        token = _GRANT.findall(old.url)[0][0]
        assert await status(client, old.url) == 401
        assert await status(client, f"{at.gateway.address}g/{token}/cam/index.m3u8") == 401
        if origin is not Origin.DIRECT:
            assert await status(client, old.url.replace(token, at.grant())) == 200
        if at.mediamtx is not None:
            assert [one for one in await at.mediamtx.listed("hlssessions") if not one["isCDN"]] == []


async def status(client: aiohttp.ClientSession, url: str) -> int:
    async with client.get(url, ssl=False) as response:
        await response.read()
        return response.status


@_NEEDS_MEDIAMTX
async def test_a_page_begins_anew_when_mediamtx_has_ended_its_session(browser: Browser, tmp_path: Path) -> None:
    here: list[Place] = []
    async with (
        site_of(lambda: here[0]) as site,
        place(tmp_path, Origin.DIRECT, site=site) as at,
        fresh_page(browser) as page,
        http() as client,
    ):
        assert at.mediamtx is not None
        # Nothing is renewed meanwhile.
        at.lasts_s = 900
        here.append(at)
        asked = remember(page)
        await page.goto(f"{site}/?base={at.base}")
        await page.wait_for_function(_PLAYS, arg="ll-hls", timeout=DEADLINE_MS)
        await page.evaluate(_WATCH_GAPS)
        headers = {"Authorization": aiohttp.encode_basic_auth("gateway", SECRET)}
        for session in await at.mediamtx.listed("hlssessions"):
            url = f"{at.mediamtx.api}/v3/hlssessions/kick/{session['id']}"
            async with client.post(url, headers=headers) as response:
                assert response.status == 200
        await until_seen(page, lambda: any(one.status == 401 for one in asked))
        kicked = len(asked)
        await until_seen(page, lambda: any(one.status == 200 for one in parts(asked[kicked:])))
        await more_pictures(page, 30)
        gap_ms = float(await page.evaluate("longestGapMs"))
        record_gap("kicked", gap_ms)
        assert gap_ms < 10_000


@pytest.mark.parametrize("origin", ORIGINS[:2])
async def test_who_signed_in_is_sent_to_an_edge_and_its_address_is_renewed(
    browser: Browser, tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The gateway's rights live in the past: by the edge's clock its addresses are about to end.
    clock = ShiftedClock(-PAGE_AGE_S - SKEW_S + _LASTS_S)
    async with (
        place(tmp_path, origin, regions=("eu",), clock=clock, monkeypatch=monkeypatch) as at,
        fresh_page(browser) as page,
    ):
        asked = remember(page)
        await page.goto(f"{at.gateway.address}login")
        await page.get_by_label("Name").fill("ann")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(at.gateway.address, timeout=DEADLINE_MS)
        await page.goto(f"{at.gateway.address}cam/?protocol=ll-hls")
        await page.wait_for_function(_PLAYS, arg="ll-hls", timeout=DEADLINE_MS)
        gap_ms, metrics = await plays_on(page, until=asked[0].ends_at + 1)
        record_gap(f"signed in, {origin}", gap_ms)
        assert (metrics["rung"], metrics["reconnects"]) == ("ll-hls", 0)
        assert gap_ms < STALL_MS
        assert all(one.url.startswith(at.edges[0].origin) for one in asked)
        assert {one.status for one in asked} == {200}
        assert len(grants(asked)) >= 3


async def test_negotiation_picks_the_edge_of_the_region_and_leaves_out_one_that_is_gone(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        place(tmp_path, Origin.EMBEDDED, regions=("eu", "us"), monkeypatch=monkeypatch) as at,
        fresh_page(browser) as page,
        http() as client,
    ):
        eu, us = at.edges
        token = at.grant(lasts_s=60)
        assert await negotiated(client, at, token, region="us") == {"ll-hls": us.origin, "hls": eu.origin}
        assert await negotiated(client, at, token, region="eu") == {"ll-hls": eu.origin, "hls": us.origin}
        asked = remember(page)
        await page.goto(f"{at.gateway.address}g/{token}/cam/?protocol=ll-hls,hls")
        await page.wait_for_function(_PLAYS, arg="ll-hls", timeout=DEADLINE_MS)
        assert all(one.url.startswith(eu.origin) for one in asked)
        await page.evaluate(_WATCH_GAPS)
        await eu.die()
        known = len(asked)
        await until_seen(page, lambda: any(one.status == 200 for one in parts(asked[known:])))
        await more_pictures(page, 30)
        gap_ms = float(await page.evaluate("longestGapMs"))
        record_gap("edge gone", gap_ms)
        assert gap_ms < 10_000
        assert all(one.url.startswith((us.origin, at.gateway.address)) for one in asked[known:] if one.status == 200)
        edges = at.gateway.edges
        assert edges is not None
        for _ in range(2):
            await edges.check()
        own = at.gateway.address.rstrip("/")
        assert await negotiated(client, at, token, region="eu") == {"ll-hls": us.origin, "hls": own}


async def negotiated(client: aiohttp.ClientSession, at: Place, token: str, *, region: str) -> dict[str, str]:
    """Where a viewer's HLS rungs lead."""
    url = f"{at.gateway.address}g/{token}/api/cameras/cam/negotiate"
    async with client.post(url, json={"region": region, "allow": ["ll-hls", "hls"]}) as response:
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
    found = {rung["rung"]: rung["url"] for rung in answer["rungs"]}
    assert all(url.endswith(f"/g/{token}/cam/index.m3u8") for url in found.values())
    return {rung: url.partition("/g/")[0] for rung, url in found.items()}


def record_gap(what: str, gap_ms: float) -> None:
    """Seen with -o log_cli_level=info."""
    logging.getLogger(__name__).info("%s: longest gap %.0f ms", what, gap_ms)
