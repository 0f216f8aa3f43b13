"""What WHEP's answers link to: TURN servers for those who were let in, HLS for those who can't have WebRTC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from gateway.negotiate.turn import Turn
from gateway.source.status import CameraState
from tests.relay.units import SILENT_STREAM, VIDEO
from tests.web.visitors import House, basic, bearer, house
from tests.webrtc.stage import offer

TURN = Turn(("turn:turn.example.org:3478", "turns:turn.example.org:443?transport=tcp"), "cAnArY-of-the-relay")
SDP = {"Content-Type": "application/sdp"}
HLS = "application/vnd.apple.mpegurl"


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, turn=TURN) as running:
        yield running


async def post(
    home: House, body: str = offer("chromium-video"), headers: Mapping[str, str] | None = None, *, path: str = ""
) -> aiohttp.ClientResponse:
    return await home.http.post(f"{path}/cam1/whep", data=body, headers=SDP | dict(headers or {}))


def links(response: aiohttp.ClientResponse) -> list[str]:
    return response.headers.getall("Link", [])


async def test_an_answer_names_the_turn_servers(home: House) -> None:
    for headers in (home.cookie("ann"), basic("ann"), bearer(home.grant("/cam1/"))):
        response = await post(home, headers=headers)
        assert response.status == 201
        told = links(response)
        assert [link.partition(";")[0] for link in told] == [f"<{url}>" for url in TURN.urls]
        assert all('; rel="ice-server"; username="' in link for link in told)
        assert all(link.endswith('; credential-type="password"') for link in told)
        assert not any(TURN.secret in link or "ann" in link.partition("username")[2] for link in told)


async def test_options_names_them_to_who_shows_a_grant_for_this_camera_and_to_nobody_else(home: House) -> None:
    good, other = home.grant("/cam1/"), home.grant("/site1/")
    for headers, path in ((bearer(good), ""), ({}, f"/g/{good}")):
        response = await home.http.options(f"{path}/cam1/whep", headers=headers)
        assert (response.status, len(links(response))) == (204, 2)
        assert response.headers["Cache-Control"] == "no-store"
    for headers, path in (
        ({}, ""),
        (home.cookie("ann"), ""),
        (basic("ann"), ""),
        (bearer(other), ""),
        (bearer(good[:-4] + "0000"), ""),
        (bearer(home.grant("/cam1/", lasts_s=-60)), ""),
        ({}, f"/g/{other}"),
    ):
        home.http.session.cookie_jar.clear()
        response = await home.http.options(f"{path}/cam1/whep", headers=headers)
        assert (response.status, links(response)) == (204, [])
    assert links(await home.http.options("/nosuch/whep", headers=bearer(home.grant("/")))) == []


@pytest.mark.parametrize("body", ["nonsense", offer("chromium-video").replace("H264", "VP8")])
async def test_an_offer_that_can_not_be_answered_is_sent_to_hls(home: House, body: str) -> None:
    token = home.grant("/cam1/")
    for headers, path in ((bearer(token), ""), ({}, f"/g/{token}")):
        response = await post(home, body, headers, path=path)
        assert response.status in (400, 422)
        (link,) = links(response)
        url, _, rest = link.removeprefix("<").partition(">")
        assert rest == f'; rel="alternate"; type="{HLS}"'
        assert URL(url).path == f"/g/{token}/cam1/index.m3u8"
        playlist = await home.http.get(URL(url).path)
        assert (playlist.status, playlist.content_type) == (200, HLS)


async def test_so_is_the_viewer_of_a_camera_that_webrtc_can_not_carry(home: House) -> None:
    home.stage.publisher("cam1").live(replace(SILENT_STREAM, video=replace(VIDEO, b_frames=True)))
    response = await post(home, headers=basic("ann"))
    assert response.status == 422
    assert 'rel="alternate"' in links(response)[0]


async def test_where_hls_would_not_help_nothing_is_linked(home: House) -> None:
    home.stage.publisher("cam1").state(CameraState.OFFLINE, "No answer from the camera")
    response = await post(home, headers=basic("ann"))
    assert (response.status, links(response)) == (409, [])
    assert links(await home.http.post("/nosuch/whep", data="x", headers=SDP | basic("admin"))) == []
    assert links(await post(home)) == [], "a stranger learns nothing"
