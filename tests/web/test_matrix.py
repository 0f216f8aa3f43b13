"""Who gets in where: every kind of visitor at every route; the table in docs/access-matrix.md is made here."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import pytest_asyncio
from yarl import URL

from gateway.access.carriers import COOKIE_NAME
from gateway.access.decision import Asked
from tests.web.visitors import API_KEYS, CAMERAS, MEDIAMTX_SECRET, House, basic, bearer, house
from tests.webrtc.stage import offer

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "access-matrix.md"
LET_IN: Final = "✓"
UNKNOWN: Final = "nosuch"
MEDIAMTX: Final = "MediaMTX"
QUESTION: Final = json.dumps({"action": "api", "user": "gateway", "password": MEDIAMTX_SECRET})
GENERATION: Final = "…"
"""Random at each start of the gateway, so the table has this instead."""
ASKED_FOR: Final = ("cam1", "site1/yard", UNKNOWN)
SDP: Final = {"Content-Type": "application/sdp"}
OFFER: Final = offer("chromium-video")


@dataclass(frozen=True, slots=True)
class Visitor:
    """`sees` and `signs` are what the words in the table promise, for the cameras the table asks for."""

    words: str
    known: bool = True
    sees: frozenset[str] = frozenset()
    signs: frozenset[str] = frozenset()
    administers: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    query: str = ""


async def visitors(home: House) -> list[Visitor]:
    everything = frozenset(ASKED_FOR)
    one, site = frozenset({"cam1"}), frozenset({"site1/yard"})
    expired = home.grant("/", lasts_s=-31)
    forged = home.grant("/")[:-4] + "0000"
    left = home.cookie("admin")
    session = home.keeper.session_of(Asked("GET", "/", cookie=(left["Cookie"],)))
    assert session is not None
    await home.keeper.sign_out(session)
    return [
        Visitor("nobody", known=False),
        Visitor(
            "admin, signed in", sees=everything, signs=everything, administers=everything, headers=home.cookie("admin")
        ),
        Visitor("user of cam1, signed in", sees=one, signs=one, headers=home.cookie("ann")),
        Visitor("admin of site1/*, signed in", sees=site, signs=site, administers=site, headers=home.cookie("sue")),
        Visitor("user of site1/*, view only, Basic", sees=site, headers=basic("bob")),
        Visitor("wrong password", known=False, headers=basic("ann", "wrong")),
        Visitor("signed out", known=False, headers=left),
        Visitor("API key, view, cam1", sees=one, headers=bearer(API_KEYS["viewer"])),
        Visitor("API key, sign, site1/*", signs=site, headers=bearer(API_KEYS["signer"])),
        Visitor("API key, admin", administers=everything, headers=bearer(API_KEYS["master"])),
        Visitor("grant for cam1, in the path", sees=one, prefix=f"/g/{home.grant('/cam1/')}"),
        Visitor("grant for site1/, Bearer", sees=site, headers=bearer(home.grant("/site1/"))),
        Visitor("grant for all, in the query", sees=everything, query=f"grant={home.grant('/')}"),
        Visitor("expired grant", known=False, prefix=f"/g/{expired}"),
        Visitor("forged grant", known=False, headers=bearer(forged)),
        Visitor(MEDIAMTX, known=False, headers=basic("mediamtx", MEDIAMTX_SECRET)),
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """A request; `route` is how the application calls it."""

    route: str
    path: str
    need: str
    camera: str | None = None
    found: int = 200
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.route.split()[0]


def rows() -> list[Row]:
    result = [
        Row("GET /", "/", "somebody"),
        Row("GET /api", "/api", "somebody"),
        Row("GET /api/openapi.json", "/api/openapi.json", "somebody"),
        Row("GET /api/cameras", "/api/cameras", "somebody"),
        Row("GET /api/streams", "/api/streams", "somebody"),
        Row("PUT /api/streams", f"/api/streams?name={UNKNOWN}", "somebody", found=403),
        Row("GET /api/schemes", "/api/schemes", "somebody"),
        Row("GET /api/preload", "/api/preload", "somebody"),
        Row("POST /api/report", "/api/report", "somebody", found=415),
        Row("GET /api/sessions", "/api/sessions", "some admin"),
        Row("GET /api/sessions/{session}", "/api/sessions/none", "some admin", found=404),
        Row("DELETE /api/sessions/{session}", "/api/sessions/none", "some admin", found=404),
        Row("POST /api/mediamtx/auth", "/api/mediamtx/auth", "MediaMTX", found=204, body=QUESTION),
        Row("GET /static/{module}", "/static/main.js", "nothing"),
        Row("GET /static", "/static/style.css", "nothing"),
        Row("GET /healthz", "/healthz", "nothing"),
        Row("GET /readyz", "/readyz", "nothing"),
        Row("GET /login", "/login", "nothing"),
        Row("POST /login", "/login", "nothing", found=400),
        Row("POST /login/out", "/login/out", "nothing", found=303),
        Row("OPTIONS /{camera}/whep", "/cam1/whep", "nothing", found=204),
        Row("OPTIONS /{camera}/whep/{session}", "/cam1/whep/none", "nothing", found=204),
        Row("DELETE /{camera}/whep/{session}", "/cam1/whep/none", "nothing", found=404),
    ]
    for camera in ASKED_FOR:
        result += [
            Row("GET /{camera}/", f"/{camera}/", "view", camera),
            Row("GET /{camera}", f"/{camera}", "view", camera, 307),
            Row("POST /{camera}/whep", f"/{camera}/whep", "view", camera, 201, OFFER, SDP),
            Row("* /{camera}/whep", f"/{camera}/whep", "view", camera, 405),
            Row("GET /{camera}/whep/{session}", f"/{camera}/whep/none", "view", camera, 404),
            Row("PATCH /{camera}/whep/{session}", f"/{camera}/whep/none", "view", camera, 404),
            Row("GET /api/ws", f"/api/ws?src={camera}", "view", camera, 101),
            Row("POST /api/webrtc", f"/api/webrtc?src={camera}", "view", camera, 201, OFFER, SDP),
            Row("GET /{camera}/index.m3u8", f"/{camera}/index.m3u8", "view", camera),
            Row("GET /{camera}/_hls/{generation}/{name}", f"/{camera}/_hls/{GENERATION}/live.m3u8", "view", camera),
            Row("GET /{camera}/_hls/{generation}/{name}", f"/{camera}/_hls/0/none.m4s", "view", camera, 404),
            Row("GET /{camera}/snapshot.jpg", f"/{camera}/snapshot.jpg", "view", camera),
            Row("GET /api/frame.jpeg", f"/api/frame.jpeg?src={camera}", "view", camera),
            Row("GET /api/cameras/{camera}", f"/api/cameras/{camera}", "view", camera),
            Row("POST /api/cameras/{camera}/negotiate", f"/api/cameras/{camera}/negotiate", "view", camera),
            Row("POST /api/cameras/{camera}/sign", f"/api/cameras/{camera}/sign", "sign", camera),
            Row("PUT /api/cameras/{camera}", f"/api/cameras/{camera}", "admin", camera, 422, "{}"),
            Row("PATCH /api/cameras/{camera}", f"/api/cameras/{camera}", "admin", camera, 404, "{}"),
            Row("DELETE /api/cameras/{camera}", f"/api/cameras/{camera}", "admin", camera, 404),
        ]
    return result


def expected(row: Row, visitor: Visitor) -> int:
    """What docs/access-matrix.md promises."""
    if row.need == "nothing":
        return row.found
    if row.need == "MediaMTX":
        return row.found if visitor.words == MEDIAMTX else 401
    if not visitor.known:
        return 401
    if row.need == "somebody":
        return row.found
    if row.need == "some admin":
        return row.found if visitor.administers else 403
    assert row.camera is not None
    if row.need == "admin":
        return row.found if row.camera in visitor.administers else 403
    if row.camera not in (visitor.signs if row.need == "sign" else visitor.sees):
        return 403
    if row.camera not in CAMERAS:
        return 404
    # What a playlist refers to inherits a grant in the path, and none in a query.
    return 307 if visitor.query and row.path.endswith("/index.m3u8") else row.found


async def generation(home: House, camera: str) -> str:
    """What stands in the addresses of a playlist's children, from a playlist."""
    async with await home.http.get(f"/{camera}/index.m3u8", headers=home.cookie("admin")) as response:
        found = re.search(r"^_hls/([0-9a-f]+)/live\.m3u8$", await response.text(), re.MULTILINE)
    assert found is not None
    return found[1]


