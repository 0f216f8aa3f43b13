"""`/api/ws?src=`: go2rtc's dialects and our own messages, over a real WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import Any
from unittest import mock

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from aiortc.sdp import SessionDescription

from gateway.clock import SYSTEM_CLOCK
from gateway.hls.mse import Mse
from gateway.negotiate.modes import Mode
from gateway.relay.camera import Camera
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.asking import Answers
from gateway.webrtc.candidates import host_candidates
from gateway.webrtc.renditions import TOO_NARROW, Rendition
from gateway.webrtc.sdp import Offer, parse_offer
from gateway.webrtc.session import Session
from gateway.webrtc.signalling import Caller, Signalling
from tests.relay.units import OPUS_STREAM, SILENT_STREAM
from tests.web.conftest import Site
from tests.webrtc.client import client
from tests.webrtc.stage import DEADLINE_S, offer, settled

OFFER = offer("chromium-video")


def ufrags(sdp: str) -> set[str]:
    """The ICE user name fragments of a description."""
    return set(re.findall("^a=ice-ufrag:(.*?)\r?$", sdp, re.MULTILINE))


class Socket:
    """A client's end; `next` passes over other types."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.raw = socket

    async def send(self, kind: str, value: object = None) -> None:
        await self.raw.send_str(json.dumps({"type": kind, "value": value}))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            message: dict[str, Any] = json.loads(await self.raw.receive_str())
        return message

    async def next(self, *kinds: str) -> dict[str, Any]:
        while True:
            message = await self.receive()
            if message["type"] in kinds:
                return message

    async def alive(self) -> bool:
        """The socket still answers."""
        await self.send("clock", {"t0": 1})
        return bool(await self.next("clock"))


@asynccontextmanager
async def connected(site: Site, camera: str = "yard", **headers: str) -> AsyncIterator[Socket]:
    async with site.http.ws_connect(f"/api/ws?src={camera}", headers=headers) as socket:
        yield Socket(socket)


async def test_the_state_comes_first_and_when_it_changes(site: Site) -> None:
    async with connected(site, "site1/gate") as socket:
        first = await socket.receive()
        assert (first["type"], first["value"]["name"], first["value"]["state"]) == ("state", "site1/gate", "live")
        assert first["value"] == await (await site.http.get("/api/cameras/site1/gate")).json()
        site.stage.publisher("site1/gate").state(CameraState.OFFLINE, "The camera does not answer")
        changed = await socket.receive()
        assert changed["value"]["state"] == "offline"
        assert changed["value"]["reason"]["message"] == "The camera does not answer"


async def test_another_stream_of_the_camera_is_told(site: Site) -> None:
    async with connected(site) as socket:
        await socket.next("state")
        site.stage.publisher().live(OPUS_STREAM)
        while (await socket.next("state"))["value"]["audio"] != {"codec": "opus"}:
            pass


async def test_an_offer_in_go2rtcs_first_dialect_is_answered_in_it(site: Site) -> None:
    async with connected(site) as socket:
        await socket.send("webrtc/offer", OFFER)
        answer = await socket.next("webrtc/answer", "error")
        assert [m.kind for m in SessionDescription.parse(answer["value"]).media] == ["video"]


async def test_an_offer_in_go2rtcs_second_dialect_is_answered_in_it(site: Site) -> None:
    async with connected(site) as socket:
        await socket.send("webrtc", {"type": "offer", "sdp": OFFER, "ice_servers": [{"urls": ["stun:x"]}]})
        answer = await socket.next("webrtc", "error")
        assert answer["value"]["type"] == "answer"
        assert [m.kind for m in SessionDescription.parse(answer["value"]["sdp"]).media] == ["video"]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "webrtc/candidate", "value": "candidate:1 1 udp 1 192.0.2.1 9 typ host"},
        {"type": "webrtc/candidate", "value": ""},
        {"type": "webrtc/candidate"},
        {"type": "webrtc", "value": {"type": "candidate", "candidate": ""}},
    ],
)
async def test_candidates_are_taken_without_a_word(site: Site, message: dict[str, Any]) -> None:
    async with connected(site) as socket:
        await socket.next("state")
        await socket.raw.send_str(json.dumps(message))
        await socket.send("clock", {"t0": 5})
        assert (await socket.receive())["type"] == "clock"


