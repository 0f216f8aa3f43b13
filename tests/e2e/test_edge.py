"""Players through nginx: the gateway's own HLS and MediaMTX's, and all that is not HLS."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import ssl
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from playwright.async_api import Browser

from gateway.access.keyring import ensure_keys
from gateway.config import AccessConfig
from gateway.config.model import HlsConfig
from gateway.source.status import CameraState
from tests.e2e.test_hls import HlsPlayer, latencies_ms
from tests.support.browser import HLS_JS, HLS_PLAYER, load_player
from tests.support.cameras import demo_camera
from tests.support.edge import CDN_SECRET, Edge, running_edge
from tests.support.gateway import reached_state, running_gateway
from tests.support.nginx import free_port
from tests.support.recorded import record_latency

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_ROOT: Final = Path(__file__).resolve().parents[2]
_MEDIAMTX: Final = shutil.which(os.environ.get("MEDIAMTX_BIN", "mediamtx"))


@asynccontextmanager
async def edge_before_gateway(folder: Path) -> AsyncIterator[Edge]:
    """One camera, `cam`, at a gateway that asks for grants, behind nginx with the same file of keys."""
    file = folder / "keys.yml"
    key = ensure_keys(file, now=time.time()).active
    access = AccessConfig(keys_file=file)
    changes = {"hls": HlsConfig(always=True)}
    async with (
        demo_camera(name="cam") as camera,
        running_gateway({"cam": camera.url}, access=access, changes=changes) as gateway,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        port = int(gateway.address.rstrip("/").rpartition(":")[2])
        async with running_edge(folder, gateway_port=port, keys_file=file, key=key) as edge:
            yield edge


@asynccontextmanager
async def hls_js(browser: Browser, edge: Edge, path: str) -> AsyncIterator[HlsPlayer]:
    """hls.js with its own defaults on a page of the edge's origin."""
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    try:
        await page.goto(f"{edge.origin}/healthz")
        await load_player(page, HLS_JS, HLS_PLAYER)
        player = HlsPlayer(await page.evaluate_handle("url => new HlsTestPlayer(url, {})", path))
        yield player
        await player.close()
    finally:
        await context.close()


def shares(edge: Edge) -> dict[str, set[str]]:
    """From the access log: cache status by last part of the path, for what was answered 200."""
    found: dict[str, set[str]] = {}
    for line in (edge.folder / "access.log").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[4] == "200":
            found.setdefault(words[3].rpartition("/")[2], set()).add(words[7])
    return found


def one_hour(edge: Edge, prefix: str) -> str:
    return edge.grant(prefix, expires=time.time() + 3000)


async def test_hls_js_plays_through_the_edge_and_shares_parts(browser: Browser, tmp_path: Path) -> None:
    async with edge_before_gateway(tmp_path) as edge:
        path = "/g/{}/cam/index.m3u8"
        async with (
            hls_js(browser, edge, path.format(one_hour(edge, "/cam/"))) as first,
            hls_js(browser, edge, path.format(one_hour(edge, "/cam/"))) as second,
        ):
            await asyncio.gather(first.more_pictures(40, within_s=15), second.more_pictures(40, within_s=15))
            median_ms = statistics.median(latencies_ms(await first.more_pictures(20, within_s=10)))
            record_latency("camera, gateway's LL-HLS, edge", median_ms)
            assert median_ms < 3000
            assert await first.fatal() == await second.fatal() == []
        log = (edge.folder / "access.log").read_text(encoding="utf-8")
        assert "HTTP/2.0" in log
        assert not re.search(r"[0-9a-f]{64}", log)
        parts = [statuses for name, statuses in shares(edge).items() if re.fullmatch(r"p\d+\.m4s", name)]
        assert sum(statuses == {"MISS", "HIT"} for statuses in parts) >= 5


async def test_ffmpeg_plays_through_the_edge(tmp_path: Path) -> None:
    async with edge_before_gateway(tmp_path) as edge:
        assert await _pictures(f"{edge.origin}/g/{one_hour(edge, '/')}/cam/index.m3u8") > 30


