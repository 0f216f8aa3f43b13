"""LL-HLS with the players that people have: hls.js in Chromium, FFmpeg, GStreamer."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import pytest
from playwright.async_api import JSHandle, Page

from gateway.demo.spec import AudioChoice
from gateway.source.status import CameraState
from gateway.web.shortcut import SHORTCUT
from tests.support.browser import HLS_JS, HLS_PLAYER, load_player
from tests.support.cameras import CLOCK_MODULUS, demo_camera
from tests.support.gateway import camera_json, http, reached_state, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


class HlsPlayer:
    """hls.js in a page."""

    def __init__(self, handle: JSHandle) -> None:
        self._handle = handle

    async def until(self, condition: str, *, within_s: float) -> None:
        """Waits for a JavaScript function of the player."""
        await self._handle.evaluate(f"(player, ms) => player.until({condition}, ms)", within_s * 1000)

    async def more_pictures(self, count: int, *, within_s: float) -> list[dict[str, Any]]:
        """So many more pictures from now on."""
        known = int(await self._handle.evaluate("player => player.pictures.length"))
        await self.until(f"p => p.pictures.length >= {known + count}", within_s=within_s)
        pictures: list[dict[str, Any]] = await self._handle.evaluate(f"player => player.pictures.slice({known})")
        return pictures

    async def fatal(self) -> list[dict[str, Any]]:
        """What ended playing."""
        errors: list[dict[str, Any]] = await self._handle.evaluate("player => player.errors.filter((e) => e.fatal)")
        return errors

    async def restart_when_fatal(self) -> None:
        """Begins again with index.m3u8 half a second after whatever ends playing."""
        await self._handle.evaluate("player => player.restartWhenFatal()")

    async def play(self) -> None:
        """Begins as soon as there is something to play."""
        await self._handle.evaluate("player => player.play()")

    async def parse_late(self) -> None:
        """From now on each part is parsed only when hls.js has learned of the one after."""
        await self._handle.evaluate("player => player.parseLate()")

    async def close(self) -> None:
        """Ends it."""
        await self._handle.evaluate("player => player.close()")
        await self._handle.dispose()


@asynccontextmanager
async def hls_player(
    page: Page, address: str, camera: str, settings: Mapping[str, Any] | None = None
) -> AsyncIterator[HlsPlayer]:
    """hls.js with its own defaults but for `settings` on a plain page of the gateway's origin."""
    await page.goto(f"{address}healthz")
    await load_player(page, HLS_JS, HLS_PLAYER)
    make = "([url, settings]) => new HlsTestPlayer(url, settings)"
    player = HlsPlayer(await page.evaluate_handle(make, [f"/{camera}/index.m3u8", dict(settings or {})]))
    try:
        yield player
    finally:
        await player.close()


def latencies_ms(pictures: list[dict[str, Any]]) -> list[float]:
    """From the camera's clock to the screen."""
    return [(p["at"] - p["clock"]) % CLOCK_MODULUS for p in pictures if p["clock"] is not None]


@pytest.mark.parametrize("audio", [AudioChoice.NONE, AudioChoice.AAC, AudioChoice.OPUS])
async def test_hls_js_plays_with_low_latency_and_is_counted(page: Page, audio: AudioChoice) -> None:
    async with demo_camera(audio=audio) as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with hls_player(page, gateway.address, "cam") as player:
            await player.more_pictures(20, within_s=10)
            pictures = await player.more_pictures(40, within_s=10)
            assert statistics.median(latencies_ms(pictures)) < 3000
            assert await player.fatal() == []
            # What Chromium sends with each request stays the same, so nearly all of them go the short way.
            assert gateway._app is not None
            shortcut = gateway._app[SHORTCUT]
            assert shortcut is not None
            assert shortcut.answered > 10
            assert (await camera_json(gateway.address, "cam"))["viewers"] == {"ll-hls": 1}


