"""Media Source Extensions over the WebSocket: real hubs and sockets, pictures published by hand."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import socket as sockets
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.throttle import OFFERS_PER_SOCKET
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.hls import bundles
from gateway.hls.mse import Mse
from gateway.media.units import StreamInfo, VideoCodec
from gateway.source.status import CameraState
from gateway.web.keys import MSE
from gateway.webrtc.room import Caps
from tests.hls.mp4 import find, track_runs
from tests.relay.units import AAC, SILENT_STREAM, VIDEO
from tests.web.conftest import open_gatekeeper
from tests.webrtc.stage import DEADLINE_S, GOP, HandClock, Stage, offer, settled, stage

PLAYS = "avc1.640029,avc1.64002A,mp4a.40.2,flac,opus"
OFFER = offer("chromium-video")
SDP = {"Content-Type": "application/sdp"}
ROOMY = Caps(total=100, per_camera=100)
_FAR_TOO_MUCH = 3 << 20
VIDEO_TYPE = f'video/mp4; codecs="{VIDEO.codec_string}"'
AAC_STREAM = StreamInfo(VIDEO, replace(AAC, config=bytes.fromhex("1408")))


@dataclass
class Client:
    """A player's end of the socket; `fragments` are what came since the last media type."""

    socket: aiohttp.ClientWebSocketResponse
    messages: list[dict[str, Any]] = field(default_factory=list)
    inits: list[bytes] = field(default_factory=list)
    fragments: list[bytes] = field(default_factory=list)

    async def send(self, kind: str, value: object) -> None:
        await self.socket.send_str(json.dumps({"type": kind, "value": value}))

    async def receive(self) -> aiohttp.WSMessage:
        async with asyncio.timeout(DEADLINE_S):
            message = await self.socket.receive()
        if message.type is WSMsgType.TEXT:
            self.messages.append(json.loads(message.data))
            if self.messages[-1]["type"] == "mse":
                self.fragments.clear()
        elif message.type is WSMsgType.BINARY and message.data[4:8] == b"ftyp":
            self.inits.append(message.data)
        elif message.type is WSMsgType.BINARY:
            self.fragments += split(message.data)
        return message

    async def next(self, *kinds: str) -> dict[str, Any]:
        while True:
            message = await self.receive()
            assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), message
            if message.type is WSMsgType.TEXT and self.messages[-1]["type"] in kinds:
                return self.messages[-1]

    async def until(self, count: int) -> None:
        """There are so many fragments since the last media type."""
        while len(self.fragments) < count:
            await self.receive()

    async def refusal(self) -> str:
        return str((await self.next("error"))["value"])


def split(data: bytes) -> list[bytes]:
    """The movie fragments in a message."""
    starts = [box.offset for box in find(data, "moof")]
    return [data[begin:end] for begin, end in itertools.pairwise([*starts, len(data)])]


@dataclass
class Site:
    """A gateway."""

    stage: Stage
    clock: HandClock
    http: TestClient[web.Request, web.Application]
    mse: Mse

    @property
    def viewers(self) -> int:
        return self.mse.viewers(self.stage.camera())

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with self.http.ws_connect("/api/ws?src=yard", max_msg_size=0) as socket:
            yield Client(socket)

    @asynccontextmanager
    async def player(self, codecs: str = PLAYS) -> AsyncIterator[Client]:
        """A client that has asked, and been told the media type."""
        async with self.client() as client:
            await client.send("mse", codecs)
            await client.next("mse")
            yield client


@pytest_asyncio.fixture(name="site")
async def _site() -> AsyncIterator[Site]:
    async with opened(ROOMY) as site:
        yield site


@asynccontextmanager
async def opened(caps: Caps) -> AsyncIterator[Site]:
    clock = HandClock()
    async with stage(clock=clock, caps=caps) as running:
        gatekeeper = open_gatekeeper(running.registry)
        app = build_app(running.registry, running.sessions, gatekeeper, clock=clock, folder=static_dir())
        async with TestClient(TestServer(app)) as client:
            yield Site(running, clock, client, app[MSE])
        assert running.camera().hub.sink_count == 0


