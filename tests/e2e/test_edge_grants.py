"""Grants that end and grants that are renewed while pictures come through the edge or from MediaMTX itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from playwright.async_api import Browser

from gateway.access.grants import PAGE_AGE_S, SKEW_S
from tests.e2e.test_access import ShiftedClock
from tests.support.gateway import http
from tests.support.mediamtx import MISSING, SECRET, mediamtx_program
from tests.support.place import LASTS_S, PASSWORD, Origin, Place, place, site_of
from tests.support.playing_pages import (
    DEADLINE_MS,
    GRANT,
    fresh_page,
    grants,
    longest_gap_ms,
    more_pictures,
    parts,
    plays,
    plays_on,
    remember,
    until_seen,
    watch_gaps,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

STALL_MS: Final = 500
"""Between two pictures of a camera of 30 a second, on a machine that does other things too."""
_NEEDS_MEDIAMTX: Final = pytest.mark.skipif(mediamtx_program() is None, reason=MISSING)
ORIGINS: Final = [
    Origin.EMBEDDED,
    pytest.param(Origin.MEDIAMTX, marks=_NEEDS_MEDIAMTX),
    pytest.param(Origin.DIRECT, marks=_NEEDS_MEDIAMTX),
]


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
        await plays(page, "ll-hls")
        await watch_gaps(page)
        headers = {"Authorization": aiohttp.encode_basic_auth("gateway", SECRET)}
        for session in await at.mediamtx.listed("hlssessions"):
            url = f"{at.mediamtx.api}/v3/hlssessions/kick/{session['id']}"
            async with client.post(url, headers=headers) as response:
                assert response.status == 200
        await until_seen(page, lambda: any(one.status == 401 for one in asked))
        kicked = len(asked)
        await until_seen(page, lambda: any(one.status == 200 for one in parts(asked[kicked:])))
        await more_pictures(page, 30)
        gap_ms = await longest_gap_ms(page)
        record_gap("kicked", gap_ms)
        assert gap_ms < 10_000


@pytest.mark.parametrize("origin", ORIGINS[:2])
async def test_who_signed_in_is_sent_to_an_edge_and_its_address_is_renewed(
    browser: Browser, tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The gateway's rights live in the past: by the edge's clock its addresses are about to end.
    clock = ShiftedClock(-PAGE_AGE_S - SKEW_S + LASTS_S)
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
        await plays(page, "ll-hls")
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
        await plays(page, "ll-hls")
        assert all(one.url.startswith(eu.origin) for one in asked)
        await watch_gaps(page)
        await eu.die()
        known = len(asked)
        await until_seen(page, lambda: any(one.status == 200 for one in parts(asked[known:])))
        await more_pictures(page, 30)
        gap_ms = await longest_gap_ms(page)
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
