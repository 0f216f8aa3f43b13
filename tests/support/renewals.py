"""A page whose grants end and are renewed while pictures come, and what it is refused when there are no more."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aiohttp
import pytest
from playwright.async_api import Browser

from gateway.access.grants import PAGE_AGE_S, SKEW_S
from tests.support.clocks import ShiftedClock
from tests.support.gateway import http
from tests.support.place import LASTS_S, PASSWORD, Origin, Place, place, site_of
from tests.support.playing_pages import (
    DEADLINE_MS,
    GRANT,
    fresh_page,
    grants,
    parts,
    plays,
    plays_on,
    remember,
    until_seen,
)
from tests.support.recorded import record_gap

STALL_MS: Final = 1000
"""Between two pictures of a camera of 30 a second, on a machine that does other things too."""


async def renews_without_a_stall_and_is_refused_in_the_end(browser: Browser, folder: Path, origin: Origin) -> None:
    """A page of another site gets grants from that site; all ways of the last one are closed when it ends."""
    here: list[Place] = []
    async with (
        site_of(lambda: here[0]) as site,
        place(folder, origin, site=site) as at,
        fresh_page(browser) as page,
        http() as client,
    ):
        here.append(at)
        asked = remember(page)
        await page.goto(f"{site}/?base={at.base}")
        await plays(page, "ll-hls")
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
        token = GRANT.findall(old.url)[0][0]
        assert await _status(client, old.url) == 401
        assert await _status(client, f"{at.gateway.address}g/{token}/cam/index.m3u8") == 401
        if origin is not Origin.DIRECT:
            assert await _status(client, old.url.replace(token, at.grant())) == 200
        if at.mediamtx is not None:
            assert [one for one in await at.mediamtx.listed("hlssessions") if not one["isCDN"]] == []


async def _status(client: aiohttp.ClientSession, url: str) -> int:
    async with client.get(url, ssl=False) as response:
        await response.read()
        return response.status


async def signed_in_is_renewed_at_an_edge(
    browser: Browser, folder: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's own page gets a new address of the edge before the last one ends."""
    # The gateway's rights live in the past: by the edge's clock its addresses are about to end.
    clock = ShiftedClock(-PAGE_AGE_S - SKEW_S + LASTS_S)
    async with (
        place(folder, origin, regions=("eu",), clock=clock, monkeypatch=monkeypatch) as at,
        fresh_page(browser) as page,
    ):
        asked = remember(page)
        await page.goto(f"{at.gateway.address}login")
        await page.get_by_label("Name").fill("ann")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(at.gateway.address, timeout=DEADLINE_MS)
        await page.goto(f"{at.gateway.address}cam/?protocol=ll-hls")
        await plays(page, "ll-hls")
        gap_ms, metrics = await plays_on(page, until=asked[0].ends_at + 1)
        record_gap(f"signed in, {origin}", gap_ms)
        assert (metrics["rung"], metrics["reconnects"]) == ("ll-hls", 0)
        assert gap_ms < STALL_MS
        assert all(one.url.startswith(at.edges[0].origin) for one in asked)
        assert {one.status for one in asked} == {200}
        assert len(grants(asked)) >= 3