async def test_the_answer_is_the_type_then_an_initialization_section_then_the_group_so_far(site: Site) -> None:
    async with site.client() as client:
        await client.send("mse", PLAYS)
        assert (await client.next("mse"))["value"] == VIDEO_TYPE
        assert (await client.receive()).data[4:8] == b"ftyp"
        assert len(split((await client.receive()).data)) == 1, "the keyframe comes alone: it can be shown first"
        await client.until(GOP)
        assert [track_runs(fragment)[1].sync[0] for fragment in client.fragments] == [True] + [False] * (GOP - 1)
        assert site.viewers == 1
    await settled(lambda: site.viewers == 0, "the viewer is gone")


async def test_each_picture_is_sent_when_it_comes(site: Site) -> None:
    async with site.player() as client:
        await client.until(GOP)
        for count in range(1, 4):
            site.stage.publisher().pictures(1)
            await client.until(GOP + count)
        runs = [track_runs(fragment)[1] for fragment in client.fragments]
        assert [run.decode_time for run in runs] == [3000 * n for n in range(GOP + 3)]


async def test_everyone_is_sent_the_same_bytes_made_once(site: Site) -> None:
    async with site.player() as first, site.player() as second:
        await first.until(GOP)
        await second.until(GOP)
        site.stage.publisher().pictures(5)
        await first.until(GOP + 5)
        await second.until(GOP + 5)
        assert first.fragments == second.fragments
        assert site.stage.camera().hub.sink_count == 1


async def test_a_players_time_begins_with_its_first_picture(site: Site) -> None:
    site.stage.publisher().pictures(GOP)
    async with site.player() as client:
        told = client.messages[-1]
        await client.until(GOP)
        assert len(find(client.inits[-1], "moov/trak/edts")) == 1
        first = track_runs(client.fragments[0])[1].decode_time
        assert first == 3000 * GOP
        assert told["captured_at"] == pytest.approx(site.clock.now(), abs=0.001)


async def test_sound_comes_only_to_those_who_can_hear_it(site: Site) -> None:
    publisher = site.stage.publisher()
    publisher.live(AAC_STREAM)
    publisher.until_keyframe()
    async with site.player() as hears, site.player("avc1.640029") as deaf:
        assert hears.messages[-1]["value"] == f'video/mp4; codecs="{VIDEO.codec_string},mp4a.40.2"'
        assert deaf.messages[-1]["value"] == VIDEO_TYPE
        publisher.until_keyframe()
        publisher.pictures(60)
        await hears.until(2 * GOP)
        await deaf.until(2 * GOP)
        assert any(2 in track_runs(fragment) for fragment in hears.fragments)
        assert not any(2 in track_runs(fragment) for fragment in deaf.fragments)


@pytest.mark.parametrize("codecs", ["hvc1.1.6.L153.B0", "mp4a.40.2,opus", "nonsense"])
async def test_who_cannot_play_the_pictures_is_told_so(site: Site, codecs: str) -> None:
    async with site.client() as client:
        await client.send("mse", codecs)
        assert await client.refusal() == (
            "mse: this camera sends H.264 (avc1), which is not among the codecs your browser plays"
        )
        assert site.viewers == 0


async def test_an_offline_camera_is_an_error_that_says_why(site: Site) -> None:
    site.stage.publisher().state(CameraState.OFFLINE, "The camera does not answer")
    async with site.client() as client:
        await client.send("mse", PLAYS)
        assert await client.refusal() == "mse: The camera does not answer"


async def test_no_codecs_end_the_pictures_and_the_socket_stays(site: Site) -> None:
    async with site.player() as client:
        await client.until(GOP)
        await client.send("mse", "")
        await settled(lambda: site.viewers == 0, "nobody watches")
        site.stage.publisher().pictures(3)
        await client.send("clock", {"t0": 1})
        await client.next("clock")
        assert len(client.fragments) == GOP


async def test_who_asks_again_and_again_is_told_to_wait(site: Site) -> None:
    async with site.client() as client:
        for _ in range(OFFERS_PER_SOCKET.burst + 1):
            await client.send("mse", PLAYS)
        assert (await client.refusal()).startswith("mse: Too many requests at once")
        # What was asked for before goes on, and to want none is never too much.
        await client.until(GOP)
        await client.send("mse", "")
        await settled(lambda: site.viewers == 0, "nobody watches")
        site.clock.advance(OFFERS_PER_SOCKET.interval_s)
        await client.send("mse", PLAYS)
        await client.next("mse")


async def test_a_second_request_takes_the_place_of_the_first(site: Site) -> None:
    async with site.player() as client:
        await client.until(GOP)
        await client.send("mse", "avc1.42e01e")
        await client.next("mse")
        await client.until(GOP)
        assert (len(client.inits), site.viewers) == (2, 1)
        site.stage.publisher().pictures(1)
        await client.until(GOP + 1)


