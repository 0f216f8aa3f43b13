"""Grants that end and grants that are renewed while pictures come through the edge or from MediaMTX itself.

With MediaMTX the same is done by tests/rig/test_whole_grants.py (make rig).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser

from tests.support.gateway import http
from tests.support.place import Origin, Place, place
from tests.support.playing_pages import (
    fresh_page,
    longest_gap_ms,
    more_pictures,
    parts,
    plays,
    remember,
    until_seen,
    watch_gaps,
)
from tests.support.recorded import record_gap
from tests.support.renewals import (
    renews_without_a_stall_and_is_refused_in_the_end,
    signed_in_is_renewed_at_an_edge,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_grants_are_renewed_without_a_stall_and_the_last_one_is_refused_when_it_ends(
    browser: Browser, tmp_path: Path
) -> None:
    await renews_without_a_stall_and_is_refused_in_the_end(browser, tmp_path, Origin.EMBEDDED)


async def test_who_signed_in_is_sent_to_an_edge_and_its_address_is_renewed(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed_in_is_renewed_at_an_edge(browser, tmp_path, Origin.EMBEDDED, monkeypatch)


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