async def test_hls_js_goes_on_by_itself_when_the_camera_comes_back(page: Page) -> None:
    async with demo_camera(audio=AudioChoice.AAC) as camera, running_gateway({"cam": camera.url}) as gateway:
        known = gateway.registry.find("cam")
        await reached_state(known, CameraState.LIVE, within_s=10)
        async with hls_player(page, gateway.address, "cam") as player:
            await player.more_pictures(20, within_s=10)
            await camera.die()
            await reached_state(known, CameraState.OFFLINE, CameraState.CONNECTING, within_s=10)
            async with http() as session:
                text = ""
                async with asyncio.timeout(10):
                    while "#EXT-X-GAP" not in text:
                        text = await playlist(session, gateway.address)
            await camera.revive()
            await reached_state(known, CameraState.LIVE, within_s=10)
            await player.more_pictures(60, within_s=15)
            assert await player.fatal() == []


async def test_hls_js_shows_pictures_in_order_that_are_not_sent_in_order(page: Page) -> None:
    async with (
        demo_camera(b_frames=2, profile="main") as camera,
        running_gateway({"cam": camera.url}) as gateway,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with hls_player(page, gateway.address, "cam") as player:
            pictures = await player.more_pictures(60, within_s=10)
            clocks = [picture["clock"] for picture in pictures if picture["clock"] is not None]
            assert len(clocks) > 30
            assert clocks == sorted(set(clocks))
            assert await player.fatal() == []


async def test_hls_js_plays_across_a_change_of_resolution(page: Page) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        async with hls_player(page, gateway.address, "cam") as player:
            await player.more_pictures(20, within_s=10)
            await camera.change_resolution(480, 360)
            await player.until("p => p.pictures.at(-1).width === 480", within_s=15)
            await player.more_pictures(40, within_s=10)
            assert await player.fatal() == []


async def playlist(session: Any, address: str, *, msn: int = 0) -> str:
    """The media playlist of `cam` once it holds segment `msn`, empty while there is none."""
    async with session.get(f"{address}cam/index.m3u8") as response:
        if response.status != 200:
            return ""
        child = (await response.text()).split()[-1]
    async with session.get(f"{address}cam/{child}?_HLS_msn={msn}") as response:
        return str(await response.text())


async def _run(*command: str, within_s: float) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within_s):
            output, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return process.returncode or 0, output.decode()


@pytest.mark.parametrize("audio", [AudioChoice.AAC, AudioChoice.OPUS])
async def test_ffmpeg_plays_pictures_and_sound(audio: AudioChoice) -> None:
    async with demo_camera(audio=audio) as camera, running_gateway({"cam": camera.url}) as gateway:
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        command = ("ffmpeg", "-v", "error", "-i", f"{gateway.address}cam/index.m3u8", "-t", "3")
        code, output = await _run(*command, "-map", "0", "-f", "framemd5", "-", within_s=30)
        assert code == 0, output
        rows = [line.split(",") for line in output.splitlines() if line and not line.startswith("#")]
        video = [int(row[2]) for row in rows if row[0] == "0"]
        # A camera leaves pictures out on a busy machine.
        assert 45 <= len(video) <= 61
        assert video == sorted(set(video))
        assert len([row for row in rows if row[0] == "1"]) > 40


async def test_gstreamer_plays_from_the_first_segment_on() -> None:
    async with (
        demo_camera(audio=AudioChoice.AAC, fps=Fraction(15)) as camera,
        running_gateway({"cam": camera.url}) as gateway,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        process = await asyncio.create_subprocess_exec(
            "gst-launch-1.0",
            "-v",
            "playbin3",
            f"uri={gateway.address}cam/index.m3u8",
            "video-sink=fakesink name=pictures silent=false sync=true",
            "audio-sink=fakesink name=sound silent=false sync=true",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        counts = {"pictures": 0, "sound": 0}
        lines: list[str] = []
        try:
            async with asyncio.timeout(40):
                while min(counts.values()) < 60:
                    line = (await process.stdout.readline()).decode()
                    assert line, "".join(lines[-20:])
                    lines.append(line)
                    for name in counts:
                        counts[name] += f":{name}" in line and "chain" in line
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()
        assert any("GstHLSDemux2" in line for line in lines)
