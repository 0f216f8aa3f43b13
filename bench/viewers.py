"""Viewers that connect for real (ICE, DTLS) and then let the kernel count and drop what they are sent."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urljoin

import aiohttp
import aioice.ice
import aiortc.rtcrtpreceiver
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.errors import BenchError
from bench.procfs import socket_inode, udp_drops

CONNECT_DEADLINE_S: Final = 20.0
_CHECK_INTERVAL_S: Final = 2.0
_SMALLEST_BUFFER: Final = 1
_SDP: Final = {"Content-Type": "application/sdp"}


def prepare_process() -> None:
    """Make this process fit to be many viewers: loopback only, no decoding, as many sockets as allowed."""
    # Everything runs on loopback; one socket for each viewer instead of one for each interface.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    # What arrives before the kernel takes over is not worth a decoder and a thread for each viewer.
    aiortc.rtcrtpreceiver.decoder_worker = lambda *_: None
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def make_offer() -> tuple[RTCPeerConnection, str]:
    """A receive-only peer connection and its offer, all candidates in it."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", "recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    return peer, peer.localDescription.sdp


async def accept_answer(peer: RTCPeerConnection, answer: str) -> None:
    """Connect; returns once ICE and DTLS are up, raises TimeoutError or ConnectionError when that fails."""
    done = asyncio.Event()

    def changed() -> None:
        if peer.connectionState in ("connected", "failed", "closed"):
            done.set()

    peer.on("connectionstatechange", changed)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    changed()
    async with asyncio.timeout(CONNECT_DEADLINE_S):
        await done.wait()
    if peer.connectionState != "connected":
        raise ConnectionError(f"the peer connection is {peer.connectionState}")


class NotConnectedError(BenchError):
    """A viewer that was not refused, but had no connection in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for an offer."""

    sdp: str
    session_url: str | None
    waited_s: float


async def post_offer(client: aiohttp.ClientSession, url: str, offer: str) -> Answer:
    """WHEP's POST; raises BenchError for a refusal."""
    begun = time.monotonic()
    async with client.post(url, data=offer, headers=_SDP) as response:
        body = await response.text()
        waited_s = time.monotonic() - begun
        if response.status not in (200, 201):
            raise BenchError(f"{url} refused a viewer: {response.status} {body[:200]}")
        location = response.headers.get("Location")
    return Answer(body, urljoin(url, location) if location else None, waited_s)


@dataclass(eq=False, slots=True)
class Viewer:
    """One connected viewer."""

    peer: RTCPeerConnection
    session_url: str | None
    waited_s: float
    _pairs: list[tuple[Any, Any]] = field(default_factory=list)

    def duplicate_sockets(self) -> list[socket.socket]:
        """Its UDP sockets once more, for reading them in another way; the caller closes them."""
        return [pair.protocol.transport.get_extra_info("socket").dup() for _, pair in self._pairs]

    @property
    def inodes(self) -> set[int]:
        """How the kernel's tables know its sockets."""
        return {socket_inode(pair.protocol.transport.get_extra_info("socket").fileno()) for _, pair in self._pairs}

    def stop_reading(self) -> None:
        """From here on nothing is read: the buffer fills, and the kernel drops and counts."""
        loop = asyncio.get_running_loop()
        for transport in {one.receiver.transport for one in self.peer.getTransceivers()}:
            connection = transport.transport._connection  # noqa: SLF001  aioice has no other way to its sockets
            # We keep consent by sending; aioice would wait for answers that nobody reads.
            if connection._query_consent_task is not None:  # noqa: SLF001
                connection._query_consent_task.cancel()  # noqa: SLF001
            for pair in connection._nominated.values():  # noqa: SLF001
                descriptor = pair.protocol.transport.get_extra_info("socket").fileno()
                # asyncio refuses remove_reader for a transport's socket; this is what its transport itself calls.
                loop._remove_reader(descriptor)  # type: ignore[attr-defined]  # noqa: SLF001
                self._pairs.append((connection, pair))

    def shrink_buffers(self) -> None:
        """Let the kernel begin to drop at once instead of after some hundred kilobytes."""
        for _, pair in self._pairs:
            raw = pair.protocol.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALLEST_BUFFER)

    def check(self) -> None:
        """Send a connectivity check, which keeps consent (RFC 7675) without being answered."""
        for connection, pair in self._pairs:
            request = connection.build_request(pair, nominate=False)
            request.add_message_integrity(connection.remote_password.encode())
            pair.protocol.send_stun(request, pair.remote_addr)


class Crowd:
    """Many viewers that count; ends them all at the end of the block."""

    def __init__(self) -> None:
        self.viewers: list[Viewer] = []
        self._inodes: set[int] = set()
        self._checking: asyncio.Task[None] | None = None
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._checking = asyncio.create_task(self._keep_consent(), name="consent of all viewers")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._checking is not None:
            self._checking.cancel()
        await self.leave(self.viewers)
        if self._client is not None:
            await self._client.close()

    def __len__(self) -> int:
        return len(self.viewers)

    async def join(self, url: str) -> Viewer:
        """Connect one viewer and stop reading; raises BenchError when it is refused or does not connect."""
        client = self._client
        if client is None:
            raise RuntimeError("A crowd is joined inside its block")
        peer, offer = await make_offer()
        try:
            answer = await post_offer(client, url, offer)
            await accept_answer(peer, answer.sdp)
        except (TimeoutError, ConnectionError, aiohttp.ClientError) as error:
            await peer.close()
            raise NotConnectedError(
                f"Viewer {len(self) + 1} of {url} did not connect: {str(error) or type(error).__name__}."
            ) from None
        except BaseException:
            await peer.close()
            raise
        viewer = Viewer(peer, answer.session_url, answer.waited_s)
        viewer.stop_reading()
        self.viewers.append(viewer)
        return viewer

    async def join_counting(self, url: str) -> None:
        """Connect one viewer whose datagrams the kernel counts; tries twice, as a browser would."""
        try:
            viewer = await self.join(url)
        except NotConnectedError:
            viewer = await self.join(url)
        viewer.shrink_buffers()
        self._inodes |= viewer.inodes

    def delivered(self) -> int:
        """Datagrams that reached counting viewers since they stopped reading."""
        return udp_drops(self._inodes)

    async def leave(self, viewers: Sequence[Viewer]) -> None:
        """End some viewers, politely where the server gave a session's address."""
        leaving = list(viewers)
        self.viewers = [viewer for viewer in self.viewers if viewer not in leaving]
        await asyncio.gather(*(self._leave(viewer) for viewer in leaving))

    async def _leave(self, viewer: Viewer) -> None:
        if viewer.session_url is not None and self._client is not None:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with asyncio.timeout(5), self._client.delete(viewer.session_url):
                    pass
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await viewer.peer.close()

    async def _keep_consent(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            for viewer in tuple(self.viewers):
                viewer.check()
