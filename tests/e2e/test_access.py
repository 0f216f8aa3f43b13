"""Signing in, grants and embedding, in a real browser with real pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page

from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.passwords import hash_password
from gateway.access.permit import CHECK_INTERVAL_S
from gateway.app import Gateway
from gateway.config import AccessConfig, UserConfig
from gateway.source.status import CameraState
from tests.support.cameras import demo_camera
from tests.support.clocks import ShiftedClock
from tests.support.gateway import reached_state, running_gateway
from tests.webrtc.stage import settled

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_MS: Final = 15_000
GAP_WITHIN_MS: Final = 800
"""Between two pictures, on a busy machine; that there was no other connection is looked at by itself."""
PASSWORD: Final = "cAnArY-password"
_HASH: Final = hash_password(PASSWORD)
_VIDEO: Final = "document.querySelector('camera-view').shadowRoot.querySelector('video')"
# Resolves after ten more pictures.
_ADVANCES: Final = f"""() => new Promise((resolve) => {{
  let left = 10;
  const next = () => {{ left -= 1; if (left < 0) resolve(); else {_VIDEO}.requestVideoFrameCallback(next); }};
  next();
}})"""
_WATCH_FOR_GAPS: Final = f"""() => {{
  globalThis.longestGapMs = 0;
  let last = performance.now();
  const next = (now) => {{
    globalThis.longestGapMs = Math.max(globalThis.longestGapMs, now - last);
    last = now;
    {_VIDEO}.requestVideoFrameCallback(next);
  }};
  {_VIDEO}.requestVideoFrameCallback(next);
}}"""
_COUNT_CONNECTIONS: Final = """
globalThis.made = [];
const Original = RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Original {
  constructor(...options) { super(...options); globalThis.made.push(this); }
};
"""
_PLAYS: Final = "() => document.querySelector('camera-view')?.metrics?.framesPresented > 5"


@dataclass(slots=True)
class Home:
    gateway: Gateway
    clock: ShiftedClock

    def grant(self, prefix: str, *, lasts_s: float) -> str:
        key = self.gateway.gatekeeper.policy.keys.active
        return sign_grant(key, prefix=prefix, expires=int(self.clock.now() + lasts_s), grant_id=new_grant_id())

    async def pass_time(self, seconds: float) -> None:
        """The gateway's rounds of looking at permits take place meanwhile."""
        while seconds > 0:
            step = min(seconds, CHECK_INTERVAL_S)
            self.clock.shift_s += step
            seconds -= step
            await self.gateway.gatekeeper.tend()


