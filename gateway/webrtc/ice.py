"""ICE-lite for one peer connection (RFC 8445 section 2.5): answers checks, never sends any."""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from aioice import Candidate
from aioice.ice import ConnectionClosed

from gateway.webrtc.budget import Budget
from gateway.webrtc.paths import Drop, DropCounter, Path, PathKey
from gateway.webrtc.stun import BindingRequest, role_conflict, success, unknown_attributes

CONSENT_S: Final = 30.0
"""A viewer that sent no authenticated check for this long is gone (RFC 7675 section 5.1)."""

AWAY_S: Final = 4.0
"""A viewer of whom nothing came for this long, neither checks nor reports, had lost its network.

Checks alone may be 6 s apart (RFC 7675 section 5.1), reports come every second or so.
"""

QUIET_S: Final = 8.0
"""A viewer not heard of for this long is sent nothing more: numbers used up in vain would break its decryption."""

CONNECT_DEADLINE_S: Final = 10.0
_RECEIVE_QUEUE: Final = 256
_LAST_DTLS: Final = 63
"""First bytes up to this are DTLS, above it RTCP (RFC 7983 section 7)."""

CONTROL_BYTES_PER_S: Final = 32 * 1024
CONTROL_BURST_BYTES: Final = 128 * 1024
_LEAST_CONTROL: Final = 128
"""What a viewer may say of what it was sent, and what each packet of that counts for at least.

Reading a small one takes 30 µs and a NACK of a kilobyte 2 ms, so this is 6 % of a core at most; a browser says a few kB
a second.  What is more is dropped unread.
"""

_MAX_PATHS: Final = 16
_MAX_CREDENTIALS: Final = 3
_SWITCHES: Final = 8
_SWITCH_WINDOW_S: Final = 4.0
"""The selected path may change this often in this time; a viewer that wants more keeps the path it has."""


class Switchboard(DropCounter, Protocol):
    """What the agent needs of the port it lives on."""

    def bind(self, key: PathKey, agent: IceLiteAgent) -> None:
        """Send what comes from this path to `agent`."""

    def unbind(self, key: PathKey, agent: IceLiteAgent) -> None:
        """This path no longer leads to `agent`."""

    def claim(self, username: str, agent: IceLiteAgent) -> None:
        """Send checks for this user name fragment to `agent`."""

    def unclaim(self, username: str, agent: IceLiteAgent) -> None:
        """Checks for this user name fragment are answered no more."""

    def remove(self, agent: IceLiteAgent) -> None:
        """Forget the agent, its user names and paths."""

    def in_turn(self, agent: IceLiteAgent, step: Callable[[], None]) -> bool:
        """Run a costly step when the event loop has time for it; False when too many wait and it was dropped."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One generation of ICE user name fragment and password (RFC 8445 section 5.3)."""

    username: str
    password: str

    @classmethod
    def make(cls) -> Credentials:
        """Fresh ones: 48 bits of user name, 144 bits of password."""
        return cls(_random_string(6), _random_string(18))


def _random_string(octets: int) -> str:
    # Base64's alphabet is exactly ice-char (RFC 8839 section 5.4); multiples of three octets need no padding.
    return base64.b64encode(secrets.token_bytes(octets)).decode()