async def status_of(home: House, row: Row, visitor: Visitor) -> int:
    path = visitor.prefix + row.path
    if GENERATION in path:
        path = path.replace(GENERATION, await generation(home, row.camera if row.camera in CAMERAS else "cam1"))
    if visitor.query:
        path += ("&" if "?" in path else "?") + visitor.query
    url = URL(path, encoded=True)
    if row.route == "GET /api/ws":
        try:
            async with home.http.ws_connect(url, headers=dict(visitor.headers)) as socket:
                assert (await socket.receive_json())["type"] == "state"
        except aiohttp.WSServerHandshakeError as error:
            return error.status
        return 101
    method = "GET" if row.method == "*" else row.method
    headers = {**row.headers, **visitor.headers}
    async with await home.http.request(method, url, data=row.body, headers=headers, allow_redirects=False) as response:
        body = await response.read()
        if response.status >= 400 and row.route != "POST /login" and not row.route.startswith("GET /{camera}/"):
            assert json.loads(body)["error"]["message"]
        if response.status == 201 and "Location" in response.headers:
            await home.http.delete(response.url.join(URL(response.headers["Location"])).path)
        return response.status


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as running:
        yield running


async def test_everybody_gets_in_where_they_may_and_nowhere_else(home: House) -> None:
    people, cells = await visitors(home), 0
    lines = [
        "# Who gets in where",
        "",
        "Made by `tests/web/test_matrix.py`, which asks a running gateway. ✓ let in, 401 not known, 403 known but not",
        f"allowed, 404 allowed but not there. `{UNKNOWN}` is not configured: who may not see it can't tell it from one",
        "that is. A grant is good for the same in the path, in the query and as Bearer; a password in the form and as",
        "Basic.",
        "",
        "| request | " + " | ".join(visitor.words for visitor in people) + " |",
        "|---" * (len(people) + 1) + "|",
    ]
    wrong = []
    for row in rows():
        shown = []
        for number in range(len(people)):
            # Refusing this often would otherwise be answered 429, guessing passwords too.
            home.clock.advance(60)
            home.http.session.cookie_jar.clear()
            visitor = (await visitors(home))[number]
            status, right = await status_of(home, row, visitor), expected(row, visitor)
            if status != right:
                wrong.append((row.route, row.path, visitor.words, status, right))
            cells += 1
            shown.append(LET_IN if status < 400 or status == row.found not in (403, 404) else str(status))
        lines.append(f"| {row.method.replace('*', 'GET')} `{row.path}` | " + " | ".join(shown) + " |")
    assert not wrong
    assert cells >= 120
    text = "\n".join([*lines, "", f"{cells} cells.", ""])
    if not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
        DOCUMENT.write_text(text, encoding="utf-8")
        raise AssertionError("docs/access-matrix.md was not up to date: it is now, look at it and commit it")


