"""`GET /api/cameras`: what every camera is doing."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest

from gateway.source.status import CameraState, ReasonCode
from gateway.web.gatekeeper import OPEN
from gateway.web.keys import GATEKEEPER
from tests.relay.units import AAC, OPUS_STREAM, VIDEO
from tests.web.conftest import Site
from tests.webrtc.client import watching
from tests.webrtc.stage import settled


async def cameras(site: Site, query: str = "") -> list[dict[str, Any]]:
    response = await site.http.get("/api/cameras" + query)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    body: dict[str, list[dict[str, Any]]] = await response.json()
    return body["cameras"]


async def names(site: Site, query: str) -> list[str]:
    return [camera["name"] for camera in await cameras(site, query)]


async def test_cameras_are_listed_in_their_order(site: Site) -> None:
    assert await names(site, "") == ["yard", "site1/gate", "site1/hall"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?prefix=site1/", ["site1/gate", "site1/hall"]),
        ("?prefix=none", []),
        ("?limit=2", ["yard", "site1/gate"]),
        ("?after=yard", ["site1/gate", "site1/hall"]),
        ("?after=site1/hall", []),
        ("?after=yard&limit=1", ["site1/gate"]),
        ("?prefix=site1/&after=site1/gate", ["site1/hall"]),
        ("?state=live", ["yard", "site1/gate", "site1/hall"]),
        ("?state=offline", []),
    ],
)
async def test_the_list_can_be_narrowed_down(site: Site, query: str, expected: list[str]) -> None:
    assert await names(site, query) == expected


async def test_cameras_are_found_by_state(site: Site) -> None:
    site.stage.publisher("site1/gate").state(CameraState.OFFLINE, "The camera does not answer")
    assert await names(site, "?state=offline") == ["site1/gate"]


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=-1", "?limit=x", "?limit=²", "?limit=1001", "?limit=", "?state=dead", "?after=none"]
)
async def test_a_question_that_makes_no_sense_is_refused_with_words(site: Site, query: str) -> None:
    response = await site.http.get("/api/cameras" + query)
    error = (await response.json())["error"]
    assert (response.status, error["code"]) == (400, "bad_request")
    assert query[1:].partition("=")[0] in error["message"]


async def test_a_live_camera_tells_all_about_itself(site: Site) -> None:
    source = site.stage.publisher()
    source.live(OPUS_STREAM)
    source.until_keyframe()
    (camera,) = await cameras(site, "?prefix=yard")
    mapping = site.stage.sessions.broadcasts.of(site.stage.camera().hub).clock_mapping()
    assert mapping is not None
    assert camera | {"since": 0, "video": None} == {
        "name": "yard",
        "state": "live",
        "reason": None,
        "since": 0,
        "retry_at": None,
        "video": None,
        "audio": {"codec": "opus"},
        "rungs": camera["rungs"],
        "clock": {
            "rtp_timestamp": mapping.rtp_timestamp,
            "clock_rate": 90_000,
            "captured_at": mapping.captured_at,
            "source": "gateway",
        },
        "viewers": {},
    }
    assert camera["rungs"]["webrtc"] == {"ok": True}
    assert camera["video"] | {"bitrate_bps": 0} == {
        "codec": VIDEO.codec_string,
        "width": 320,
        "height": 240,
        "fps": 30.0,
        "gop_s": 0.5,
        "b_frames": False,
        "bitrate_bps": 0,
    }


async def test_sound_that_cannot_be_had_says_why_and_leaves_the_picture(site: Site) -> None:
    site.stage.publisher().live(replace(OPUS_STREAM, audio=AAC))
    (camera,) = await cameras(site, "?prefix=yard")
    assert camera["rungs"]["webrtc"]["ok"] is True
    assert camera["rungs"]["webrtc"]["audio"]["code"] == "codec"
    assert "aac" in camera["rungs"]["webrtc"]["audio"]["message"].lower()


async def test_a_reason_is_in_words_without_address_or_password(site: Site) -> None:
    keeper = site.app[GATEKEEPER]
    keeper.policy = replace(keeper.policy, everybody=OPEN.everybody)
    site.stage.publisher().state(CameraState.OFFLINE, "Wrong user name or password", ReasonCode.AUTH_FAILED)
    response = await site.http.get("/api/cameras/yard")
    text = await response.text()
    assert (await response.json())["reason"] == {"code": "auth_failed", "message": "Wrong user name or password"}
    assert "192.0.2.10" not in text
    assert "canary" not in text


async def test_one_camera_can_be_asked_for(site: Site) -> None:
    response = await site.http.get("/api/cameras/site1/gate")
    assert (await response.json())["name"] == "site1/gate"


@pytest.mark.parametrize("name", ["nowhere", "site1", "site1/gate/x"])
async def test_an_unknown_camera_is_not_found(site: Site, name: str) -> None:
    response = await site.http.get(f"/api/cameras/{name}")
    assert (response.status, (await response.json())["error"]["code"]) == (404, "camera_not_found")


async def test_an_administrator_sees_what_the_media_port_dropped_and_why(site: Site) -> None:
    port = site.stage.port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in (b"", b"\x16x", b"\x16x", b"\xff"):
            stranger.sendto(datagram, ("127.0.0.1", port.number))
        await settled(lambda: sum(port.drops.values()) == 4, "they are not read")
    transport = (await (await site.http.get("/api/sessions")).json())["transport"]
    dropped = {"empty": 1, "not_ours": 1, "unvalidated": 2}
    moves = {"main": 0, "substream": 0}
    assert transport == {"connections": 0, "paths": 0, "dropped": dropped, "renditions": moves}


async def test_viewers_are_counted_while_they_watch(site: Site) -> None:
    async with watching(site.stage, camera="yard") as (viewer, session):
        (camera,) = await cameras(site, "?prefix=yard")
        assert camera["viewers"] == {"webrtc": 1}
        listed = (await (await site.http.get("/api/sessions")).json())["sessions"]
        assert [(s["id"], s["camera"], s["pair"]["protocol"]) for s in listed] == [(session.id, "yard", "udp")]
        assert session.secret not in str(listed)
        await viewer.close()
        async with asyncio.timeout(10):
            await session.ended.wait()
    (camera,) = await cameras(site, "?prefix=yard")
    assert camera["viewers"] == {}


async def test_a_viewer_can_be_sent_away(site: Site) -> None:
    async with watching(site.stage, camera="yard") as (viewer, session):
        await settled(lambda: viewer.video.packets, "nothing arrives")
        assert (await site.http.get(f"/api/sessions/{session.id}")).status == 200
        assert (await site.http.delete(f"/api/sessions/{session.id}")).status == 204
        assert session.ended.is_set()
        assert (await site.http.delete(f"/api/sessions/{session.id}")).status == 404
        assert (await (await site.http.get("/api/sessions?camera=yard")).json())["sessions"] == []
