"""MediaMTX dies under twenty viewers behind the edge, and comes back: all of them play again within ten seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from yarl import URL

from tests.rig.figures import Figure, Record, at_most, complaints
from tests.support.browser import chromium
from tests.support.mediamtx import MISSING, mediamtx_program
from tests.support.place import Origin, Place, place, site_of
from tests.support.playing_pages import fresh_page, longest_gap_ms, plays, watch_gaps
from tests.webrtc.stage import settled

pytestmark = [
    pytest.mark.rig,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(mediamtx_program() is None, reason=MISSING),
]

PAGES: Final = 3
LIGHT: Final = 17
_LIMIT_S: Final = 10.0
_GRANT_S: Final = 900.0
_BEFORE_S: Final = 5.0
_AFTER_S: Final = 15.0
_PACE_S: Final = 0.1


@dataclass(slots=True)
class LightViewer:
    """Asks for the newest part again and again, and begins anew with the gateway's playlist when that fails."""

    client: aiohttp.ClientSession
    index: URL
    media: URL | None = None
    newest: str = ""
    at: float = 0.0
    longest_gap_s: float = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._look()
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                self.media = None
            await asyncio.sleep(_PACE_S)

    @property
    def gap_s(self) -> float:
        """The longest time without a new part, the one that lasts included."""
        return max(self.longest_gap_s, time.monotonic() - self.at)

    async def _look(self) -> None:
        if self.media is None:
            playlist, url = await self._text(self.index)
            self.media = url.join(URL(playlist.split()[-1], encoded=True))
        playlist, url = await self._text(self.media)
        parts = [line for line in playlist.splitlines() if line.startswith("#EXT-X-PART:")]
        uri = parts[-1].partition('URI="')[2].partition('"')[0] if parts else self.newest
        if uri == self.newest:
            return
        async with self.client.get(url.join(URL(uri, encoded=True))) as response:
            if response.status != 200 or b"moof" not in await response.read():
                raise ConnectionError(f"{response.status}")
        self.newest, now = uri, time.monotonic()
        if self.at:
            self.longest_gap_s = max(self.longest_gap_s, now - self.at)
        self.at = now

    async def _text(self, url: URL) -> tuple[str, URL]:
        async with self.client.get(url) as response:
            text = await response.text()
            if response.status != 200:
                raise ConnectionError(f"{response.status}: {text}")
            return text, response.url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as one:
        yield one


@pytest.mark.parametrize("away_s", [1.0, 20.0])
async def test_all_play_again_within_ten_seconds(
    browser: Browser, tmp_path: Path, away_s: float, record: Record
) -> None:
    here: list[Place] = []
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(site_of(lambda: here[0]))
        at = await stack.enter_async_context(place(tmp_path, Origin.MEDIAMTX, site=site))
        at.lasts_s = _GRANT_S
        here.append(at)
        assert at.mediamtx is not None
        pages = [await stack.enter_async_context(fresh_page(browser)) for _ in range(PAGES)]
        for page in pages:
            await page.goto(f"{site}/?base={at.base}")
        connector, timeout = aiohttp.TCPConnector(ssl=False, limit=0), aiohttp.ClientTimeout(total=_LIMIT_S)
        client = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))
        crowd = [LightViewer(client, URL(f"{at.base}g/{at.grant()}/cam/index.m3u8")) for _ in range(LIGHT)]
        watching = [asyncio.create_task(viewer.watch()) for viewer in crowd]
        try:
            for page in pages:
                await plays(page, "ll-hls")
            await settled(lambda: all(viewer.newest for viewer in crowd), "a viewer gets no part")
            # Undisturbed first: what comes of the machine is not MediaMTX's.
            await _begin(crowd, pages)
            await asyncio.sleep(_BEFORE_S)
            assert max((await _gaps_s(crowd, pages)).values()) < _LIMIT_S / 4
            await _begin(crowd, pages)
            await at.mediamtx.kill()
            await asyncio.sleep(away_s)
            await at.mediamtx.start()
            await asyncio.sleep(_AFTER_S)
            gaps_s = await _gaps_s(crowd, pages)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
    figures: dict[str, Figure] = {f"{who}, longest gap [s]": gap_s for who, gap_s in gaps_s.items()}
    problems = complaints(figures, dict.fromkeys(figures, at_most(_LIMIT_S)))
    record.add(f"MediaMTX is killed and away for {away_s:g} s", figures, without=None, problems=problems)
    assert problems == {}


async def _begin(crowd: Sequence[LightViewer], pages: Sequence[Page]) -> None:
    for viewer in crowd:
        viewer.longest_gap_s = 0.0
    for page in pages:
        await watch_gaps(page)


async def _gaps_s(crowd: Sequence[LightViewer], pages: Sequence[Page]) -> dict[str, float]:
    """The longest time without a new part, and without a new picture, of any of them."""
    return {
        "light viewers": max(viewer.gap_s for viewer in crowd),
        "pages": max([await longest_gap_ms(page) for page in pages]) / 1000,
    }
