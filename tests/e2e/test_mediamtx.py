"""The real MediaMTX beside a gateway: as its camera hub and its HLS server, with everything docs/mediamtx.md says."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from playwright.async_api import Page
from yarl import URL

from gateway.access.api_keys import hash_api_key, new_api_key
from gateway.access.grants import SKEW_S, new_grant_id, sign_grant
from gateway.access.scopes import Scope
from gateway.app import Gateway
from gateway.config import AccessConfig, ApiKeyConfig, CameraUrl, Listen
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsConfig, HlsMode
from gateway.config.public_url import PublicUrl
from gateway.mediamtx.server import MediaMtx
from gateway.source.status import CameraState
from tests.e2e.test_hls import hls_player, latencies_ms
from tests.support.browser import open_player
from tests.support.cameras import DemoCamera, demo_camera
from tests.support.gateway import http, reached_state, running_gateway
from tests.support.mediamtx import MISSING, SECRET, MediaMtxProcess, mediamtx, mediamtx_program
from tests.support.nginx import free_port
from tests.support.recorded import record_latency
from tests.webrtc.stage import HandClock

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(mediamtx_program() is None, reason=MISSING),
]

PUBLISHER: Final = new_api_key()
ACCESS: Final = AccessConfig(
    api_keys={
        "encoder": ApiKeyConfig(hash=hash_api_key(PUBLISHER), cameras=("pushed",), scopes=frozenset({Scope.PUBLISH}))
    }
)
_READY_S: Final = 10.0
_RECOVERY_S: Final = 10.0


@dataclass(slots=True)
class Both:
    """A gateway, MediaMTX and a camera."""

    gateway: Gateway
    mediamtx: MediaMtxProcess
    camera: DemoCamera
    clock: HandClock
    client: aiohttp.ClientSession

    @property
    def server(self) -> MediaMtx:
        server = self.gateway.neighbour.server
        assert server is not None
        return server

    def grant(self, prefix: str = "/cam/", *, lasts_s: float = 300) -> str:
        return sign_grant(
            self.gateway.gatekeeper.policy.keys.active,
            prefix=prefix,
            expires=int(self.clock.now() + lasts_s),
            grant_id=new_grant_id(),
        )

    async def until_it_has(self, *paths: str, within_s: float = _READY_S) -> None:
        """Looks until MediaMTX has pictures of `paths`."""
        async with asyncio.timeout(within_s):
            while not all(self.server.has(path) for path in paths):
                await self.server.check()
                await self.server.round()

    async def status(self, url: str | URL) -> int:
        async with self.client.get(URL(url, encoded=True) if isinstance(url, str) else url) as response:
            return response.status


@dataclass(slots=True)
class LightViewer:
    """Follows playlists as a player does: index.m3u8 of the gateway, its child, the newest part; again on failure."""

    client: aiohttp.ClientSession
    index: URL
    at: list[URL] = field(default_factory=list)
    parts: int = 0

    async def begin(self) -> None:
        """Loads index.m3u8, and waits for a first part."""
        self.at.clear()
        async with self.client.get(self.index) as response:
            text = await response.text()
            if response.status != 200:
                raise ConnectionError(f"{response.status}: {text}")
            child = text.split()[-1]
            self.at.append(response.url.join(URL(child, encoded=True)))

    async def step(self) -> None:
        """One more part."""
        if not self.at:
            await self.begin()
        try:
            await self._part()
        except BaseException:
            self.at.clear()
            raise

    async def _part(self) -> None:
        async with self.client.get(self.at[0]) as response:
            text = await response.text()
            if response.status != 200:
                raise ConnectionError(f"{response.status}: {text}")
        parts = [line for line in text.splitlines() if line.startswith("#EXT-X-PART:")]
        if not parts:
            raise ConnectionError("no part yet")
        uri = parts[-1].partition('URI="')[2].partition('"')[0]
        async with self.client.get(self.at[0].join(URL(uri, encoded=True))) as response:
            if response.status != 200:
                raise ConnectionError(f"{response.status}")
            assert b"moof" in await response.read()
        self.parts += 1

    async def until_plays(self, *, within_s: float, away_from: int | None = None) -> None:
        """Tries as often as it takes; `away_from` is a port where the pictures may not come from."""
        async with asyncio.timeout(within_s):
            while True:
                with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                    await self.step()
                    if self.at[0].port != away_from:
                        return
                    self.at.clear()


@asynccontextmanager
async def both(
    folder: Path,
    *,
    cameras: Mapping[str, str] | None = None,
    changes: Mapping[str, Any] | None = None,
    started: bool = True,
) -> AsyncIterator[Both]:
    """MediaMTX reads the camera as `cam`, and the gateway finds it there unless `cameras` says otherwise."""
    port, clock = free_port(), HandClock()
    async with demo_camera() as camera:
        paths = {"cam": {"source": camera.url, "rtspTransport": "tcp"}, "all_others": {}}
        known = {} if cameras is None else {name: url.format(camera=camera.url) for name, url in cameras.items()}
        async with mediamtx(folder, gateway_port=port, paths=paths, changes=changes) as process, http() as client:
            section = MediaMtxConfig(
                hls=PublicUrl(process.hls),
                public_hls=PublicUrl(process.hls),
                api=PublicUrl(process.api),
                rtsp=CameraUrl(process.rtsp),
                hook_secret=SECRET,
                discover=cameras is None,
                on_demand=False,
            )
            configured = {
                "listen": Listen("127.0.0.1", port),
                "hls": HlsConfig(mode=HlsMode.MEDIAMTX),
                "mediamtx": section,
            }
            async with running_gateway(known, access=ACCESS, access_clock=clock, changes=configured) as gateway:
                running = Both(gateway, process, camera, clock, client)
                if started:
                    await process.start()
                    await running.until_it_has("cam")
                yield running


async def test_a_camera_goes_through_mediamtx_into_chromium_by_webrtc_and_by_ll_hls(page: Page, tmp_path: Path) -> None:
    async with both(tmp_path) as pair:
        await reached_state(pair.gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        prefix = f"g/{pair.grant()}"
        player = await open_player(page, pair.gateway.address)
        await player.play("cam", url=f"/{prefix}/cam/whep")
        pictures = await player.more_pictures(20, within_s=10)
        latencies = [picture.latency_ms for picture in pictures if picture.latency_ms is not None]
        assert len(latencies) == len(pictures)
        assert max(latencies) < 1000
        record_latency("camera, MediaMTX, gateway, WebRTC", statistics.median(latencies))
        async with hls_player(page, pair.gateway.address, f"{prefix}/cam") as hls:
            shown = await hls.more_pictures(40, within_s=15)
            median_ms = statistics.median(latencies_ms(shown))
            assert median_ms < 4000
            record_latency("camera, MediaMTX's LL-HLS", median_ms)
            assert await hls.fatal() == []
            await pair.server.round()
            assert pair.server.viewers("cam") == 1
        readers = (await pair.mediamtx.listed("paths"))[0]["readers"]
        assert [reader["type"] for reader in readers if reader["type"] == "rtspSession"] == ["rtspSession"]
        # And only once from the camera, whoever watches.
        await pair.camera.until_clients(1)
    assert SECRET not in "".join(line for line in pair.mediamtx.log().splitlines() if " INF " in line)


async def test_mediamtx_lets_in_whom_the_gateway_lets_in(tmp_path: Path) -> None:
    async with both(tmp_path) as pair:
        index = f"{pair.mediamtx.hls}/cam/index.m3u8"
        good = pair.grant()
        forged = good[:-1] + ("0" if good[-1] != "0" else "1")
        assert await pair.status(f"{index}?grant={good}") == 200
        assert await pair.status(f"{index}?z=1&grant={good}&a=2") == 200
        for query in ("", f"?grant={forged}", f"?grant={good}&grant={good}", f"?grant={pair.grant('/cam1/')}"):
            assert await pair.status(index + query) == 401, query
        assert await pair.status(f"{index}?grant={pair.grant(lasts_s=-SKEW_S - 1)}") == 401
        assert await pair.status(f"{pair.mediamtx.hls}/other/index.m3u8?grant={pair.grant('/')}") == 401
        assert await pair.status(f"{pair.mediamtx.api}/v3/paths/list") == 401


async def test_a_session_ends_with_its_grant_and_a_fresh_grant_plays_on(tmp_path: Path) -> None:
    async with both(tmp_path) as pair:
        ending = LightViewer(pair.client, URL(f"{pair.gateway.address}g/{pair.grant(lasts_s=60)}/cam/index.m3u8"))
        staying = LightViewer(pair.client, URL(f"{pair.gateway.address}g/{pair.grant(lasts_s=600)}/cam/index.m3u8"))
        for viewer in (ending, staying):
            await viewer.until_plays(within_s=_READY_S)
            assert viewer.at[0].port == pair.mediamtx.hls_port
        pair.clock.advance(61 + SKEW_S)
        await pair.server.round()
        assert await pair.status(ending.at[0]) == 401
        assert len(await pair.mediamtx.listed("hlssessions")) == 1
        await staying.step()
        ending.index = URL(f"{pair.gateway.address}g/{pair.grant()}/cam/index.m3u8")
        ending.at.clear()
        await ending.until_plays(within_s=_READY_S)


async def test_viewers_live_through_its_death_and_return(page: Page, tmp_path: Path) -> None:
    async with both(tmp_path, cameras={"cam": "{camera}"}) as pair:
        token = pair.grant()
        address = URL(f"{pair.gateway.address}g/{token}/cam/index.m3u8")
        await reached_state(pair.gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with hls_player(page, pair.gateway.address, f"g/{token}/cam") as hls, asyncio.TaskGroup() as group:
            # What the gateway's own page does: after a fatal error it begins again with index.m3u8.
            await hls.restart_when_fatal()
            viewers = [LightViewer(pair.client, address) for _ in range(3)]
            for viewer in viewers:
                await viewer.until_plays(within_s=_READY_S)
                assert viewer.at[0].port == pair.mediamtx.hls_port
            await hls.more_pictures(20, within_s=_READY_S)
            await pair.mediamtx.kill()
            for viewer in viewers:
                group.create_task(viewer.until_plays(within_s=_RECOVERY_S))
            await hls.more_pictures(20, within_s=_RECOVERY_S + 2)
        assert {viewer.at[0].port for viewer in viewers} == {pair.gateway.http_port}
        await pair.mediamtx.start()
        # Who is at the gateway stays there, who comes is sent to MediaMTX again.
        await pair.until_it_has("cam")
        await viewers[0].step()
        assert viewers[0].at[0].port == pair.gateway.http_port
        await LightViewer(pair.client, address).until_plays(within_s=_READY_S, away_from=pair.gateway.http_port)


async def test_a_camera_that_pushes_with_an_api_key_is_found(tmp_path: Path) -> None:
    async with both(tmp_path) as pair:
        assert await publish(pair, password="cgk_" + "x" * 43) != 0
        pushing = asyncio.create_task(publish(pair, password=PUBLISHER))
        try:
            await pair.until_it_has("pushed")
            assert [camera.name for camera in pair.gateway.registry] == ["cam", "pushed"]
            await reached_state(pair.gateway.registry.find("pushed"), CameraState.LIVE, within_s=10)
        finally:
            pushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pushing


async def publish(pair: Both, *, password: str) -> int:
    """FFmpeg as a camera that pushes, until it is cancelled or refused; its exit code."""
    url = f"{pair.mediamtx.rtsp}/pushed".replace("rtsp://", f"rtsp://any:{password}@")
    source = "-re -f lavfi -i testsrc=size=160x120:rate=10 -c:v libx264 -preset ultrafast -tune zerolatency -g 10"
    process = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "error", *source.split(), "-f", "rtsp", "-rtsp_transport", "tcp", url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
