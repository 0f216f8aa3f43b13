"""Other sites: refused unless allowed, and told exactly what they may see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from yarl import URL

from gateway.web.gatekeeper import Surroundings
from tests.web.visitors import House, bearer, house
from tests.webrtc.stage import offer

FRIEND = "https://www.example.org"


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    surroundings = Surroundings(base_url="https://cams.example.org", origins=frozenset({FRIEND}))
    async with house(tmp_path, surroundings=surroundings) as running:
        yield running


async def test_an_allowed_site_may_ask_and_sees_the_headers_it_needs(home: House) -> None:
    headers = bearer(home.grant("/cam1/")) | {"Origin": FRIEND, "Content-Type": "application/sdp"}
    answer = await home.http.post("/cam1/whep", data=offer("chromium-video"), headers=headers)
    assert answer.status == 201
    assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
    assert answer.headers["Access-Control-Expose-Headers"] == "Location, ETag, Link, Accept-Patch"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Vary"] == "Origin"


async def test_its_preflight_shows_nothing_and_learns_nothing(home: House) -> None:
    for path in ("/cam1/whep", "/nosuch/whep", "/api/cameras", "/static/main.js"):
        asked = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
        answer = await home.http.options(path, headers=asked)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, If-Match"
        asked["Origin"] = "https://evil.example"
        refused = await home.http.options(path, headers=asked)
        assert refused.status == 403
        assert "Access-Control-Allow-Origin" not in refused.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "http://www.example.org", f"{FRIEND}.evil.example", "null"])
async def test_any_other_is_refused_whatever_it_shows(home: House, origin: str) -> None:
    answer = await home.http.get("/api/cameras", headers=home.cookie("admin") | {"Origin": origin})
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_public_address_is_our_own_behind_a_proxy_that_says_another_host(home: House) -> None:
    headers = home.cookie("ann") | {"Origin": "https://cams.example.org"}
    assert (await home.http.get("/api/cameras", headers=headers)).status == 200


async def test_pages_may_be_framed_by_allowed_sites_only(home: House) -> None:
    for path in ("/cam1/", "/login"):
        answer = await home.http.get(path, headers=home.cookie("ann"))
        assert f"frame-ancestors 'self' {FRIEND}" in answer.headers["Content-Security-Policy"]


async def test_errors_for_people_are_pages_and_for_programs_json(home: House) -> None:
    for path, status in (("/api/sessions", 403), ("/cam10/", 403), ("/cam1/%2e/", 400)):
        headers = home.cookie("ann")
        page = await home.http.get(URL(path, encoded=True), headers=headers | {"Accept": "text/html"})
        assert (page.status, page.content_type) == (status, "text/html")
        program = await home.http.get(URL(path, encoded=True), headers=headers)
        assert (program.status, program.content_type) == (status, "application/json")
        assert page.headers["Cache-Control"] == program.headers["Cache-Control"] == "no-store"
