"""WHEP (draft-ietf-wish-whep) and go2rtc's `POST /api/webrtc`, status by status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiortc.sdp import SessionDescription
from yarl import URL

from gateway.app import build_app
from gateway.assets import static_dir
from gateway.clock import SYSTEM_CLOCK
from gateway.source.status import CameraState
from gateway.webrtc.offers import read_offer
from gateway.webrtc.room import Caps
from gateway.webrtc.sdp import MAX_OFFER_BYTES
from tests.relay.units import SILENT_STREAM
from tests.web.conftest import Site, open_gatekeeper
from tests.webrtc.client import client
from tests.webrtc.stage import offer, settled, stage

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
OFFER = offer("chromium-video")


async def post(site: Site, body: str | bytes = OFFER, *, camera: str = "yard") -> aiohttp.ClientResponse:
    return await site.http.post(f"/{camera}/whep", data=body, headers=SDP)


async def refusal(response: aiohttp.ClientResponse) -> tuple[int, str]:
    """Status and code of a refusal, which has words too and leaves no session behind."""
    error = (await response.json())["error"]
    assert error["message"]
    return response.status, error["code"]


def location(response: aiohttp.ClientResponse) -> str:
    """The session's address, resolved as a client does."""
    return response.url.join(URL(response.headers["Location"])).path


@pytest.mark.parametrize("camera", ["yard", "site1/gate"])
async def test_an_offer_is_answered_with_a_session(site: Site, camera: str) -> None:
    response = await post(site, camera=camera)
    assert response.status == 201
    assert response.content_type == "application/sdp"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["ETag"].startswith('"')
    secret = location(response).removeprefix(f"/{camera}/whep/")
    assert len(secret) >= 32
    (media,) = SessionDescription.parse(await response.text()).media
    assert media.direction == "sendonly"
    assert (await site.http.delete(location(response))).status == 200


async def test_sessions_end_by_delete_and_only_once(site: Site) -> None:
    path = location(await post(site))
    assert (await site.http.get(path)).status == 204
    assert (await site.http.head(path)).status == 204
    assert (await site.http.delete(path, headers={"If-Match": '"stale"'})).status == 200
    assert await refusal(await site.http.delete(path)) == (404, "session_not_found")
    assert await refusal(await site.http.get(path)) == (404, "session_not_found")
    assert (len(site.stage.sessions), site.stage.port.agent_count) == (0, 0)


async def test_a_session_belongs_to_its_camera(site: Site) -> None:
    path = location(await post(site)).replace("/yard/", "/site1/gate/")
    for method in ("GET", "DELETE", "PATCH"):
        response = await site.http.request(method, path, headers=FRAGMENT | {"If-Match": "*"})
        assert await refusal(response) == (404, "session_not_found")
    assert len(site.stage.sessions) == 1


async def test_an_unknown_camera_is_not_found(site: Site) -> None:
    assert await refusal(await post(site, camera="nowhere")) == (404, "camera_not_found")
    # A preflight shows nothing, so it learns nothing.
    assert (await site.http.options("/nowhere/whep")).status == (await site.http.options("/yard/whep")).status == 204


async def test_an_offline_camera_says_why_and_when_to_try_again(site: Site) -> None:
    site.stage.publisher().state(CameraState.OFFLINE, "The camera does not answer")
    response = await post(site)
    assert response.headers["Retry-After"].isdigit()
    assert (await response.json())["error"] == {"code": "camera_offline", "message": "The camera does not answer"}
    assert response.status == 409


async def test_a_camera_that_cannot_be_shown_says_why(site: Site) -> None:
    site.stage.publisher().state(CameraState.UNSUPPORTED, "This camera sends H.265")
    assert await refusal(await post(site)) == (422, "unsupported")


async def test_a_stalled_camera_is_answered_still(site: Site) -> None:
    site.stage.publisher().state(CameraState.STALLED)
    assert (await post(site)).status == 201


async def test_an_offer_waits_for_a_camera_that_is_being_opened(site: Site) -> None:
    source = site.stage.publisher()
    source.state(CameraState.CONNECTING)
    waiting = asyncio.create_task(post(site))
    await settled(lambda: source.camera._watchers == 1, "the viewer is not counted")
    source.live(SILENT_STREAM)
    assert (await waiting).status == 201


