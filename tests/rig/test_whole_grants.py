"""Grants that are renewed while MediaMTX's pictures come, behind the edge and without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import chromium
from tests.support.mediamtx import MISSING, mediamtx_program
from tests.support.place import Origin
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