@pytest.mark.parametrize(
    "changed", [StreamInfo(replace(VIDEO, codec_string="avc1.640028", width=1280, height=720)), AAC_STREAM]
)
async def test_other_tracks_are_announced_before_their_initialization_section(site: Site, changed: StreamInfo) -> None:
    async with site.player() as client:
        await client.until(GOP)
        site.stage.publisher().live(changed)
        site.stage.publisher().until_keyframe()
        await client.next("mse")
        assert client.messages[-1]["value"] != VIDEO_TYPE
        await client.until(1)
        assert len(client.inits) == 2


async def test_pictures_go_on_after_the_camera_was_away_with_a_new_beginning(site: Site) -> None:
    publisher = site.stage.publisher()
    async with site.player() as client:
        await client.until(GOP)
        publisher.state(CameraState.OFFLINE, "The camera does not answer")
        publisher.number += 10 * 30
        publisher.live()
        publisher.until_keyframe()
        publisher.pictures(2)
        assert (await client.next("mse"))["value"] == VIDEO_TYPE
        await client.until(3)
        assert (len(client.inits), site.viewers) == (2, 1)


async def test_nobody_is_shown_an_old_picture_of_a_camera_that_was_away(site: Site) -> None:
    publisher = site.stage.publisher()
    async with site.player():
        publisher.state(CameraState.OFFLINE, "The camera does not answer")
        publisher.state(CameraState.LIVE)
        async with site.client() as late:
            await late.send("mse", PLAYS)
            await settled(lambda: site.viewers == 2, "it has joined")
            await late.send("clock", {"t0": 1})
            await late.next("clock")
            assert late.inits == []
            publisher.until_keyframe()
            await late.until(1)


async def test_a_camera_that_turns_to_what_cannot_be_shown_says_so(site: Site) -> None:
    async with site.player() as client:
        site.stage.publisher().live(StreamInfo(replace(VIDEO, codec=VideoCodec.H265, codec_name="H.265")))
        assert (await client.refusal()).startswith("mse: This camera sends H.265.")
        site.stage.publisher().live(SILENT_STREAM)
        site.stage.publisher().until_keyframe()
        await client.until(1)


async def test_webrtc_and_mse_are_asked_for_on_one_socket(site: Site) -> None:
    async with site.player() as client:
        await client.send("webrtc", {"type": "offer", "sdp": "v=0"})
        assert (await client.refusal()).startswith("webrtc: ")
        site.stage.publisher().pictures(1)
        await client.until(GOP + 1)


async def test_beyond_the_limit_the_next_viewer_is_told_to_try_later() -> None:
    async with opened(Caps(total=100, per_camera=2)) as site, site.player(), site.player():
        async with site.client() as third:
            await third.send("mse", PLAYS)
            assert await third.refusal() == "mse: This camera has as many viewers as it may; try again later"
        assert site.viewers == 2
        async with site.http.post("/yard/whep", data=OFFER, headers=SDP) as refused:
            assert (refused.status, (await refused.json())["error"]["code"]) == (503, "too_many_viewers")


async def test_places_are_those_of_webrtc_and_who_changes_between_them_needs_one() -> None:
    async with opened(Caps(total=1, per_camera=1)) as site:
        async with site.client() as client, site.client() as other:
            await client.send("webrtc", {"type": "offer", "sdp": OFFER})
            await client.next("webrtc")
            await other.send("mse", PLAYS)
            assert (await other.refusal()).startswith("mse: The gateway serves as many viewers as it may")
            await client.send("mse", PLAYS)
            await client.next("mse")
            assert (site.viewers, len(site.stage.sessions)) == (1, 1)
        await settled(lambda: site.viewers == 0, "the viewer is gone")


async def test_pictures_in_a_hurry_share_a_message_and_none_waits_for_one_that_does_not_come(site: Site) -> None:
    async with site.player() as client:
        await client.until(GOP)
        site.stage.publisher().until_keyframe()
        site.stage.publisher().pictures(3)
        # The keyframe waits for nobody, and the last one finds that it waits in vain.
        assert [len(split((await client.receive()).data)) for _ in range(3)] == [1, 2, 1]