async def test_a_client_that_leaves_while_it_waits_leaves_nothing(site: Site) -> None:
    source = site.stage.publisher()
    source.state(CameraState.CONNECTING)
    waiting = asyncio.create_task(post(site))
    await settled(lambda: source.camera._watchers == 1, "the viewer is not counted")
    waiting.cancel()
    await asyncio.wait([waiting])
    # Handlers are cancelled where the gateway serves (handler_cancellation); the waiting ends here by the state.
    source.state(CameraState.OFFLINE, "The camera does not answer")
    await settled(lambda: source.camera._watchers == 0, "the viewer is still counted")
    assert (len(site.stage.sessions), site.stage.port.agent_count) == (0, 0)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("", (400, "bad_sdp"), id="empty"),
        pytest.param("hello", (400, "bad_sdp"), id="not SDP"),
        pytest.param(b"\xff\xfe\xfd", (400, "bad_request"), id="not text"),
        pytest.param("v=0\r\ns=-\r\n", (400, "bad_sdp"), id="no section"),
        pytest.param(OFFER + "a=x\r\n" * MAX_OFFER_BYTES, (413, "too_large"), id="too large"),
        pytest.param(OFFER.replace("H264", "VP9"), (422, "no_h264"), id="no H.264"),
        pytest.param(offer("chromium-sendonly"), (422, "nothing_to_send"), id="wants to send"),
        pytest.param(OFFER.replace("s=-", "s=-\r\na=ice-lite"), (422, "ice_lite"), id="ICE-lite"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_its_reason(
    site: Site, body: str | bytes, expected: tuple[int, str]
) -> None:
    assert await refusal(await post(site, body)) == expected
    assert (len(site.stage.sessions), site.stage.port.agent_count) == (0, 0)


async def test_a_body_too_large_is_refused_also_when_its_length_is_not_told(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 4096

    response = await site.http.post("/yard/whep", data=endless(), headers=SDP)
    assert await refusal(response) == (413, "too_large")


async def test_a_body_that_never_comes_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.webrtc.whep.BODY_DEADLINE_S", 0.05)
    never = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"v=0\r\n"
        await never.wait()

    response = await site.http.post("/yard/whep", data=slow(), headers=SDP)
    assert await refusal(response) == (400, "bad_request")
    never.set()


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/sdpx", "multipart/form-data"])
async def test_another_type_is_refused(site: Site, content_type: str) -> None:
    response = await site.http.post("/yard/whep", data=OFFER, headers={"Content-Type": content_type})
    assert await refusal(response) == (415, "unsupported_media_type")


async def test_parameters_of_the_type_mean_nothing(site: Site) -> None:
    response = await site.http.post(
        "/yard/whep", data=OFFER, headers={"Content-Type": "application/SDP; charset=utf-8"}
    )
    assert response.status == 201


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_the_endpoint_takes_offers_only(site: Site, method: str) -> None:
    response = await site.http.request(method, "/yard/whep", data=OFFER, headers=SDP)
    assert response.status == 405
    assert {"POST", "OPTIONS"} <= {allowed.strip() for allowed in response.headers["Allow"].split(",")}


async def test_a_session_takes_no_offers(site: Site) -> None:
    path = location(await post(site))
    assert (await site.http.post(path, data=OFFER, headers=SDP)).status == 405


async def test_options_say_what_can_be_sent(site: Site) -> None:
    endpoint = await site.http.options("/yard/whep")
    assert (endpoint.status, endpoint.headers["Accept-Post"]) == (204, "application/sdp")
    session = await site.http.options(location(await post(site)))
    assert (session.status, session.headers["Accept-Patch"]) == (204, "application/trickle-ice-sdpfrag")
    assert {"DELETE", "GET", "PATCH"} <= {method.strip() for method in session.headers["Allow"].split(",")}


async def patch(
    site: Site, response: aiohttp.ClientResponse, body: str, headers: dict[str, str]
) -> aiohttp.ClientResponse:
    return await site.http.patch(location(response), data=body, headers=headers)


UFRAG = next(line for line in OFFER.splitlines() if line.startswith("a=ice-ufrag"))


@pytest.mark.parametrize(
    "fragment",
    [
        f"{UFRAG}\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n",
        "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n",
        "a=mid:0\r\na=end-of-candidates\r\n",
    ],
)
async def test_trickled_candidates_are_welcome(site: Site, fragment: str) -> None:
    session = await post(site)
    response = await patch(site, session, fragment, FRAGMENT | {"If-Match": session.headers["ETag"]})
    assert response.status == 204
    assert "ETag" not in response.headers


async def test_a_patch_without_or_with_a_stale_condition_is_refused(site: Site) -> None:
    session = await post(site)
    fragment = f"{UFRAG}\r\na=end-of-candidates\r\n"
    assert await refusal(await patch(site, session, fragment, FRAGMENT)) == (428, "precondition_required")
    stale = FRAGMENT | {"If-Match": '"stale"'}
    assert await refusal(await patch(site, session, fragment, stale)) == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("fragment", "content_type", "expected"),
    [
        ("a=end-of-candidates\r\n", "application/sdp", (415, "unsupported_media_type")),
        ("hello", FRAGMENT["Content-Type"], (422, "bad_fragment")),
        ("a=ice-ufrag:x\r\n", FRAGMENT["Content-Type"], (400, "bad_fragment")),
        ("a=ice-ufrag:a b c d\r\n", FRAGMENT["Content-Type"], (400, "bad_fragment")),
        ("a=ice-ufrag:ééééé\r\na=ice-pwd:" + "p" * 22 + "\r\n", FRAGMENT["Content-Type"], (400, "bad_fragment")),
        ("a=ice-ufrag:fresh\r\n", FRAGMENT["Content-Type"], (422, "no_ice_restart")),
        ("a=ice-ufrag:fresh\r\na=ice-pwd:" + "p" * 22 + "\r\n", FRAGMENT["Content-Type"], (422, "no_ice_restart")),
        ("a=x\r\n" * 9000, FRAGMENT["Content-Type"], (413, "too_large")),
    ],
)
async def test_a_patch_that_makes_no_sense_is_refused_and_the_session_lives(
    site: Site, fragment: str, content_type: str, expected: tuple[int, str]
) -> None:
    session = await post(site)
    headers = {"Content-Type": content_type, "If-Match": session.headers["ETag"]}
    assert await refusal(await patch(site, session, fragment, headers)) == expected
    assert (await site.http.get(location(session))).status == 204


@pytest.mark.parametrize("condition", ["*", "etag"])
async def test_a_connected_viewer_restarts_ice_by_patch(site: Site, condition: str) -> None:
    async with client() as viewer:
        response = await post(site, await viewer.offer())
        await viewer.accept(await response.text())
        await settled(lambda: site.stage.sessions.viewers(site.stage.camera()), "the viewer does not connect")
        etag = response.headers["ETag"]
        fragment = "a=ice-ufrag:fresh\r\na=ice-pwd:" + "p" * 22 + "\r\n"
        restarted = await patch(
            site, response, fragment, FRAGMENT | {"If-Match": etag if condition == "etag" else condition}
        )
        assert restarted.status == 200
        assert restarted.content_type == FRAGMENT["Content-Type"]
        assert restarted.headers["ETag"] not in ("", etag)
        lines = (await restarted.text()).splitlines()
        old = (await response.text()).splitlines()
        for name in ("a=ice-ufrag:", "a=ice-pwd:"):
            assert [line for line in lines if line.startswith(name)]
            assert not {line for line in lines if line.startswith(name)} & set(old)
        # Media goes on meanwhile: the viewer was not told to leave.
        site.stage.publisher().pictures(3)
        await settled(lambda: len(viewer.video.pictures()) == 18, "the pictures do not go on")


async def test_over_the_cap_there_is_a_503_and_when_to_try_again() -> None:
    async with stage(("yard", "gate"), caps=Caps(total=2, per_camera=1)) as running:
        gatekeeper = open_gatekeeper(running.registry)
        app = build_app(running.registry, running.sessions, gatekeeper, clock=SYSTEM_CLOCK, folder=static_dir())
        async with TestClient(TestServer(app)) as http:
            statuses = []
            for camera in ("yard", "yard", "gate", "gate"):
                response = await http.post(f"/{camera}/whep", data=OFFER, headers=SDP)
                statuses.append(response.status)
                if response.status == 503:
                    assert response.headers["Retry-After"].isdigit()
            assert statuses == [201, 503, 201, 503]


async def test_the_cap_holds_also_for_offers_that_wait_together() -> None:
    async with stage(caps=Caps(total=2, per_camera=2)) as running:
        source = running.publisher()
        source.state(CameraState.CONNECTING)
        opening = [
            asyncio.create_task(running.sessions.open(running.camera(), read_offer(OFFER), host=None)) for _ in range(6)
        ]
        # Who waits for a camera counts as well, else any number could wait.
        await settled(lambda: sum(task.done() for task in opening) == 4, "the surplus is not refused")
        assert running.camera()._watchers == 2
        source.live(SILENT_STREAM)
        results = await asyncio.gather(*opening, return_exceptions=True)
        assert sum(not isinstance(result, BaseException) for result in results) == 2
        assert len(running.sessions) == 2


# go2rtc's form.


async def test_go2rtcs_sdp_offer_is_answered(site: Site) -> None:
    response = await site.http.post("/api/webrtc?src=site1/gate", data=OFFER, headers=SDP)
    assert (response.status, response.content_type) == (201, "application/sdp")
    assert (await response.text()).startswith("v=0")


async def test_go2rtcs_json_offer_is_answered(site: Site) -> None:
    response = await site.http.post("/api/webrtc?src=yard", json={"type": "offer", "sdp": OFFER})
    assert response.status == 200
    answer: dict[str, Any] = await response.json()
    assert answer["type"] == "answer"
    assert answer["sdp"].startswith("v=0")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        '{"type": "answer", "sdp": "v=0"}',
        '{"type": "offer", "sdp": 1}',
        "[" * 60_000,
        '"\\ud800"',
    ],
)
async def test_go2rtcs_json_that_is_no_offer_is_refused(site: Site, body: str) -> None:
    response = await site.http.post("/api/webrtc?src=yard", data=body, headers={"Content-Type": "application/json"})
    assert await refusal(response) == (400, "bad_request")