async def test_the_clock_is_told_with_both_sides_time_and_the_cameras(site: Site) -> None:
    before = time.time()
    async with connected(site) as socket:
        await socket.send("clock", {"t0": 12.5})
        value = (await socket.next("clock"))["value"]
    mapping = site.stage.sessions.broadcasts.of(site.stage.camera().hub).clock_mapping()
    assert mapping is not None
    assert value["t0"] == 12.5
    assert before <= value["t1"] <= value["t2"] <= time.time()
    assert (value["rtp_timestamp"], value["clock_rate"]) == (mapping.rtp_timestamp, 90_000)
    assert value["captured_at"] == mapping.captured_at


async def test_a_camera_without_pictures_has_no_clock_but_the_gateway_has(site: Site) -> None:
    site.stage.camera().hub.last_video = None
    async with connected(site) as socket:
        await socket.send("clock", {"t0": 1})
        assert set((await socket.next("clock"))["value"]) == {"t0", "t1", "t2"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("hello", "message: "),
        ("[]", "message: "),
        ('{"type": "mse"}', "mse: "),
        ('{"type": "mse", "value": "hvc1.1.6.L153.B0,opus"}', "mse: "),
        ('{"type": "hls", "value": "avc1.640029"}', "hls: "),
        ('{"type": "webrtc/offer/offer"}', "webrtc: "),
        ('{"type": "clock", "value": {"t0": 1e999}}', "clock: "),
        ('{"type": "clock", "value": {"t0": 1%s}}' % ("0" * 400), "clock: "),
        ('{"type": "webrtc", "value": {"type": "offer", "sdp": "v=0"}}', "webrtc: "),
        ('{"type": "webrtc", "value": {"type": "offer"}}', "webrtc: "),
    ],
)
async def test_what_is_not_understood_is_a_typed_error_and_the_socket_stays(site: Site, text: str, error: str) -> None:
    async with connected(site) as socket:
        await socket.raw.send_str(text)
        refused = await socket.next("error")
        assert refused["value"].startswith(error)
        assert "webrtc/offer" not in refused["value"]
        assert await socket.alive()


@pytest.mark.parametrize(
    "sdp", ["", "v=0", OFFER.replace("H264", "VP8"), OFFER + ("a=" + "x" * 1000 + "\r\n") * 30, "\ud800"]
)
async def test_an_offer_that_cannot_be_answered_is_an_error_of_its_dialect(site: Site, sdp: str) -> None:
    async with connected(site) as socket:
        await socket.send("webrtc/offer", sdp)
        first = (await socket.next("error"))["value"]
        assert first.startswith("webrtc/offer: ")
        await socket.send("webrtc", {"type": "offer", "sdp": sdp})
        second = (await socket.next("error"))["value"]
        assert second.startswith("webrtc: ")
        assert "webrtc/offer" not in second
        assert await socket.alive()
    assert (len(site.stage.sessions), site.stage.port.agent_count) == (0, 0)


async def test_an_offer_for_an_offline_camera_says_why(site: Site) -> None:
    site.stage.publisher().state(CameraState.OFFLINE, "Wrong user name or password")
    async with connected(site) as socket:
        await socket.send("webrtc/offer", OFFER)
        assert (await socket.next("error"))["value"] == "webrtc/offer: Wrong user name or password"


async def test_bytes_are_a_typed_error(site: Site) -> None:
    async with connected(site) as socket:
        await socket.raw.send_bytes(b"\x00\x01")
        assert (await socket.next("error"))["value"].startswith("message: ")
        assert await socket.alive()