class IceLiteAgent:
    """Stands in for aioice's `Connection` behind aiortc's ICE transport; all attributes it reads are here."""

    def __init__(self, switchboard: Switchboard, candidates: Sequence[Candidate], *, now: float) -> None:
        self._switchboard = switchboard
        # The newest last; those before a restart stay valid until the viewer has moved over.
        self._credentials = [Credentials.make()]
        self._used = self._credentials[0]
        self.local_candidates = list(candidates)
        self.remote_candidates: list[Candidate] = []
        self.remote_username: str | None = None
        self.remote_password: str | None = None
        self.remote_is_lite = False
        self.ice_controlling = False
        self.path: Path | None = None
        self.paths: dict[PathKey, Path] = {}
        self.last_check = now
        self.last_heard = now
        self.on_return: Callable[[], None] | None = None
        """Called when the viewer is back after its network was away."""
        self._switches: deque[float] = deque(maxlen=_SWITCHES)
        self._control = Budget(per_s=CONTROL_BYTES_PER_S, at_once=CONTROL_BURST_BYTES, now=now)
        self._connected = asyncio.Event()
        self._closed = False
        self._received: asyncio.Queue[bytes | None] = asyncio.Queue(_RECEIVE_QUEUE)
        self._events: asyncio.Queue[ConnectionClosed] = asyncio.Queue(4)
        switchboard.claim(self.local_username, self)

    # What aiortc reads and calls.

    @property
    def local_username(self) -> str:
        """The user name fragment of the newest generation."""
        return self._credentials[-1].username

    @property
    def local_password(self) -> str:
        """The password of the newest generation."""
        return self._credentials[-1].password

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

    # What the gateway calls.

    @property
    def usernames(self) -> tuple[str, ...]:
        """The user name fragments of all generations that are still answered."""
        return tuple(generation.username for generation in self._credentials)

    def quiet(self, now: float) -> bool:
        """Whether there is no way to the viewer, or nothing was heard of it for seconds."""
        return self.path is None or now - max(self.last_check, self.last_heard) > QUIET_S

    def restart(self, *, remote_username: str, remote_password: str) -> Credentials:
        """Begin another generation for a viewer that restarts ICE (RFC 8445 section 9); media goes on meanwhile.

        Raises ConnectionError when the connection has ended.
        """
        if self._closed:
            raise ConnectionError("closed")
        fresh = Credentials.make()
        if len(self._credentials) == _MAX_CREDENTIALS:
            # The generation in use stays, however many answers got lost since.
            oldest = next(generation for generation in self._credentials if generation is not self._used)
            self._credentials.remove(oldest)
            self._switchboard.unclaim(oldest.username, self)
        self._credentials.append(fresh)
        self.remote_username, self.remote_password = remote_username, remote_password
        self._switchboard.claim(fresh.username, self)
        return fresh

    def not_authentic(self) -> None:
        """Count a packet that came by the viewer's path and is not the viewer's."""
        self._switchboard.dropped(Drop.BAD_SRTP)

    def shut(self) -> None:
        """End the connection at once; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._switchboard.remove(self)
        for path in self.paths.values():
            path.close()
        self.paths.clear()
        self.path = None
        self._connected.set()
        if self._received.full():
            self._received.get_nowait()
        self._received.put_nowait(None)
        self._events.put_nowait(ConnectionClosed())

    def receive(self, datagram: bytes) -> None:
        """Take a datagram from a validated path; DTLS waits its turn, as a handshake's steps cost milliseconds."""
        if datagram[0] > _LAST_DTLS:
            if self._control.spend(max(len(datagram), _LEAST_CONTROL), self.last_heard):
                self._take(datagram)
            else:
                self._switchboard.dropped(Drop.TOO_MUCH_CONTROL)
        elif not self._switchboard.in_turn(self, lambda: self._take(datagram)):
            self._switchboard.dropped(Drop.HANDSHAKES_FULL)

    def _take(self, datagram: bytes) -> None:
        if self._closed:
            return
        try:
            self._received.put_nowait(datagram)
        except asyncio.QueueFull:
            self._switchboard.dropped(Drop.QUEUE_FULL)

    def lose(self, path: Path) -> None:
        """A TCP connection is gone; another path is taken when the viewer nominates one."""
        if self.paths.pop(path.key, None) is not None:
            self._switchboard.unbind(path.key, self)
        if self.path is not None and self.path.key == path.key:
            self.path = None

    def check(self, request: BindingRequest, path: Path, *, now: float) -> bool:
        """Answer a binding request and learn the path from it (section 7.3); False when it is not this viewer's.

        Nothing is learnt from a request that can't be answered.
        """
        credentials = self._authenticated(request)
        if credentials is None:
            self._switchboard.dropped(Drop.BAD_INTEGRITY)
            return False
        if request.unknown:
            self._switchboard.dropped(Drop.UNKNOWN_ATTRIBUTE)
            self._answer(request, path, unknown_attributes(request, credentials.password))
        elif request.controlled:
            # A lite agent is always the controlled one; the viewer has to take the other role (section 7.3.1.1).
            self._switchboard.dropped(Drop.ROLE_CONFLICT)
            self._answer(request, path, role_conflict(request, credentials.password))
        else:
            answer = success(request, path.remote, credentials.password)
            if len(answer) > request.size:
                self._switchboard.dropped(Drop.AMPLIFICATION)
            elif self._learn(path):
                path.send(answer)
                self._checked(request, path, credentials, now=now)
        return True

    def _answer(self, request: BindingRequest, path: Path, answer: bytes) -> None:
        if len(answer) > request.size:
            self._switchboard.dropped(Drop.AMPLIFICATION)
        else:
            path.send(answer)

    def _checked(self, request: BindingRequest, path: Path, credentials: Credentials, *, now: float) -> None:
        self._used = credentials
        away_s = now - max(self.last_check, self.last_heard)
        self.last_check = now
        # Back from another place, a browser nominates only with its next check, seconds later; the way it had has not
        # been checked for so long that it can't be missed.
        self._select(path, nominated=request.use_candidate or away_s > AWAY_S, now=now)
        if away_s > AWAY_S and self.on_return is not None:
            self.on_return()

    def _authenticated(self, request: BindingRequest) -> Credentials | None:
        """The generation whose user name and password a request proves to know (section 7.2.2)."""
        ours, _, theirs = request.username.partition(b":")
        for credentials in self._credentials:
            if not hmac.compare_digest(credentials.username.encode(), ours):
                continue
            newest = credentials is self._credentials[-1]
            expected = self.remote_username
            if newest and expected is not None and not hmac.compare_digest(expected.encode(), theirs):
                return None
            if request.is_signed_with(credentials.password):
                return credentials
        return None

    def _learn(self, path: Path) -> bool:
        if path.key not in self.paths:
            if len(self.paths) >= _MAX_PATHS:
                # The oldest that is not in use makes room: a viewer whose NAT keeps rebinding must stay reachable.
                stale = next((known for known in self.paths.values() if known is not self.path), None)
                if stale is None:
                    self._switchboard.dropped(Drop.PATHS_FULL)
                    return False
                stale.close()
                del self.paths[stale.key]
                self._switchboard.unbind(stale.key, self)
            self.paths[path.key] = path
        # Also for a path it has: another viewer may have claimed the address meanwhile (a NAT reuses them) and left.
        self._switchboard.bind(path.key, self)
        return True

    def _select(self, path: Path, *, nominated: bool, now: float) -> None:
        # Until the viewer nominates a pair, DTLS may start on the first one that works.
        if self.path is not None and (not nominated or self.path.key == path.key):
            return
        if self.path is not None:
            if len(self._switches) == _SWITCHES and now - self._switches[0] < _SWITCH_WINDOW_S:
                self._switchboard.dropped(Drop.PATH_SWITCHES)
                return
            self._switches.append(now)
        self.path = self.paths[path.key]
        self._connected.set()
