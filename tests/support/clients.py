"""Viewers that are no browser: aiortc over WHEP and over a WebSocket in go2rtc's dialects, and some that give up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import aiohttp
import numpy as np
import numpy.typing as npt
from aioice import stun
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, VideoFrame
from yarl import URL

from tests.support.cameras import read_clock_strip

_KEPT: Final = 256


def luma(frame: VideoFrame) -> npt.NDArray[np.uint8]:
    """The luma plane, rows × columns."""
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


class _Track:
    """Keeps the newest 256 frames of a track."""

    def __init__(self) -> None:
        self._frames: deque[Any] = deque(maxlen=_KEPT)
        self._came = asyncio.Event()

    async def read(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                self._frames.append(await track.recv())
                self._came.set()

    async def next(self, *, within_s: float) -> Any:
        async with asyncio.timeout(within_s):
            while not self._frames:
                self._came.clear()
                await self._came.wait()
        return self._frames.popleft()


class AiortcViewer:
    """An aiortc peer connection that receives and decodes; an async context manager."""

    def __init__(self, *, audio: bool = False) -> None:
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tracks = {"video": _Track(), "audio": _Track()}
        self._readers: list[asyncio.Task[None]] = []
        self._peer.on("track", self._add_track)
        if audio:
            self._peer.addTransceiver("audio", direction="recvonly")
        self._peer.addTransceiver("video", direction="recvonly")

    def _add_track(self, track: MediaStreamTrack) -> None:
        self._readers.append(asyncio.create_task(self._tracks[track.kind].read(track)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._peer.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*self._readers)

    async def offer(self) -> str:
        """The SDP to send."""
        await self._peer.setLocalDescription(await self._peer.createOffer())
        return str(self._peer.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        """Connects."""
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def picture(self, *, within_s: float) -> VideoFrame:
        """The next decoded picture."""
        frame: VideoFrame = await self._tracks["video"].next(within_s=within_s)
        return frame

    async def clock(self, *, within_s: float) -> int:
        """The next picture's burned-in clock, in unix milliseconds mod 2^32."""
        return read_clock_strip(luma(await self.picture(within_s=within_s)))

    async def sound(self, *, within_s: float) -> AudioFrame:
        """The next decoded piece of sound."""
        frame: AudioFrame = await self._tracks["audio"].next(within_s=within_s)
        return frame


async def connect_by_whep(viewer: AiortcViewer, session: aiohttp.ClientSession, endpoint: str) -> str:
    """Offers to a WHEP endpoint; returns the session's URL."""
    headers = {"Content-Type": "application/sdp"}
    async with session.post(endpoint, data=await viewer.offer(), headers=headers) as response:
        answer = await response.text()
        assert response.status == 201, answer
        assert response.content_type == "application/sdp"
        location = str(response.url.join(URL(response.headers["Location"])))
    await viewer.accept(answer)
    return location