async def test_every_route_has_a_row(home: House) -> None:
    app = home.http.server.app  # type: ignore[attr-defined]
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert routes == {row.route for row in rows()}


async def test_a_route_that_nobody_thought_of_is_the_administrators(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        for path in ("/api/new", "/api/cameras/cam1/new", "/api/streams/new"):
            assert (await home.http.get(path, headers=basic("ann"))).status == 403
            assert (await home.http.get(path)).status == 401


async def test_lists_hold_what_somebody_may_see_and_nothing_else(home: House) -> None:
    for visitor in await visitors(home):
        if not visitor.known:
            continue
        path = f"{visitor.prefix}/api/cameras?{visitor.query}"
        listed = (await (await home.http.get(path, headers=visitor.headers)).json())["cameras"]
        streams = await (await home.http.get(path.replace("cameras", "streams"), headers=visitor.headers)).json()
        seen = visitor.sees - {UNKNOWN}
        names = {camera["name"] for camera in listed} - {"cam10"}
        assert names == set(streams) - {"cam10"} == seen, visitor.words
        # cam10 is not below cam1.
        assert ("cam10" in streams) == ("site1/yard" in visitor.sees and "cam1" in visitor.sees)
        after = await home.http.get(f"{path}&after=cam10", headers=visitor.headers)
        assert after.status == (200 if "cam10" in streams else 400)


async def test_who_may_not_see_a_camera_can_not_tell_whether_it_is_there(home: House) -> None:
    for method, path in (
        ("GET", "/{}/"),
        ("GET", "/{}/snapshot.jpg"),
        ("POST", "/{}/whep"),
        ("OPTIONS", "/{}/whep"),
        ("DELETE", "/{}/whep/none"),
        ("GET", "/api/cameras/{}"),
        ("POST", "/api/cameras/{}/sign"),
        ("GET", "/api/ws?src={}"),
        ("PUT", "/api/streams?name={}"),
        ("GET", "/api/cameras?after={}"),
    ):
        answers = []
        for name in ("site1/yard", "site1/none", "disabled"):
            response = await home.http.request(method, path.format(name), headers=home.cookie("ann"))
            answers.append((response.status, await response.text(), sorted(response.headers.keys())))
        assert answers[0] == answers[1] == answers[2], path


def test_the_cookie_has_the_name_that_logs_hide() -> None:
    assert COOKIE_NAME == "camera_gateway"
