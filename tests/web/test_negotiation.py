"""`negotiate` over HTTP and on sockets: which addresses a viewer gets, and what opens them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from gateway.access.decision import Asked
from gateway.access.grants import PAGE_AGE_S, Grant, verify_grant
from gateway.access.throttle import ASKED_PER_SOCKET
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.edges.choice import Edge
from gateway.hls.packager import Lengths
from gateway.media.units import VideoCodec
from gateway.negotiate.policy import Place
from gateway.negotiate.turn import LONGEST_LIFE_S, Turn
from gateway.negotiate.wishes import RungName
from gateway.relay.camera import Camera
from gateway.source.status import CameraState, ReasonCode
from gateway.web.edge_places import EdgePlaces
from gateway.web.gatekeeper import Surroundings
from gateway.web.negotiation import MAX_BODY_BYTES, EmbeddedHls, Signed
from tests.relay.units import SILENT_STREAM, VIDEO
from tests.web.conftest import Http, Site
from tests.web.test_signalling import connected
from tests.web.visitors import API_KEYS, RULES, House, basic, bearer, house
from tests.webrtc.stage import DEADLINE_S, offer

TURN = Turn(("turn:turn.example.org:3478", "turns:turn.example.org:443?transport=tcp"), "cAnArY-of-the-relay")
ALL = ["webrtc", "mse", "ll-hls", "hls"]


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, turn=TURN) as running:
        yield running


async def negotiated(
    home: House,
    camera: str = "cam1",
    wishes: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    path: str = "",
) -> dict[str, Any]:
    response = await home.http.post(f"{path}/api/cameras/{camera}/negotiate", headers=headers, json=wishes or {})
    assert response.status == 200, await response.text()
    assert response.headers["Cache-Control"] == "no-store"
    answer: dict[str, Any] = await response.json()
    return answer


def by_rung(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rung["rung"]: rung for rung in answer["rungs"]}


def token_in(url: str) -> str:
    return URL(url).path.split("/")[2]


def verified(home: House, token: str, camera: str) -> Grant:
    grant = verify_grant(token, camera=camera, keys=home.keeper.policy.keys, now=home.clock.now())
    assert isinstance(grant, Grant)
    return grant


async def test_somebody_signed_in_gets_addresses_with_a_grant_for_this_camera_alone(home: House) -> None:
    for headers in (home.cookie("ann"), basic("ann"), bearer(API_KEYS["viewer"])):
        answer = await negotiated(home, headers=headers)
        assert [rung["rung"] for rung in answer["rungs"]] == ALL
        assert (answer["version"], answer["state"], answer["absent"]) == (1, "live", [])
        (token,) = {token_in(rung["url"]) for rung in answer["rungs"]}
        grant = verified(home, token, "cam1")
        assert (grant.prefix, grant.expires) == ("/cam1/", int(home.clock.now()) + PAGE_AGE_S)
        assert {rung["expires_at"] for rung in answer["rungs"]} == {grant.expires}


async def test_the_addresses_open_what_they_say(home: House) -> None:
    rungs = by_rung(await negotiated(home, headers=home.cookie("ann")))
    home.http.session.cookie_jar.clear()
    whep = await home.http.post(
        URL(rungs["webrtc"]["url"]).path, data=offer("chromium-video"), headers={"Content-Type": "application/sdp"}
    )
    assert whep.status == 201
    assert rungs["mse"]["url"].startswith("ws://")
    async with home.http.ws_connect(URL(rungs["mse"]["url"]).path_qs) as socket:
        assert (await socket.receive_json())["type"] == "state"
    for name in ("ll-hls", "hls"):
        playlist = await home.http.get(URL(rungs[name]["url"]).path)
        assert (playlist.status, playlist.content_type) == (200, "application/vnd.apple.mpegurl")


@pytest.mark.parametrize("prefix", ["/cam1/", "/"])
async def test_who_came_by_a_grant_keeps_to_it(home: House, prefix: str) -> None:
    token = home.grant(prefix, lasts_s=90)
    for headers, path in ((bearer(token), ""), (None, f"/g/{token}")):
        answer = await negotiated(home, headers=headers, path=path)
        assert {token_in(rung["url"]) for rung in answer["rungs"]} == {token}
        assert {rung["expires_at"] for rung in answer["rungs"]} == {int(home.clock.now() + 90)}


async def test_a_session_that_ends_sooner_ends_its_addresses(home: House) -> None:
    cookie = home.cookie("ann")
    session = home.keeper.session_of(Asked("GET", "/", cookie=(cookie["Cookie"],)))
    assert session is not None
    home.clock.advance(session.expires - home.clock.now() - 60)
    answer = await negotiated(home, headers=cookie)
    assert {rung["expires_at"] for rung in answer["rungs"]} == {session.expires}


async def test_nothing_is_signed_where_everybody_may_watch(site: Site) -> None:
    answer = await (await site.http.post("/api/cameras/site1/gate/negotiate")).json()
    rungs = by_rung(answer)
    root = str(site.http.make_url("/"))
    assert rungs["webrtc"]["url"] == f"{root}site1/gate/whep"
    assert rungs["mse"]["url"] == f"{root.replace('http', 'ws')}api/ws?src=site1/gate"
    assert rungs["webrtc"]["expires_at"] is None
    assert rungs["webrtc"]["ice_servers"] == []
    assert {missing["rung"]: missing["code"] for missing in answer["absent"]} == {"ll-hls": "config", "hls": "config"}


async def test_addresses_are_below_the_configured_one(tmp_path: Path) -> None:
    around = Surroundings(base_url="https://cams.example.org/live", base_path="/live")
    async with house(tmp_path, surroundings=around) as home:
        rungs = by_rung(await negotiated(home, headers=basic("ann"), path="/live"))
        token = token_in(rungs["webrtc"]["url"].replace("/live", ""))
        assert rungs["webrtc"]["url"] == f"https://cams.example.org/live/g/{token}/cam1/whep"
        assert rungs["mse"]["url"] == f"wss://cams.example.org/live/g/{token}/api/ws?src=cam1"
        assert rungs["hls"]["url"] == f"https://cams.example.org/live/g/{token}/cam1/index.m3u8"


async def test_turn_servers_come_with_names_that_are_no_persons_and_end_soon(home: House) -> None:
    token = home.grant("/cam1/", lasts_s=3000)
    (server,) = by_rung(await negotiated(home, headers=bearer(token)))["webrtc"]["ice_servers"]
    assert server["urls"] == list(TURN.urls)
    end, _, holder = server["username"].partition(":")
    assert (int(end), holder) == (int(home.clock.now()) + LONGEST_LIFE_S, token.split(".")[2])


@pytest.mark.parametrize("by", ["a session", "a password"])
async def test_whoever_asks_again_counts_once_in_the_relays_limits(home: House, by: str) -> None:
    holders = set()
    headers = home.cookie("ann") if by == "a session" else basic("ann")
    for _ in range(2):
        (server,) = by_rung(await negotiated(home, headers=headers))["webrtc"]["ice_servers"]
        end, _, holder = server["username"].partition(":")
        assert int(end) == int(home.clock.now()) + PAGE_AGE_S
        holders.add(holder)
    assert len(holders) == 1
    assert not any("ann" in holder for holder in holders)


async def test_a_viewer_who_may_not_relay_gets_no_turn_servers(home: House) -> None:
    answer = await negotiated(home, wishes={"candidates": ["udp", "tcp"]}, headers=basic("ann"))
    assert by_rung(answer)["webrtc"]["ice_servers"] == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "not JSON"),
        (b"[]", 400, "negotiate: must be an object"),
        (b'{"mode": "fast"}', 400, "mode: must be one of ultra-low, balanced, stable"),
        (b'{"failures": [{"rung": "mse"}]}', 400, r"failures[0].age_s"),
        (b'{"x": "' + b"y" * MAX_BODY_BYTES + b'"}', 413, "at most"),
    ],
)
async def test_nonsense_is_refused_with_the_key_that_is_wrong(site: Site, body: bytes, status: int, says: str) -> None:
    response = await site.http.post("/api/cameras/yard/negotiate", data=body)
    assert response.status == status
    assert says in (await response.json())["error"]["message"]


async def test_what_the_camera_sends_decides_which_rungs_there_are(home: House) -> None:
    publisher = home.stage.publisher("cam1")
    publisher.live(replace(SILENT_STREAM, video=replace(VIDEO, b_frames=True)))
    answer = await negotiated(home, headers=basic("ann"))
    assert list(by_rung(answer)) == ["mse", "ll-hls", "hls"]
    (missing,) = answer["absent"]
    assert (missing["rung"], missing["code"]) == ("webrtc", "b_frames")
    assert "message" not in answer


async def test_a_camera_that_sends_what_nothing_carries_has_no_rungs_and_says_why(home: House) -> None:
    publisher = home.stage.publisher("cam1")
    publisher.live(replace(SILENT_STREAM, video=replace(VIDEO, codec=VideoCodec.OTHER, codec_name="MJPEG")))
    publisher.state(CameraState.UNSUPPORTED, "This camera sends MJPEG", ReasonCode.CODEC)
    answer = await negotiated(home, headers=basic("ann"))
    assert (answer["rungs"], answer["state"]) == ([], "unsupported")
    assert {missing["code"] for missing in answer["absent"]} == {"codec"}
    assert "MJPEG" in answer["message"]


async def test_a_camera_that_does_not_answer_keeps_its_rungs_and_the_reason_is_told(home: House) -> None:
    home.stage.publisher("cam1").state(CameraState.OFFLINE, "No answer from the camera")
    answer = await negotiated(home, headers=basic("ann"))
    assert (list(by_rung(answer)), answer["state"]) == (ALL, "offline")
    assert answer["message"] == "No answer from the camera"
    assert "192.0.2" not in json.dumps(answer)


async def test_a_sleeping_camera_is_not_woken_and_gets_time_to_wake(home: House) -> None:
    publisher = home.stage.publisher("cam1")
    awake = by_rung(await negotiated(home, headers=basic("ann")))["webrtc"]["timeout_s"]
    publisher.state(CameraState.IDLE)
    answer = await negotiated(home, headers=basic("ann"))
    assert answer["state"] == "idle"
    assert by_rung(answer)["webrtc"]["timeout_s"] == awake + 10
    assert home.stage.camera("cam1").status.state is CameraState.IDLE


async def test_latencies_come_from_the_configured_lengths(home: House) -> None:
    rungs = by_rung(await negotiated(home, headers=basic("ann")))
    # Parts of 0.17 s, segments and groups of pictures of at most 1 s.
    assert rungs["ll-hls"]["latency_s"] == pytest.approx(3.5 * 0.17 + 0.1, abs=0.05)
    assert rungs["hls"]["latency_s"] == pytest.approx(3.5 * 1 + 0.1, abs=0.05)


async def test_a_wall_of_sixteen_tiles_is_let_in_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, rules=replace(RULES, writes_per_s=10)) as home:
        headers = home.cookie("ann")

        async def tile() -> int:
            await negotiated(home, headers=headers)
            response = await home.http.post(
                "/api/report", json={"camera": "cam1", "session": "tile-0001"}, headers=headers
            )
            return response.status

        assert await asyncio.gather(*(tile() for _ in range(16))) == [204] * 16


# On sockets.


async def test_a_socket_answers_in_its_own_envelope(site: Site) -> None:
    async with connected(site) as socket:
        await socket.send("negotiate", {"version": 1, "allow": ["webrtc", "mse"]})
        value = (await socket.next("negotiate", "error"))["value"]
        assert [rung["rung"] for rung in value["rungs"]] == ["webrtc", "mse"]
        assert (
            value
            == await (await site.http.post("/api/cameras/yard/negotiate", json={"allow": ["webrtc", "mse"]})).json()
        )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "must be an object"),
        ([], "must be an object"),
        ({"mode": "fast"}, "mode: must be one of ultra-low, balanced, stable"),
        ("stable", "must be an object"),
    ],
)
async def test_a_socket_says_which_key_is_wrong_and_stays_open(site: Site, value: object, says: str) -> None:
    async with connected(site) as socket:
        await socket.send("negotiate", value)
        assert (await socket.next("error"))["value"].startswith(f"negotiate: {says}")
        assert await socket.alive()


async def test_a_socket_that_asks_too_often_is_told_to_wait(site: Site) -> None:
    async with connected(site) as socket:
        for _ in range(ASKED_PER_SOCKET.burst):
            await socket.send("negotiate", {})
            await socket.next("negotiate")
        await socket.send("negotiate", {})
        assert "too many at once" in (await socket.next("error"))["value"]


async def test_after_a_renewal_addresses_come_with_the_fresh_grant(home: House) -> None:
    first, second = home.grant("/cam1/"), home.grant("/cam1/", lasts_s=900)
    async with home.http.ws_connect(f"/g/{first}/api/ws?src=cam1") as socket:
        for message in ({"type": "grant", "value": second}, {"type": "negotiate", "value": {}}):
            await socket.send_str(json.dumps(message))
        value = (await received(socket, "negotiate"))["value"]
    assert {token_in(rung["url"]) for rung in value["rungs"]} == {second}


async def received(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            message: dict[str, Any] = json.loads(await socket.receive_str())
            if message["type"] == kind:
                return message


async def test_others_can_say_where_hls_is(home: House) -> None:
    def elsewhere(camera: Camera, signed: Signed) -> Mapping[RungName, Place]:
        url = f"https://edge/{camera.name}/{signed.grant_id}"
        return {RungName.LL_HLS: Place(url, 2.0, signed.expires_at)}

    stage = home.stage
    app = build_app(
        stage.registry, stage.sessions, home.keeper, clock=home.clock, folder=static_dir(), places=elsewhere
    )
    token = home.grant("/cam1/")
    async with TestClient(TestServer(app)) as http:
        answer = await (await http.post(f"/g/{token}/api/cameras/cam1/negotiate")).json()
    rungs = by_rung(answer)
    assert (rungs["ll-hls"]["url"], rungs["ll-hls"]["latency_s"]) == (f"https://edge/cam1/{token.split('.')[2]}", 2.0)
    assert "hls" not in rungs


# Edges.

EU, US = Edge("https://eu.example.org", frozenset({"eu"})), Edge("https://us.example.org", frozenset({"us"}))


@asynccontextmanager
async def behind(home: House, *edges: Edge, at_mediamtx: bool = False) -> AsyncIterator[Http]:
    """The same gateway with edges that answer."""
    stage = home.stage

    def elsewhere(camera: str, token: str) -> str | None:
        return f"https://hub.example.org/hls/{camera}/index.m3u8?grant={token}" if at_mediamtx else None

    places = EdgePlaces(
        EmbeddedHls(Lengths(), signed_elsewhere=elsewhere), lambda: list(edges), signed_elsewhere=elsewhere
    )
    app = build_app(stage.registry, stage.sessions, home.keeper, clock=home.clock, folder=static_dir(), places=places)
    async with TestClient(TestServer(app)) as http:
        yield http


@pytest.mark.parametrize(
    ("wishes", "header", "ll_hls", "hls"),
    [
        ({}, None, "eu", "us"),
        ({"region": "us"}, None, "us", "eu"),
        ({}, "US", "us", "eu"),
        ({"region": "eu"}, "us", "eu", "us"),
        ({"region": "asia"}, None, "eu", "us"),
        ({"allow": ["hls"], "region": "us"}, None, None, "us"),
        ({"failures": [{"rung": "ll-hls", "reason": "network", "age_s": 5}]}, None, "127.0.0.1", "us"),
        ({"failures": [{"rung": "ll-hls", "reason": "network", "age_s": 900}]}, None, "eu", "us"),
    ],
)
async def test_hls_leads_to_the_edge_of_the_viewers_region(
    home: House, wishes: dict[str, Any], header: str | None, ll_hls: str | None, hls: str
) -> None:
    token = home.grant("/cam1/")
    async with behind(home, EU, US) as http:
        headers = {} if header is None else {"X-Viewer-Region": header}
        response = await http.post(f"/g/{token}/api/cameras/cam1/negotiate", json=wishes, headers=headers)
        rungs = by_rung(await response.json())
    for name, place in (("ll-hls", ll_hls), ("hls", hls)):
        if place is None:
            assert name not in rungs
            continue
        url = URL(rungs[name]["url"])
        assert str(url.host).partition(".example.org")[0] == place
        assert url.path == f"/g/{token}/cam1/index.m3u8"


async def test_without_an_edge_that_answers_the_gateway_itself_serves(home: House) -> None:
    token = home.grant("/cam1/")
    async with behind(home) as http:
        rungs = by_rung(await (await http.post(f"/g/{token}/api/cameras/cam1/negotiate")).json())
        assert {URL(rungs[name]["url"]).host for name in ("ll-hls", "hls")} == {"127.0.0.1"}


async def test_while_mediamtx_has_the_camera_edges_lead_there(home: House) -> None:
    token = home.grant("/cam1/")
    edge = replace(EU, mediamtx="https://eu.example.org/hls")
    async with behind(home, edge, at_mediamtx=True) as http:
        rungs = by_rung(await (await http.post(f"/g/{token}/api/cameras/cam1/negotiate")).json())
    assert rungs["ll-hls"]["url"] == f"https://eu.example.org/hls/g/{token}/cam1/index.m3u8"
    assert rungs["hls"]["url"] == f"https://hub.example.org/hls/cam1/index.m3u8?grant={token}"


async def test_a_whep_refusal_names_the_edge(home: House) -> None:
    token = home.grant("/cam1/")
    async with behind(home, EU) as http:
        response = await http.post(f"/g/{token}/cam1/whep", data="v=0", headers={"Content-Type": "text/plain"})
    assert response.status == 415
    assert f"<https://eu.example.org/g/{token}/cam1/index.m3u8>" in response.headers["Link"]