async def test_the_rest_of_the_gateway_is_behind_the_edge_too(tmp_path: Path) -> None:
    async with edge_before_gateway(tmp_path) as edge:
        token = one_hour(edge, "/cam/")
        tls = ssl.create_default_context(cafile=str(edge.cert))
        connector = aiohttp.TCPConnector(ssl=tls, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as client:
            async with client.ws_connect(f"{edge.origin}/g/{token}/api/ws?src=cam") as socket:
                message = await socket.receive_json(timeout=10)
                assert (message["type"], message["value"]["name"]) == ("state", "cam")
            bearer = {"Authorization": f"Bearer {token}"}
            async with client.post(f"{edge.origin}/cam/whep", data="v=0", headers=bearer) as response:
                assert response.status == 415
                assert (await response.json())["error"]["code"]
            async with client.get(f"{edge.origin}/cam/index.m3u8?grant={token}") as response:
                assert response.status == 200
                assert response.url.path == f"/g/{token}/cam/index.m3u8"
            for path, status in (("/cam/", 401), (f"/g/{token}/nosuch/", 403), ("/metrics", 401), ("/login", 200)):
                async with client.get(f"{edge.origin}{path}") as response:
                    assert response.status == status, path


@asynccontextmanager
async def mediamtx(folder: Path, camera_url: str) -> AsyncIterator[int]:
    """MediaMTX with docker/mediamtx.yml and one camera, front-door; the port of its HLS."""
    text = (_ROOT / "docker" / "mediamtx.yml").read_text(encoding="utf-8")
    assert text.count("rtsp://192.0.2.10/stream1") == 1
    file = folder / "mediamtx.yml"
    file.write_text(text.replace("rtsp://192.0.2.10/stream1", camera_url), encoding="utf-8")
    port = free_port()
    settings = {
        "MTX_HLSADDRESS": f"127.0.0.1:{port}",
        "MTX_APIADDRESS": f"127.0.0.1:{free_port()}",
        "MTX_RTSPADDRESS": f"127.0.0.1:{free_port()}",
        # Nobody is there: whoever is let in has been let in by the edge.
        "MTX_AUTHHTTPADDRESS": f"http://127.0.0.1:{free_port()}/",
        "MTX_HLSCDNSECRET": CDN_SECRET,
    }
    log = (folder / "mediamtx.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        str(_MEDIAMTX), str(file), env={**os.environ, **settings}, stdin=asyncio.subprocess.DEVNULL, stdout=log
    )
    try:
        yield port
    finally:
        log.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.skipif(_MEDIAMTX is None, reason="no mediamtx on PATH or in MEDIAMTX_BIN")
async def test_hls_js_plays_mediamtx_through_the_edge_and_shares_parts(browser: Browser, tmp_path: Path) -> None:
    async with (
        demo_camera(name="cam") as camera,
        mediamtx(tmp_path, camera.url) as port,
        running_edge(tmp_path, gateway_port=9, mediamtx_port=port) as edge,
        aiohttp.ClientSession() as client,
    ):
        path = "/hls/g/{}/front-door/index.m3u8"
        async with asyncio.timeout(20):
            while (await edge.get(path.format(one_hour(edge, "/")))).status != 200:
                pass
        for headers in ({}, {"Authorization": f"Bearer {one_hour(edge, '/')}"}):
            async with client.get(f"http://127.0.0.1:{port}/front-door/main_stream.m3u8", headers=headers) as response:
                assert response.status == 401
        async with hls_js(browser, edge, path.format(one_hour(edge, "/front-door/"))) as first:
            # As the gateway sends players there.
            query = f"/hls/front-door/index.m3u8?grant={one_hour(edge, '/front-door/')}"
            async with hls_js(browser, edge, query) as second:
                await asyncio.gather(first.more_pictures(40, within_s=15), second.more_pictures(40, within_s=15))
                median_ms = statistics.median(latencies_ms(await first.more_pictures(20, within_s=10)))
                record_latency("camera, MediaMTX's LL-HLS, edge", median_ms)
                assert median_ms < 4000
                assert await first.fatal() == await second.fatal() == []
        parts = [statuses for name, statuses in shares(edge).items() if re.search(r"_part\d+\.mp4$", name)]
        assert sum(statuses == {"MISS", "HIT"} for statuses in parts) >= 5


async def _pictures(url: str) -> int:
    command = ("ffmpeg", "-v", "error", "-i", url, "-t", "2", "-map", "0:v", "-f", "framemd5", "-")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    return sum(not line.startswith("#") for line in output.decode().splitlines())