class SignallingSocket:
    """One `/api/ws`; use `signalling_socket`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, kind: str, value: object) -> None:
        """Sends one envelope."""
        await self._socket.send_str(json.dumps({"type": kind, "value": value}))

    async def next(self, *kinds: str, within_s: float) -> Any:
        """The value of the next message of one of these types; others, and pictures, are passed over."""
        async with asyncio.timeout(within_s):
            while True:
                message = await self._socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    continue
                assert message.type is aiohttp.WSMsgType.TEXT, message
                envelope = json.loads(message.data)
                if envelope["type"] in kinds:
                    return envelope["value"]

    async def state(self, *states: str, within_s: float) -> dict[str, Any]:
        """The camera as soon as it is in one of `states`; what it went through, if it does not get there."""
        seen = []
        try:
            async with asyncio.timeout(within_s):
                while True:
                    camera: dict[str, Any] = await self.next("state", within_s=within_s)
                    seen.append(camera["state"])
                    if camera["state"] in states:
                        return camera
        except TimeoutError:
            raise TimeoutError(f"not {states} in {within_s} s, but {seen}") from None

    async def offer(self, sdp: str, *, version: int, within_s: float) -> str:
        """The answer's SDP in go2rtc's dialect 1 or 2, or AssertionError with the gateway's words."""
        if version == 1:
            await self.send("webrtc/offer", sdp)
            # go2rtc's own client trickles and ends with an empty candidate.
            await self.send("webrtc/candidate", "")
        else:
            await self.send("webrtc", {"type": "offer", "sdp": sdp, "ice_servers": []})
        async with asyncio.timeout(within_s):
            while True:
                received = await self._socket.receive()
                if received.type is aiohttp.WSMsgType.BINARY:
                    continue
                message = json.loads(received.data)
                assert message["type"] != "error", message["value"]
                if version == 1 and message["type"] == "webrtc/answer":
                    return str(message["value"])
                if version == 2 and message["type"] == "webrtc":
                    assert message["value"]["type"] == "answer"
                    return str(message["value"]["sdp"])


@asynccontextmanager
async def signalling_socket(address: str, camera: str) -> AsyncIterator[SignallingSocket]:
    """A WebSocket to the camera's signalling, closed with the block."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{address}api/ws", params={"src": camera}, timeout=aiohttp.ClientWSTimeout(ws_close=5)
        ) as ws,
    ):
        yield SignallingSocket(ws)


def plain_offer(*, ufrag: str = "", codec: str = "H264/90000", fmtp: str = "packetization-mode=1") -> str:
    """A correct recvonly offer of one video codec, by nobody who would ever connect by himself."""
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        f"a=ice-ufrag:{ufrag or secrets.token_hex(4)}",
        f"a=ice-pwd:{secrets.token_hex(12)}",
        f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}",
        "a=setup:actpass",
        "a=mid:0",
        "a=recvonly",
        "a=rtcp-mux",
        f"a=rtpmap:96 {codec}",
        f"a=fmtp:96 {fmtp}",
    ]
    return "\r\n".join(lines) + "\r\n"


async def offer_and_leave(session: aiohttp.ClientSession, endpoint: str) -> None:
    """Gets an answer and never uses it."""
    headers = {"Content-Type": "application/sdp"}
    async with session.post(endpoint, data=plain_offer(), headers=headers) as response:
        assert response.status == 201, await response.text()


async def connect_without_dtls(session: aiohttp.ClientSession, endpoint: str) -> None:
    """Gets an answer, proves its address by ICE, and falls silent before DTLS."""
    ufrag = secrets.token_hex(4)
    headers = {"Content-Type": "application/sdp"}
    async with session.post(endpoint, data=plain_offer(ufrag=ufrag), headers=headers) as response:
        answer = await response.text()
        assert response.status == 201, answer
    port = media_port(answer)
    request = binding_request(
        username=f"{_attribute(answer, 'ice-ufrag')}:{ufrag}", password=_attribute(answer, "ice-pwd")
    )
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        async with asyncio.timeout(10):
            await loop.sock_sendto(sock, request, ("127.0.0.1", port))
            reply = stun.parse_message(await loop.sock_recv(sock, 1500))
        assert reply.message_class == stun.Class.RESPONSE


def binding_request(*, username: str, password: str) -> bytes:
    """A connectivity check as a browser sends it."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = username
    request.attributes["PRIORITY"] = 1845501695
    request.attributes["ICE-CONTROLLING"] = secrets.randbits(64)
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return bytes(request)


def media_port(answer: str) -> int:
    """The UDP port of an answer's candidates."""
    found = re.search(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+) ", answer, re.IGNORECASE)
    assert found, answer
    return int(found[1])


def _attribute(sdp: str, name: str) -> str:
    found = re.search(rf"^a={name}:(\S+)", sdp, re.MULTILINE)
    assert found, sdp
    return found[1]
