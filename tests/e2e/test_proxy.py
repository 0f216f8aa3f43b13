"""nginx in front, as docs/security.md shows it: base path, TLS, HTTP/2; and whose address is limited."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser
from yarl import URL

from gateway.access.carriers import COOKIE_NAME
from gateway.access.passwords import hash_password
from gateway.app import Gateway
from gateway.config import AccessConfig, PublicUrl, UserConfig
from gateway.source.status import CameraState
from tests.support.cameras import demo_camera
from tests.support.gateway import reached_state, running_gateway
from tests.support.nginx import Front, free_port, nginx
from tests.web.visitors import basic
from tests.webrtc.stage import offer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "cAnArY-password"
_PLAYS = "() => document.querySelector('camera-view')?.metrics?.framesPresented > 5"


@dataclass(slots=True)
class Served:
    gateway: Gateway
    front: Front

    @property
    def base(self) -> str:
        return f"{self.front.origin}/live/"

    @asynccontextmanager
    async def client(self, address: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A client that comes from `address`."""
        trust = ssl.create_default_context(cafile=str(self.front.cert))
        connector = aiohttp.TCPConnector(ssl=trust, local_addr=(address, 0), force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield session


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    port = free_port()
    access = AccessConfig(
        users={"ann": UserConfig(hash=hash_password(PASSWORD), cameras=("cam",))}, keys_file=tmp_path / "keys.yml"
    )
    changes = {
        "public_url": PublicUrl(f"https://127.0.0.1:{port}/live"),
        "trusted_proxies": (ip_network("127.0.0.1/32"),),
    }
    async with (
        demo_camera(name="cam") as camera,
        running_gateway({"cam": camera.url}, access=access, changes=changes) as gateway,
        nginx(tmp_path, port=port, backend=gateway.http_port) as front,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        yield Served(gateway, front)


async def test_the_page_plays_behind_it(browser: Browser, served: Served) -> None:
    context = await browser.new_context(ignore_https_errors=True)
    try:
        page = await context.new_page()
        await page.goto(f"{served.base}cam/")
        await page.get_by_label("Name").fill("ann")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{served.base}cam/", timeout=15_000)
        await page.wait_for_function(_PLAYS, timeout=15_000)
        assert await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
        (cookie,) = [cookie for cookie in await context.cookies() if cookie["name"] == COOKIE_NAME]
        assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, "/live")
    finally:
        await context.close()


async def test_whep_and_the_websocket_work_through_it(served: Served) -> None:
    auth = basic("ann", PASSWORD)
    async with served.client("127.0.0.2") as http:
        endpoint = URL(f"{served.base}cam/whep")
        async with http.post(
            endpoint, data=offer("chromium-video"), headers={"Content-Type": "application/sdp"} | auth
        ) as answer:
            assert answer.status == 201
            session = endpoint.join(URL(answer.headers["Location"]))
        async with http.delete(session) as ended:
            assert ended.status == 200
        async with http.ws_connect(f"{served.base}api/ws?src=cam", headers=auth) as socket:
            assert (await socket.receive_json())["type"] == "state"
        async with http.post(f"{served.base}api/cameras/cam/sign", headers=auth) as signed:
            urls = (await signed.json())["urls"]
        assert urls["snapshot"].startswith(f"{served.base}g/")
        async with http.get(urls["snapshot"]) as picture:
            assert (picture.status, picture.content_type) == (200, "image/jpeg")
        async with http.get(f"{served.base}cam/", headers={"Accept": "text/html"}) as page:
            assert page.status == 401


async def test_the_viewers_address_is_limited_not_the_proxys(served: Served) -> None:
    async def guess(http: aiohttp.ClientSession, number: int) -> int:
        # What a client claims of itself changes nothing.
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        form = {"user": "ann", "password": f"guess-{number}"}
        async with http.post(f"{served.base}login", data=form, headers=headers, allow_redirects=False) as answer:
            return answer.status

    async with served.client("127.0.0.2") as guesser, served.client("127.0.0.3") as other:
        assert [await guess(guesser, number) for number in range(12)] == [401] * 10 + [429] * 2
        form = {"user": "ann", "password": PASSWORD}
        async with other.post(f"{served.base}login", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
