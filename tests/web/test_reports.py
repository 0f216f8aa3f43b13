"""`POST /api/report`, reports on sockets, and where they are seen."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.web.reports import MAX_BODY_BYTES
from tests.web.conftest import Site
from tests.web.test_signalling import connected
from tests.web.visitors import House, bearer, house
from tests.webrtc.stage import offer

REPORT: dict[str, Any] = {
    "camera": "yard",
    "session": "viewing-0001",
    "start_s": 0.1,
    "watched_s": 60.0,
    "rungs": [{"rung": "webrtc", "at_s": 0.0, "first_frame_s": 0.09, "end": None}],
}


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as running:
        yield running


async def seen(site: Site, query: str = "") -> dict[str, Any]:
    body: dict[str, Any] = await (await site.http.get(f"/api/sessions{query}")).json()
    return body


@pytest.mark.parametrize("content_type", ["application/json", "text/plain;charset=UTF-8"])
async def test_a_report_is_taken_also_as_beacons_send_it(site: Site, content_type: str) -> None:
    response = await site.http.post("/api/report", data=json.dumps(REPORT), headers={"Content-Type": content_type})
    assert (response.status, await response.text()) == (204, "")
    summary = (await seen(site))["reports"]["yard"]
    assert (summary["viewings"], summary["start_s"]) == (1, {"p50": 0.1, "p95": 0.1})


async def test_the_last_word_of_a_viewing_wins(site: Site) -> None:
    for watched_s in (10.0, 20.0):
        await site.http.post("/api/report", json=REPORT | {"watched_s": watched_s})
    summary = (await seen(site))["reports"]["yard"]
    assert (summary["viewings"], summary["watched_s"]) == (1, 20.0)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_request"),
        (b"{}", "application/json", 400, "bad_request"),
        (json.dumps(REPORT | {"camera": "nowhere"}).encode(), "text/plain", 404, "camera_not_found"),
        (json.dumps(REPORT).encode(), "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b" " * (MAX_BODY_BYTES + 1), "text/plain", 413, "too_large"),
    ],
)
async def test_what_is_no_report_is_refused(site: Site, body: bytes, content_type: str, status: int, code: str) -> None:
    response = await site.http.post("/api/report", data=body, headers={"Content-Type": content_type})
    assert (response.status, (await response.json())["error"]["code"]) == (status, code)
    assert (await seen(site))["reports"] == {}


async def test_a_whep_player_reports_by_the_last_part_of_its_location(site: Site) -> None:
    answered = await site.http.post(
        "/yard/whep", data=offer("chromium-video"), headers={"Content-Type": "application/sdp"}
    )
    secret = answered.headers["Location"].rpartition("/")[2]
    assert (await seen(site))["sessions"][0]["report"] is None
    assert (await site.http.post("/api/report", json=REPORT | {"session": secret})).status == 204
    body = await seen(site)
    (session,) = body["sessions"]
    assert session["report"]["watched_s"] == 60.0
    assert session["report"] == (await (await site.http.get(f"/api/sessions/{session['id']}")).json())["report"]
    assert secret not in json.dumps(body), "whoever knows it may end the session"
    # Of another camera it is just a name.
    await site.http.post("/api/report", json=REPORT | {"session": secret, "camera": "site1/gate"})
    assert (await seen(site))["sessions"][0]["report"]["watched_s"] == 60.0


async def test_a_socket_reports_for_its_own_session(site: Site) -> None:
    async with connected(site) as socket:
        await socket.send("webrtc/offer", offer("chromium-video"))
        await socket.next("webrtc/answer")
        await socket.send("report", REPORT)
        assert await socket.alive()
        (session,) = (await seen(site))["sessions"]
        assert session["report"]["start_s"] == 0.1
        # The page says its last word by a beacon, under the same name.
        await site.http.post("/api/report", json=REPORT | {"watched_s": 61.0})
        assert (await seen(site))["sessions"][0]["report"]["watched_s"] == 61.0


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "report: must be an object"),
        (REPORT | {"start_s": "soon"}, "report: start_s: must be a number"),
        (REPORT | {"camera": "site1/gate"}, "report: This socket is about another camera"),
    ],
)
async def test_a_socket_says_what_is_wrong_with_a_report(site: Site, value: object, says: str) -> None:
    async with connected(site) as socket:
        await socket.send("report", value)
        assert (await socket.next("error"))["value"].startswith(says)
        assert await socket.alive()
    assert (await seen(site))["reports"] == {}


async def test_one_reports_only_about_what_one_may_see(home: House) -> None:
    mine, other = REPORT | {"camera": "cam1"}, REPORT | {"camera": "site1/yard"}
    for headers, path in (
        (home.cookie("ann"), ""),
        (bearer(home.grant("/cam1/")), ""),
        ({}, f"/g/{home.grant('/cam1/')}"),
    ):
        home.http.session.cookie_jar.clear()
        assert (await home.http.post(f"{path}/api/report", json=mine, headers=headers)).status == 204
        for foreign in (other, other | {"camera": "site1/none"}):
            response = await home.http.post(f"{path}/api/report", json=foreign, headers=headers)
            assert (response.status, (await response.json())["error"]["code"]) == (403, "forbidden")
    home.http.session.cookie_jar.clear()
    assert (await home.http.post("/api/report", json=mine)).status == 401


async def test_summaries_are_for_those_who_administer_the_camera(home: House) -> None:
    for camera in ("cam1", "site1/yard"):
        token = home.grant("/")
        await home.http.post("/api/report", json=REPORT | {"camera": camera}, headers=bearer(token))
    whole = await (await home.http.get("/api/sessions", headers=home.cookie("admin"))).json()
    assert set(whole["reports"]) == {"cam1", "site1/yard"}
    home.http.session.cookie_jar.clear()
    site = await (await home.http.get("/api/sessions", headers=home.cookie("sue"))).json()
    assert set(site["reports"]) == {"site1/yard"}
    home.http.session.cookie_jar.clear()
    narrowed = await home.http.get("/api/sessions?camera=cam1", headers=home.cookie("admin"))
    assert set((await narrowed.json())["reports"]) == {"cam1"}