async def test_for_a_crowd_more_pictures_share_a_message(site: Site) -> None:
    with patch.object(bundles, "CROWD", 2):
        async with site.player() as client, site.player() as other:
            for one in (client, other):
                await one.until(GOP)
            site.stage.publisher().until_keyframe()
            site.stage.publisher().pictures(6)
            for one in (client, other):
                assert [len(split((await one.receive()).data)) for _ in range(3)] == [1, 3, 3]


class SlowClient:
    """A WebSocket client that reads only when it is told to, with little room in its kernel."""

    def __init__(self, connection: sockets.socket) -> None:
        self._connection = connection
        self._read = b""

    @classmethod
    async def connect(cls, port: int) -> SlowClient:
        connection = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /api/ws?src=yard HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", ""]
        await loop.sock_sendall(connection, "\r\n".join(lines).encode())
        client = cls(connection)
        while b"\r\n\r\n" not in client._read:
            await client._receive()
        client._read = client._read.partition(b"\r\n\r\n")[2]
        return client

    async def _receive(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            data = await asyncio.get_running_loop().sock_recv(self._connection, 1 << 16)
        assert data, "the gateway closed the socket"
        self._read += data

    async def send(self, kind: str, value: object) -> None:
        payload = json.dumps({"type": kind, "value": value}).encode()
        assert len(payload) < 126
        frame = struct.pack(">BB4x", 0x81, 0x80 | len(payload)) + payload
        await asyncio.get_running_loop().sock_sendall(self._connection, frame)

    async def message(self) -> tuple[int, bytes]:
        """The next message's opcode and payload."""
        while True:
            if len(self._read) > 10:
                opcode, size = self._read[0] & 0x0F, self._read[1]
                begin = {126: 4, 127: 10}.get(size, 2)
                if begin > 2:
                    size = int.from_bytes(self._read[2:begin], "big")
                if len(self._read) >= begin + size:
                    payload, self._read = self._read[begin : begin + size], self._read[begin + size :]
                    return opcode, payload
            await self._receive()

    async def rest(self) -> bytes:
        """What else comes, up to the end of the connection."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            while data := await loop.sock_recv(self._connection, 1 << 16):
                self._read += data
        return self._read

    def close(self) -> None:
        self._connection.close()


async def test_no_picture_follows_the_word_that_the_gateway_stops(site: Site) -> None:
    assert site.http.port is not None
    client = await SlowClient.connect(site.http.port)
    await client.send("mse", PLAYS)
    while (await client.message())[0] != WSMsgType.BINARY:
        pass
    closing = asyncio.create_task(site.http.app.shutdown())

    async def heard() -> bytes:
        while (await client.message())[0] != WSMsgType.CLOSE:
            pass
        return await client.rest()

    listening = asyncio.create_task(heard())
    while not closing.done():
        site.stage.publisher().pictures()
        # One turn of the event loop: a camera's pictures come in any of them.
        await asyncio.sleep(0)
    await closing
    assert await listening == b""
    client.close()


async def test_who_does_not_read_is_skipped_to_a_keyframe_and_still_answered(site: Site) -> None:
    publisher = site.stage.publisher()
    assert site.http.port is not None
    slow = await SlowClient.connect(site.http.port)
    async with site.player() as quick:
        await slow.send("mse", PLAYS)
        await settled(lambda: site.viewers == 2, "both watch")
        published = GOP
        size = 0
        # Far more than kernel and transport take in, for longer than it may be behind.
        while size < _FAR_TOO_MUCH:
            size += sum(len(unit.data) for unit in publisher.pictures(GOP))
            published += GOP
            site.clock.advance(GOP / 30)
            await quick.until(published)
        await slow.send("clock", {"t0": 7})
        times: list[int] = []
        keyframes: list[bool] = []
        answered = False
        while not answered or times[-1] < 3000 * (published - 1):
            opcode, payload = await slow.message()
            if opcode == WSMsgType.TEXT:
                answered = answered or json.loads(payload)["type"] == "clock"
            elif payload[4:8] != b"ftyp":
                for fragment in split(payload):
                    run = track_runs(fragment)[1]
                    times.append(run.decode_time)
                    keyframes.append(run.sync[0])
        jumps = [n for n, (before, after) in enumerate(itertools.pairwise(times), 1) if after != before + 3000]
        assert jumps
        assert all(keyframes[n] for n in jumps)
        assert len(times) < published
    slow.close()
    await settled(lambda: site.viewers == 0, "nobody watches")
