"""Grants that are renewed while MediaMTX's pictures come, behind the edge and without it, and sessions that it ends."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from tests.support.browser import chromium
from tests.support.gateway import http
from tests.support.mediamtx import MISSING, SECRET, mediamtx_program
from tests.support.place import Origin, Place, place, site_of
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
from tests.support.renewals import renews_without_a_stall_and_is_refused_in_the_end, signed_in_is_renewed_at_an_edge

pytestmark = [
    pytest.mark.rig,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(mediamtx_program() is None, reason=MISSING),
]


@pytest.mark.parametrize("origin", [Origin.MEDIAMTX, Origin.DIRECT])
async def test_grants_are_renewed_without_a_stall_and_the_last_one_is_refused_when_it_ends(
    tmp_path: Path, origin: Origin
) -> None:
    async with chromium() as browser:
        await renews_without_a_stall_and_is_refused_in_the_end(browser, tmp_path, origin)


async def test_who_signed_in_is_sent_to_an_edge_and_its_address_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chromium() as browser:
        await signed_in_is_renewed_at_an_edge(browser, tmp_path, Origin.MEDIAMTX, monkeypatch)


async def test_a_page_begins_anew_when_mediamtx_has_ended_its_session(tmp_path: Path) -> None:
    here: list[Place] = []
    async with (
        chromium() as browser,
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
