"""docs/integrators.md: its examples as they stand there, and its lists against what the gateway knows."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page

from gateway.access.api_keys import hash_api_key
from gateway.access.grants import new_grant_id, sign_grant
from gateway.app import Gateway
from gateway.config import AccessConfig, ApiKeyConfig
from gateway.source.status import CameraState
from gateway.webrtc.messages import KINDS
from tests.support.cameras import demo_camera
from tests.support.gateway import http, reached_state, running_gateway
from tests.web.visitors import bearer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "integrators.md"
CAMERA: Final = "site1/yard"
API_KEY: Final = "cgk_" + "i" * 43
WRITTEN: Final = "https://cams.example.org/"
DEADLINE_MS: Final = 20_000
_FIRST_SOCKET_FAILS: Final = """
globalThis.attempts = 0;
const Plain = WebSocket;
globalThis.WebSocket = function (url) {
  if (globalThis.attempts++ > 0) return new Plain(url);
  const refused = { readyState: 0, send() {}, close() {} };
  setTimeout(() => refused.onclose?.(), 20);
  return refused;
};
"""
_FROM_GATEWAY: Final = {"state", "fallback", "rendition", "error"}


def example(name: str) -> str:
    """One of the document's examples."""
    found = re.findall(
        rf"^<!-- example: {name} -->\n```\w+\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(found) == 1, f"docs/integrators.md has {len(found)} examples called {name}"
    return str(found[0])


@dataclass(slots=True)
class Installation:
    """A gateway, and another site whose server signs with its key."""

    gateway: Gateway
    origin: str
    page: str = ""

    def show(self, name: str) -> None:
        """The site's page is this example from now on."""
        text = example(name)
        assert WRITTEN in text
        self.page = text.replace(WRITTEN, self.gateway.address)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    shown: list[Installation] = []

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=shown[0].page, content_type="text/html")

    async def grant(_: web.Request) -> web.Response:
        keeper = shown[0].gateway.gatekeeper
        expires = int(keeper.clock.now() + 300)
        token = sign_grant(keeper.policy.keys.active, prefix=f"/{CAMERA}/", expires=expires, grant_id=new_grant_id())
        return web.Response(text=token)

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/grant", grant)])
    async with TestServer(app) as server, demo_camera() as camera:
        origin = str(server.make_url("")).rstrip("/")
        access = AccessConfig(
            api_keys={"app": ApiKeyConfig(hash=hash_api_key(API_KEY), cameras=(CAMERA,))},
            keys_file=tmp_path_factory.mktemp("keys") / "keys.yml",
            origins=(origin,),
        )
        async with running_gateway({CAMERA: camera.url}, access=access) as gateway:
            await reached_state(gateway.registry.find(CAMERA), CameraState.LIVE, within_s=10)
            shown.append(Installation(gateway, origin))
            yield shown[0]


async def test_the_page_of_ten_lines_plays(installation: Installation, page: Page) -> None:
    installation.show("element")
    body = installation.page.partition("<body>\n")[2]
    assert len(body.splitlines()) <= 10
    await page.goto(installation.origin)
    await page.wait_for_function(
        "() => document.querySelector('camera-view')?.metrics?.framesPresented > 5", timeout=DEADLINE_MS
    )


async def test_plain_modules_play_and_tell_how_it_goes(installation: Installation, page: Page) -> None:
    installation.show("modules")
    await page.goto(installation.origin)
    await page.wait_for_function("() => globalThis.player?.metrics.framesPresented > 5", timeout=DEADLINE_MS)
    await page.wait_for_function(
        "() => document.querySelector('#state').textContent.startsWith('playing webrtc live')", timeout=DEADLINE_MS
    )
    await page.evaluate("player.stop()")


async def test_plain_modules_outlive_a_socket_that_fails(installation: Installation, page: Page) -> None:
    # Asking why shows the grant, without which the answer would be that nobody is signed in.
    await page.add_init_script(_FIRST_SOCKET_FAILS)
    installation.show("modules")
    await page.goto(installation.origin)
    await page.wait_for_function(
        "() => globalThis.player?.metrics.framesPresented > 5 && globalThis.attempts > 1", timeout=DEADLINE_MS
    )
    assert await page.evaluate("player.situation.phase") == "playing"
    await page.evaluate("player.stop()")


async def run_program(installation: Installation, camera: str, api_key: str) -> tuple[int | None, str]:
    """Exit code and output of the Python example."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        example("python"),
        camera,
        env=os.environ | {"GATEWAY": installation.gateway.address, "API_KEY": api_key, "PYTHONIOENCODING": "utf-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEADLINE_MS / 1000):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode()


async def test_the_python_program_sees_pictures_and_ends_its_session(installation: Installation) -> None:
    sessions = installation.gateway.sessions
    assert sessions is not None
    # Those of pages that were closed end when they are missed.
    before = {session.id for session in sessions}
    code, output = await run_program(installation, CAMERA, API_KEY)
    assert code == 0, output
    assert re.fullmatch(r"(320×240 at \d+\.\d\d s\n){10}", output), output
    assert {session.id for session in sessions} <= before


@pytest.mark.parametrize(("camera", "key"), [("site1/gate", API_KEY), (CAMERA, "cgk_" + "x" * 43)])
async def test_the_python_program_says_why_it_may_not(installation: Installation, camera: str, key: str) -> None:
    code, output = await run_program(installation, camera, key)
    assert code == 1
    assert re.fullmatch(r"[a-z_]+: [A-Z].*\n", output), output


async def test_the_examples_of_bodies_are_taken(installation: Installation) -> None:
    address, headers = installation.gateway.address, bearer(API_KEY) | {"Content-Type": "application/json"}
    async with http() as session:
        url = f"{address}api/cameras/{CAMERA}/negotiate"
        async with session.post(url, data=example("negotiate"), headers=headers) as response:
            assert response.status == 200
            # It failed a moment ago, as the example says.
            assert [rung["rung"] for rung in (await response.json())["rungs"]] == ["mse", "ll-hls", "hls", "webrtc"]
        async with session.post(f"{address}api/report", data=example("report"), headers=headers) as response:
            assert response.status == 204


async def test_every_message_is_in_the_list() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("\n## WebSocket\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `([^`]+)` \| [→←]", section, re.MULTILINE))
    assert listed == set(KINDS) | _FROM_GATEWAY