@asynccontextmanager
async def home(tmp_path: Path, *, origins: tuple[str, ...] = (), shift_s: float = 0.0) -> AsyncIterator[Home]:
    clock = ShiftedClock(shift_s)
    access = AccessConfig(
        users={"ann": UserConfig(hash=_HASH, cameras=("cam",))}, keys_file=tmp_path / "keys.yml", origins=origins
    )
    async with (
        demo_camera(name="cam") as camera,
        running_gateway({"cam": camera.url, "other": camera.url}, access=access, access_clock=clock) as gateway,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        yield Home(gateway, clock)


class Elsewhere:
    """Another site, whose pages show the gateway's cameras; its server asks for grants."""

    def __init__(self) -> None:
        self.page = ""
        self.home: Home | None = None
        self.asked = 0
        self.gives = True
        app = web.Application()
        app.add_routes([web.get("/", self._show), web.get("/grant", self._grant)])
        self.server = TestServer(app)

    @property
    def origin(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(text=self.page, content_type="text/html")

    async def _grant(self, _: web.Request) -> web.Response:
        self.asked += 1
        if not self.gives or self.home is None:
            return web.Response(status=403)
        return web.Response(text=self.home.grant("/cam/", lasts_s=60))


def _embedding(address: str, *, protocol: str = "webrtc") -> str:
    """A page that shows a camera by grants that its own site gives out."""
    return f"""<!doctype html><script type="module">
        import '{address}static/tile/camera-view.js';
        const view = document.createElement('camera-view');
        view.getGrant = () => fetch('/grant').then((response) => response.ok ? response.text() : null);
        view.setAttribute('base', '{address}');
        view.setAttribute('camera', 'cam');
        view.setAttribute('protocol', '{protocol}');
        view.style = 'display: block; width: 640px; height: 360px';
        document.body.append(view);
        </script>"""


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere() -> AsyncIterator[Elsewhere]:
    site = Elsewhere()
    await site.server.start_server()
    yield site
    await site.server.close()


async def test_somebody_signs_in_watches_and_signing_out_ends_the_pictures(page: Page, tmp_path: Path) -> None:
    async with home(tmp_path) as at:
        await page.goto(f"{at.gateway.address}cam/")
        await page.get_by_label("Name").fill("ann")
        await page.get_by_label("Password").fill("wrong-password")
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("Wrong name or password").wait_for(timeout=DEADLINE_MS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{at.gateway.address}cam/", timeout=DEADLINE_MS)
        await page.wait_for_function(_PLAYS, timeout=DEADLINE_MS)
        assert at.gateway.sessions is not None
        assert len(at.gateway.sessions) == 1
        # Scripts can't read it.
        assert "camera_gateway" not in await page.evaluate("document.cookie")
        # A camera that ann may not see is nowhere.
        other = await page.context.new_page()
        await other.goto(at.gateway.address)
        await other.wait_for_function("document.querySelectorAll('camera-view').length === 1", timeout=DEADLINE_MS)
        await other.goto(f"{at.gateway.address}login")
        await other.get_by_role("button", name="Sign out").click()
        await other.get_by_label("Password").wait_for(timeout=DEADLINE_MS)
        sessions = at.gateway.sessions
        await settled(lambda: len(sessions) == 0, "pictures go on")
        await page.get_by_text("Sign in").first.wait_for(timeout=DEADLINE_MS)


async def test_an_expired_grant_ends_the_pictures_within_a_minute(page: Page, tmp_path: Path) -> None:
    async with home(tmp_path) as at:
        await page.goto(f"{at.gateway.address}g/{at.grant('/cam/', lasts_s=300)}/cam/")
        await page.wait_for_function(_PLAYS, timeout=DEADLINE_MS)
        await at.pass_time(290)
        await page.evaluate(_ADVANCES)
        await at.pass_time(10 + 60)
        sessions = at.gateway.sessions
        assert sessions is not None
        await settled(lambda: len(sessions) == 0, "pictures go on")
        await page.get_by_text("Sign in").first.wait_for(timeout=DEADLINE_MS)


async def test_a_grant_is_renewed_while_playing_without_a_gap(page: Page, tmp_path: Path, elsewhere: Elsewhere) -> None:
    # The gateway's rights live in the past, so the page takes each grant for one that is about to expire.
    async with home(tmp_path, origins=(elsewhere.origin,), shift_s=-1000) as at:
        elsewhere.home = at
        elsewhere.page = _embedding(at.gateway.address)
        await page.add_init_script(_COUNT_CONNECTIONS)
        await page.goto(elsewhere.origin)
        await page.wait_for_function(_PLAYS, timeout=DEADLINE_MS)
        await page.evaluate(_WATCH_FOR_GAPS)
        for _ in range(4):
            known = elsewhere.asked
            await settled(lambda known=known: elsewhere.asked >= known + 2, "no grant is asked for")  # type: ignore[misc]
            await at.pass_time(50)
        await page.evaluate(_ADVANCES)
        assert await page.evaluate("made.length") == 1
        gap_ms = await page.evaluate("longestGapMs")
        assert gap_ms < GAP_WITHIN_MS
        assert (await page.evaluate("document.querySelector('camera-view').metrics"))["reconnects"] == 0
        elsewhere.gives = False
        await at.pass_time(60 + 60)
        sessions = at.gateway.sessions
        assert sessions is not None
        await settled(lambda: len(sessions) == 0, "pictures go on")


async def test_hls_takes_each_renewed_grant_without_beginning_anew(
    page: Page, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    async with home(tmp_path, origins=(elsewhere.origin,), shift_s=-1000) as at:
        elsewhere.home = at
        elsewhere.page = _embedding(at.gateway.address, protocol="ll-hls")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        await page.goto(elsewhere.origin)
        await page.wait_for_function(_PLAYS, timeout=DEADLINE_MS)
        for _ in range(4):
            known = elsewhere.asked
            await settled(lambda known=known: elsewhere.asked >= known + 2, "no grant is asked for")  # type: ignore[misc]
            await at.pass_time(50)
            await page.evaluate(_ADVANCES)
        # The first grant has ended long since.
        metrics = await page.evaluate("document.querySelector('camera-view').metrics")
        assert (metrics["rung"], metrics["reconnects"]) == ("ll-hls", 0)
        assert len([path for path in asked if path.endswith("/index.m3u8")]) == 1
        grants = {path.split("/")[2] for path in asked if "/_hls/" in path}
        assert len(grants) >= 4


async def test_a_frame_on_an_allowed_site_shows_a_camera_by_a_grant_and_on_another_nothing(
    page: Page, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    async with home(tmp_path, origins=(elsewhere.origin,)) as at:
        frame_page = f"{at.gateway.address}g/{at.grant('/cam/', lasts_s=300)}/cam/"
        elsewhere.page = f'<!doctype html><iframe src="{frame_page}" width="640" height="360"></iframe>'
        await page.goto(elsewhere.origin)
        (frame,) = page.main_frame.child_frames
        await frame.wait_for_function(_PLAYS, timeout=DEADLINE_MS)
        # localhost is the same machine and another origin.
        blocked: list[str] = []
        page.on("console", lambda message: blocked.append(message.text))
        await page.goto(elsewhere.origin.replace("127.0.0.1", "localhost"))
        await settled(lambda: any("frame-ancestors" in text for text in blocked), "the frame was not blocked")
