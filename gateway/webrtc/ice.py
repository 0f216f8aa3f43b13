"""ICE-lite for one peer connection (RFC 8445 section 2.5): answers checks, never sends any."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from aioice import Candidate
from aioice.ice import ConnectionClosed
from aioice.stun import Class, Message, Method

CONSENT_S = 30.0
"""A viewer that sent no authenticated check for this long is gone (RFC 7675 section 5.1)."""

CONNECT_DEADLINE_S = 10.0
_RECEIVE_QUEUE = 256
_MAX_PATHS = 16
_STRING_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

PathKey = tuple[str, str, int]


class Path(Protocol):
    """A way to one remote address: a UDP 4-tuple or a TCP connection."""

    @property
    def key(self) -> PathKey:
        """Identifies the path: protocol, remote host, remote port."""

    @property
    def remote(self) -> tuple[str, int]:
        """The viewer's address as the gateway sees it."""

    def send(self, datagram: bytes | memoryview) -> bool:
        """Send one datagram now; False when it was dropped."""


class Drop(StrEnum):
    """Why something that reached the media port was dropped."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_OURS = "not_ours"
    UNVALIDATED = "unvalidated"
    BAD_STUN = "bad_stun"
    UNKNOWN_USER = "unknown_user"
    BAD_INTEGRITY = "bad_integrity"
    AMPLIFICATION = "amplification"
    QUEUE_FULL = "queue_full"
    PATHS_FULL = "paths_full"
    SEND_FAILED = "send_failed"


class Switchboard(Protocol):
    """What the agent needs of the port it lives on."""

    def bind(self, key: PathKey, agent: IceLiteAgent) -> None:
        """Send what comes from this path to `agent`."""

    def remove(self, agent: IceLiteAgent) -> None:
        """Forget the agent and all its paths."""

    def dropped(self, reason: Drop) -> None:
        """Count a drop."""


def _ice_string(length: int) -> str:
    return "".join(secrets.choice(_STRING_ALPHABET) for _ in range(length))


class IceLiteAgent:
    """Stands in for aioice's `Connection` behind aiortc's ICE transport; all attributes it reads are here."""

    def __init__(self, switchboard: Switchboard, candidates: Sequence[Candidate], *, now: float) -> None:
        self._switchboard = switchboard
        self.local_username = _ice_string(8)
        self.local_password = _ice_string(24)
        self.local_candidates = list(candidates)
        self.remote_candidates: list[Candidate] = []
        self.remote_username: str | None = None
        self.remote_password: str | None = None
        self.remote_is_lite = False
        self.ice_controlling = False
        self.path: Path | None = None
        self.paths: dict[PathKey, Path] = {}
        self.last_check = now
        self._connected = asyncio.Event()
        self._closed = False
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue(_RECEIVE_QUEUE)
        self._events: asyncio.Queue[ConnectionClosed] = asyncio.Queue(4)

    # What aiortc calls.

    async def gather_candidates(self) -> None:
        """There is nothing to gather: the port's addresses are known."""

    async def add_remote_candidate(self, candidate: Candidate | None) -> None:
        """A lite agent has no use for the viewer's candidates: it never sends to where it was not asked from."""

    async def connect(self) -> None:
        """Wait for the first authenticated check; raises ConnectionError after 10 s or when closed."""
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await self._connected.wait()
        except TimeoutError:
            raise ConnectionError("no connectivity check arrived") from None
        if self._closed:
            raise ConnectionError("closed")

    async def recv(self) -> bytes:
        """The next datagram for DTLS or RTCP; raises ConnectionError once closed."""
        datagram = None if self._closed and self._received.empty() else await self._received.get()
        if datagram is None:
            raise ConnectionError("closed")
        return datagram

    async def send(self, datagram: bytes) -> None:
        """Send on the selected path; raises ConnectionError when there is none."""
        if self.path is None or self._closed:
            raise ConnectionError("not connected")
        self.path.send(datagram)

    async def get_event(self) -> ConnectionClosed:
        """Wait for the end of the connection."""
        return await self._events.get()

    async def close(self) -> None:
        """End the connection; whoever waits in it gets ConnectionError."""
        self.shut()

    # What the port calls.

    def shut(self) -> None:
        """End the connection at once; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._switchboard.remove(self)
        self._connected.set()
        if self._received.full():
            self._received.get_nowait()
        self._received.put_nowait(None)
        self._events.put_nowait(ConnectionClosed())

    def receive(self, datagram: bytes) -> None:
        """Take a datagram from a validated path."""
        try:
            self._received.put_nowait(datagram)
        except asyncio.QueueFull:
            self._switchboard.dropped(Drop.QUEUE_FULL)

    def check(self, request: Message, path: Path, *, request_size: int, now: float) -> None:
        """Answer an authenticated binding request and learn the path from it (RFC 8445 section 7.3)."""
        if path.key not in self.paths:
            if len(self.paths) >= _MAX_PATHS:
                self._switchboard.dropped(Drop.PATHS_FULL)
                return
            self.paths[path.key] = path
            self._switchboard.bind(path.key, self)
        response = Message(Method.BINDING, Class.RESPONSE, transaction_id=request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = path.remote
        response.add_message_integrity(self.local_password.encode())
        answer = bytes(response)
        if len(answer) > request_size:
            self._switchboard.dropped(Drop.AMPLIFICATION)
            return
        path.send(answer)
        self.last_check = now
        # Until the viewer nominates a pair, DTLS may start on the first one that works.
        if self.path is None or "USE-CANDIDATE" in request.attributes:
            self.path = self.paths[path.key]
            self._connected.set()

    def authenticates(self, request: Message) -> bool:
        """Whether a request carries this agent's user name and integrity (RFC 8445 section 7.2.2)."""
        if self.remote_username is not None:
            expected = f"{self.local_username}:{self.remote_username}"
            if not hmac.compare_digest(expected, str(request.attributes.get("USERNAME", ""))):
                return False
        return bool(request.check_message_integrity(self.local_password.encode()))