async def test_a_message_beyond_the_limit_ends_the_socket_with_its_reason(site: Site) -> None:
    async with connected(site) as socket:
        await socket.next("state")
        await socket.raw.send_str("x" * 70_000)
        async with asyncio.timeout(DEADLINE_S):
            message = await socket.raw.receive()
        assert message.type is WSMsgType.CLOSE
        assert socket.raw.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


@pytest.mark.parametrize(("query", "status"), [("", 400), ("?src=", 400), ("?src=nowhere", 404), ("?src=site1", 404)])
async def test_an_unknown_camera_is_refused_before_the_socket_opens(site: Site, query: str, status: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await site.http.ws_connect("/api/ws" + query)
    assert refused.value.status == status


async def test_a_plain_request_for_the_socket_is_told_what_it_is(site: Site) -> None:
    response = await site.http.get("/api/ws?src=yard")
    assert response.status == 400
    assert "WebSocket" in (await response.json())["error"]["message"]


async def test_changes_reach_a_socket_whose_queue_was_full(site: Site) -> None:
    camera = site.stage.camera()
    async with connected(site) as socket:
        await socket.next("state")
        for number in range(200):
            await socket.raw.send_str(json.dumps({"type": "clock", "value": {"t0": number}}))
            camera.hub.events.emit("status", camera.status)
        for _ in range(200):
            await socket.next("clock")
        site.stage.publisher().state(CameraState.OFFLINE)
        while (await socket.next("state"))["value"]["state"] != "offline":
            pass


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://["])
async def test_a_foreign_page_gets_no_socket(site: Site, origin: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await site.http.ws_connect("/api/ws?src=yard", headers={"Origin": origin})
    assert refused.value.status == 403


async def test_our_own_page_gets_a_socket(site: Site) -> None:
    async with connected(site, Origin=f"http://{site.http.host}:{site.http.port}") as socket:
        assert await socket.alive()


async def test_a_plain_http_request_is_told_to_upgrade(site: Site) -> None:
    response = await site.http.get("/api/ws?src=yard")
    assert response.status == 400
    assert (await response.json())["error"]["message"]


async def test_a_socket_counts_as_watching_the_camera(site: Site) -> None:
    camera = site.stage.camera()
    async with connected(site) as socket:
        await socket.next("state")
        assert camera._watchers == 1
    await settled(lambda: camera._watchers == 0, "the socket is still counted")


async def test_another_offer_on_a_socket_takes_the_place_of_the_first(site: Site) -> None:
    async with connected(site) as socket:
        for number in range(3):
            await socket.send("webrtc/offer", offer("chromium-video" if number % 2 else "aiortc"))
            await socket.next("webrtc/answer")
            assert len(site.stage.sessions) == 1


async def test_offers_in_quick_succession_leave_one_session(site: Site) -> None:
    async with connected(site) as socket:
        for _ in range(10):
            await socket.send("webrtc/offer", OFFER)
        await socket.next("webrtc/answer")
        assert await socket.alive()
        await settled(lambda: len(site.stage.sessions) == 1 == site.stage.port.agent_count, "more than one is left")


async def test_a_socket_closed_while_its_camera_opens_leaves_nothing(site: Site) -> None:
    site.stage.publisher().state(CameraState.CONNECTING)
    async with connected(site) as socket:
        await socket.send("webrtc/offer", OFFER)
        await settled(lambda: site.stage.camera()._watchers == 2, "the offer does not wait")
    await settled(lambda: site.stage.camera()._watchers == 0, "somebody is still counted")
    assert (len(site.stage.sessions), site.stage.port.agent_count) == (0, 0)


async def test_pictures_go_on_without_the_socket(site: Site) -> None:
    async with client() as viewer:
        async with connected(site) as socket:
            await socket.send("webrtc", {"type": "offer", "sdp": await viewer.offer()})
            await viewer.accept((await socket.next("webrtc"))["value"]["sdp"])
            await settled(lambda: viewer.heard and len(viewer.video.pictures()) == 15, "the pictures do not arrive")
        site.stage.publisher().pictures(5)
        await settled(lambda: len(viewer.video.pictures()) == 20, "the pictures do not go on")


async def test_pictures_end_with_a_page_that_is_left(site: Site) -> None:
    async with client() as viewer:
        async with connected(site) as socket:
            await socket.send("webrtc", {"type": "offer", "sdp": await viewer.offer()})
            await viewer.accept((await socket.next("webrtc"))["value"]["sdp"])
            await settled(lambda: viewer.heard and viewer.video.pictures(), "the pictures do not arrive")
            await socket.raw.close(code=WSCloseCode.GOING_AWAY)
        await settled(lambda: len(site.stage.sessions) == 0, "the session goes on")


async def test_the_same_peer_connection_on_a_new_socket_restarts_ice(site: Site) -> None:
    async with client() as viewer:
        text = await viewer.offer()
        async with connected(site) as socket:
            await socket.send("webrtc/offer", text)
            first = (await socket.next("webrtc/answer"))["value"]
            await viewer.accept(first)
            await settled(lambda: site.stage.sessions.viewers(site.stage.camera()), "the viewer does not connect")
        (session,) = site.stage.sessions
        (ufrag,) = ufrags(text)
        async with connected(site) as socket:
            await socket.send("webrtc/offer", text.replace(f"a=ice-ufrag:{ufrag}", "a=ice-ufrag:fresh"))
            second = (await socket.next("webrtc/answer"))["value"]
        assert list(site.stage.sessions) == [session]
        old, new = (SessionDescription.parse(sdp) for sdp in (first, second))
        assert not ufrags(first) & ufrags(second)
        assert [m.dtls and m.dtls.fingerprints for m in old.media] == [
            m.dtls and m.dtls.fingerprints for m in new.media
        ]
        assert old.origin != new.origin


def restarting(text: str) -> str:
    """The next offer of the same peer connection, with fresh ICE credentials."""
    (ufrag,) = ufrags(text)
    return text.replace(f"a=ice-ufrag:{ufrag}", "a=ice-ufrag:fresh")


@asynccontextmanager
async def watching_over_a_socket(site: Site, *kinds: str) -> AsyncIterator[tuple[str, Session]]:
    """A connected viewer whose socket is gone: its offer and its session."""
    async with client(*kinds) as viewer:
        text = await viewer.offer()
        async with connected(site) as socket:
            await socket.send("webrtc/offer", text)
            await viewer.accept((await socket.next("webrtc/answer"))["value"])
            await settled(lambda: site.stage.sessions.viewers(site.stage.camera()), "the viewer does not connect")
        (session,) = site.stage.sessions
        yield text, session


async def test_another_peer_connection_with_the_same_certificate_gets_a_session_of_its_own(site: Site) -> None:
    async with watching_over_a_socket(site) as (text, session), connected(site) as socket:
        other = re.sub(r"o=- \d+", "o=- 4711", restarting(text))
        assert other != restarting(text)
        await socket.send("webrtc/offer", other)
        await socket.next("webrtc/answer")
        assert len(site.stage.sessions) == 2
        assert session.generation == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("a=mid:0", "a=mid:zero").replace("BUNDLE 0", "BUNDLE zero"), id="mid"),
        pytest.param(lambda text: text + "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:7\r\n", id="one more section"),
        pytest.param(lambda text: text.replace("H264/", "H265/"), id="codecs"),
    ],
)
async def test_a_restart_that_offers_other_media_is_refused_and_pictures_go_on(
    site: Site, change: Callable[[str], str]
) -> None:
    async with watching_over_a_socket(site) as (text, session), connected(site) as socket:
        await socket.send("webrtc/offer", change(restarting(text)))
        assert "open a new one" in (await socket.next("error"))["value"]
        assert list(site.stage.sessions) == [session]
        assert session.connected
        await socket.send("webrtc/offer", restarting(text))
        await socket.next("webrtc/answer")
        assert list(site.stage.sessions) == [session]