async def test_go2rtcs_json_offer_may_hold_no_half_character(site: Site) -> None:
    response = await site.http.post("/api/webrtc?src=yard", json={"type": "offer", "sdp": OFFER + "a=mid:\ud800"})
    assert await refusal(response) == (400, "bad_sdp")


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", SDP, (400, "bad_query")),
        ("?src=nowhere", SDP, (404, "camera_not_found")),
        ("?src=yard", {"Content-Type": "image/png"}, (415, "unsupported_media_type")),
    ],
)
async def test_go2rtcs_offer_is_refused_as_whep_would(
    site: Site, query: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert await refusal(await site.http.post("/api/webrtc" + query, data=OFFER, headers=headers)) == expected


async def test_a_restart_that_arrives_after_the_session_ended_finds_nothing_and_leaves_nothing(site: Site) -> None:
    answer = await site.http.post("/yard/whep", data=OFFER, headers=SDP)
    location = f"/yard/{answer.headers['Location']}"
    session = site.stage.sessions.find(location.rpartition("/")[2])

    async def slow_body() -> AsyncIterator[bytes]:
        yield b"a=ice-ufrag:abcd\r\n"
        assert (await site.http.delete(location)).status == 200
        yield b"a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"

    headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
    response = await site.http.patch(location, data=slow_body(), headers=headers)
    assert await refusal(response) == (404, "session_not_found")
    assert site.stage.port.agent_count == 0
    with pytest.raises(ConnectionError):
        session.peer.restart_ice(ufrag="abcd", password="abcdefghijklmnopqrstuvwx")


# Modes, and where else to go.


async def test_a_player_chooses_its_mode_in_the_address(site: Site) -> None:
    assert (await site.http.post("/yard/whep?mode=stable", data=OFFER, headers=SDP)).status == 201
    assert (await site.http.post("/api/webrtc?src=yard&mode=balanced", data=OFFER, headers=SDP)).status == 201
    assert [session.mode.value for session in site.stage.sessions] == ["stable", "balanced"]


async def test_a_player_changes_its_mode_while_it_plays(site: Site) -> None:
    session = await site.http.post("/yard/whep", data=OFFER, headers=SDP)
    etag = {"If-Match": session.headers["ETag"]}
    address = f"{location(session)}?mode=stable"
    answer = await site.http.patch(address, data="a=end-of-candidates", headers=FRAGMENT | etag)
    assert answer.status == 204
    assert [session.mode.value for session in site.stage.sessions] == ["stable"]
    stale = FRAGMENT | {"If-Match": '"another"'}
    for query, headers, status in (
        ("mode=balanced", stale, 412),
        ("mode=fast", FRAGMENT | etag, 400),
        ("", FRAGMENT | etag, 204),
    ):
        answer = await site.http.patch(f"{location(session)}?{query}", data="a=end-of-candidates", headers=headers)
        assert answer.status == status
    assert [session.mode.value for session in site.stage.sessions] == ["stable"]


async def test_an_unknown_mode_is_refused_in_words(site: Site) -> None:
    response = await site.http.post("/yard/whep?mode=fast", data=OFFER, headers=SDP)
    assert await refusal(response) == (400, "bad_request")
    assert len(site.stage.sessions) == 0


async def test_without_hls_a_refusal_links_to_nothing(site: Site) -> None:
    response = await site.http.post("/yard/whep", data="nonsense", headers=SDP)
    assert response.status == 400
    assert "Link" not in response.headers