async def test_a_restart_of_a_session_that_is_just_ending_is_told_so(site: Site) -> None:
    async with watching_over_a_socket(site) as (text, session), connected(site) as socket:
        await socket.next("state")
        # What the port does to a viewer that fell silent; the session follows a moment later.
        find = site.stage.sessions.find_restarting

        def find_and_shut(camera: Camera, offer: Offer) -> Session | None:
            found = find(camera, offer)
            session.peer.shut()
            return found

        site.stage.sessions.find_restarting = find_and_shut  # type: ignore[method-assign]
        await socket.send("webrtc/offer", restarting(text))
        assert (await socket.next("error"))["value"] == ("webrtc/offer: This session has ended or never existed")


async def test_a_restart_is_answered_with_the_addresses_of_now(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching_over_a_socket(site) as (text, session), connected(site) as socket:
        moved = host_candidates([IPv4Address("192.0.2.77")], site.stage.port.number)
        monkeypatch.setattr(Addresses, "candidates", lambda *_: moved)
        assert "192.0.2.77" not in session.answer
        await socket.send("webrtc/offer", restarting(text))
        answer = (await socket.next("webrtc/answer"))["value"]
        offered = [line for line in answer.splitlines() if line.startswith("a=candidate:")]
        assert offered == [f"a=candidate:{candidate.to_sdp()}" for candidate in moved]
        assert SessionDescription.parse(answer).media[0].ice_candidates_complete


async def test_an_offer_is_parsed_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching_over_a_socket(site) as (text, _), connected(site) as socket:
        parse = mock.Mock(wraps=parse_offer)
        monkeypatch.setattr("gateway.webrtc.offers.parse_offer", parse)
        await socket.send("webrtc/offer", restarting(text))
        await socket.next("webrtc/answer")
        assert parse.call_count == 1
        await socket.send("webrtc/offer", OFFER)
        await socket.next("webrtc/answer")
        assert parse.call_count == 2


async def test_a_link_that_loses_too_much_is_told_again_to_a_new_socket(site: Site) -> None:
    async with watching_over_a_socket(site) as (text, session):
        session.link_bad = True
        async with connected(site) as socket:
            await socket.send("webrtc/offer", restarting(text))
            await socket.next("webrtc/answer")
            told = (await socket.next("fallback"))["value"]
            assert told == {"from": "webrtc", "to": "mse", "reason": "loss"}


async def test_what_webrtc_brings_of_a_camera_with_a_substream_is_told_with_the_answer_and_when_it_changes(
    site: Site,
) -> None:
    site.stage.camera().substream = Camera("smaller", SourceSettings("rtsp://192.0.2.10/small"))
    async with watching_over_a_socket(site) as (text, session), connected(site) as socket:
        await socket.send("webrtc/offer", restarting(text))
        await socket.next("webrtc/answer")
        assert (await socket.next("rendition"))["value"] == {"rendition": "main", "reason": None}
        with mock.patch.object(Session, "rendition", Rendition.SUBSTREAM):
            session.events.emit("rendition", Rendition.SUBSTREAM)
            told = (await socket.next("rendition"))["value"]
        assert told == {"rendition": "substream", "reason": TOO_NARROW}


@pytest.mark.parametrize(
    ("rungs", "to"),
    [
        ({"webrtc": True, "mse": True, "ll-hls": True}, "mse"),
        ({"webrtc": True, "mse": False, "ll-hls": True}, "ll-hls"),
        ({"webrtc": True, "mse": False, "ll-hls": False}, None),
        ({}, None),
    ],
)
async def test_a_viewer_is_sent_to_the_next_rung_that_the_camera_allows(
    site: Site, rungs: dict[str, bool], to: str | None
) -> None:
    async with watching_over_a_socket(site) as (text, session):
        signalling = Signalling(
            site.stage.camera(),
            site.stage.sessions,
            describe=lambda _: {"rungs": {name: {"ok": ok} for name, ok in rungs.items()}},
            clock=SYSTEM_CLOCK,
            caller=Caller(None, None, lambda: None, Answers(lambda _: {}, lambda *_: None)),
            mse=Mse(clock=SYSTEM_CLOCK),
        )
        async with running(signalling) as socket:
            await socket.send("webrtc/offer", restarting(text))
            await socket.next("webrtc/answer")
            session.events.emit("fallback", "loss")
            assert (await socket.next("fallback"))["value"] == {"from": "webrtc", "to": to, "reason": "loss"}


@asynccontextmanager
async def running(signalling: Signalling) -> AsyncIterator[Socket]:
    """A client of this one."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        await signalling.run(response)
        return response

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestClient(TestServer(app)) as http, http.ws_connect("/") as socket:
        yield Socket(socket)


# Modes.


async def test_a_mode_is_applied_to_the_viewer_and_answered(site: Site) -> None:
    async with connected(site) as socket, client() as viewer:
        await socket.send("webrtc/offer", await viewer.offer())
        await viewer.accept((await socket.next("webrtc/answer"))["value"])
        (session,) = site.stage.sessions
        assert session.mode == "ultra-low"
        await socket.send("mode", "stable")
        assert (await socket.next("mode"))["value"] == "stable"
        assert session.mode == "stable"
        await settled(lambda: session.connected, "the viewer does not connect")
        await socket.send("mode", "balanced")
        assert (await socket.next("mode"))["value"] == "balanced"
        listed = (await (await site.http.get("/api/sessions")).json())["sessions"]
        assert (listed[0]["mode"], listed[0]["playout_delay_s"]) == ("balanced", 0.0)


async def test_a_mode_asked_for_before_the_offer_counts_for_it(site: Site) -> None:
    async with connected(site) as socket:
        await socket.send("mode", "stable")
        await socket.next("mode")
        await socket.send("webrtc/offer", OFFER)
        await socket.next("webrtc/answer")
        (session,) = site.stage.sessions
        assert session.mode is Mode.STABLE


@pytest.mark.parametrize("value", ["fast", None, 3])
async def test_an_unknown_mode_is_an_error_and_the_socket_stays(site: Site, value: object) -> None:
    async with connected(site) as socket:
        await socket.send("mode", value)
        assert (await socket.next("error"))["value"] == "mode: must be one of ultra-low, balanced, stable"
        assert await socket.alive()


async def test_many_changes_while_nobody_reads_are_few_messages(site: Site) -> None:
    async with connected(site) as socket:
        await socket.next("state")
        for _ in range(200):
            site.stage.publisher().state(CameraState.STALLED)
            site.stage.publisher().live(SILENT_STREAM)
        await socket.send("clock", {"t0": 1})
        states = 0
        while (await socket.receive())["type"] != "clock":
            states += 1
        assert 1 <= states <= 3


async def test_messages_that_come_in_a_burst_are_all_answered(site: Site) -> None:
    async with connected(site) as socket:
        await socket.next("state")
        for number in range(300):
            await socket.raw.send_str(json.dumps({"type": "clock", "value": {"t0": number}}))
        assert [(await socket.next("clock"))["value"]["t0"] for _ in range(300)] == list(range(300))


async def test_a_client_that_asks_and_never_reads_is_let_go(site: Site) -> None:
    camera = site.stage.camera()
    async with connected(site) as socket:
        await socket.next("state")
        # It stops reading: answers pile up in the kernel, then in the gateway's bounded queue.
        socket.raw._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        flood = json.dumps({"type": "x" * 40})
        with contextlib.suppress(ConnectionError):
            for _ in range(100_000):
                await socket.raw.send_str(flood)
                if camera._watchers == 0:
                    break
        await settled(lambda: camera._watchers == 0, "the client is kept")


async def test_the_gateways_end_is_told_to_every_socket(site: Site) -> None:
    async with connected(site) as one, connected(site, "site1/gate") as other:
        for socket in (one, other):
            await socket.next("state")
        await site.app.shutdown()
        for socket in (one, other):
            async with asyncio.timeout(DEADLINE_S):
                message = await socket.raw.receive()
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
            assert socket.raw.close_code == 1001
