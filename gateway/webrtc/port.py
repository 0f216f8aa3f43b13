"""The media port: every viewer's ICE, DTLS and SRTP on one UDP and TCP port, told apart by ufrag, then by address."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence

from aioice import Candidate
from aioice.stun import Class, Message, Method, parse_message

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.errors import ConfigError, PortInUse
from gateway.sparing import SparingLog
from gateway.webrtc import stun
from gateway.webrtc.ice import CONSENT_S, IceLiteAgent
from gateway.webrtc.lane import Lane
from gateway.webrtc.paths import Drop, Path, PathKey
from gateway.webrtc.tcp import TcpPath, TcpReceiver, listen
from gateway.webrtc.udp import UdpPath, UdpSocket

_log = logging.getLogger(__name__)

_SWEEP_S = 1.0
_LOG_INTERVAL_S = 60.0
_ATTEMPTS = 8
_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT, errno.ENOPROTOOPT})
"""What a host without IPv6 says; anything else, such as a port that is taken, is an error as for IPv4."""

StunResponse = Callable[[Message], None]


class MediaPort:
    """Opens the port and demultiplexes it.  Everything happens on the event loop's thread."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._log = SparingLog(_log, clock=clock)
        self._agents: dict[str, IceLiteAgent] = {}
        self._by_path: dict[PathKey, IceLiteAgent] = {}
        self._sockets: list[UdpSocket] = []
        self._servers: list[asyncio.Server] = []
        self._lane = Lane()
        self._tcp = TcpReceiver(self._from_tcp, self._tcp_lost, self)
        self._sweeper: asyncio.TimerHandle | None = None
        self._transactions: dict[bytes, StunResponse] = {}
        self._logged_at = clock.monotonic()
        self._logged: Counter[Drop] = Counter()
        self.number = 0
        self.drops: Counter[Drop] = Counter()

    async def open(self, number: int) -> None:
        """Bind UDP and TCP on all addresses, IPv4 and, where the host has it, IPv6; 0 picks a free port.

        Raises PortInUse when something else has it.
        """
        for attempt in range(_ATTEMPTS):
            try:
                await self._bind(number)
            except OSError as error:
                await self._release()
                if error.errno != errno.EADDRINUSE:
                    raise ConfigError(f"webrtc.port: port {number} can't be opened: {error.strerror}") from error
                # A free UDP port may be taken for TCP: try another, unless this one was asked for.
                if number or attempt == _ATTEMPTS - 1:
                    raise PortInUse(key="webrtc.port", address=f"port {number} (UDP or TCP)") from error
            else:
                break
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.add_reader(sock.fileno(), sock.readable)
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)

    async def _bind(self, number: int) -> None:
        self._sockets.append(UdpSocket(socket.AF_INET, number, self._from_udp, self))
        self.number = self._sockets[0].number
        families = [socket.AF_INET]
        try:
            self._sockets.append(UdpSocket(socket.AF_INET6, self.number, self._from_udp, self))
            families.append(socket.AF_INET6)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
            _log.info("media port: no IPv6: %s", error.strerror)
        for family in families:
            self._servers.append(await listen(self._tcp, family, self.number))

    async def _release(self) -> None:
        for server in self._servers:
            server.close()
        self._tcp.close()
        for server in self._servers:
            await server.wait_closed()
        for sock in self._sockets:
            sock.close()
        self._servers.clear()
        self._sockets.clear()

    async def close(self) -> None:
        """Shut every agent and release the port."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for agent in set(self._agents.values()):
            agent.shut()
        self._lane.close()
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock.fileno())
        await self._release()

    def agent(self, candidates: Sequence[Candidate]) -> IceLiteAgent:
        """A new agent on this port that offers `candidates`."""
        return IceLiteAgent(self, candidates, now=self._clock.monotonic())

    @property
    def agent_count(self) -> int:
        """How many agents live on the port."""
        return len(set(self._agents.values()))

    @property
    def path_count(self) -> int:
        """How many validated paths lead to agents."""
        return len(self._by_path)

    @property
    def connection_count(self) -> int:
        """How many TCP connections are open."""
        return len(self._tcp.connections)

    # Switchboard, for the agents.

    def claim(self, username: str, agent: IceLiteAgent) -> None:
        """Send checks for this user name fragment to `agent`."""
        self._agents[username] = agent

    def unclaim(self, username: str, agent: IceLiteAgent) -> None:
        """Checks for this user name fragment are answered no more."""
        if self._agents.get(username) is agent:
            del self._agents[username]

    def bind(self, key: PathKey, agent: IceLiteAgent) -> None:
        """Send what comes from this path to `agent`; the newest claim wins (a NAT may reuse an address)."""
        self._by_path[key] = agent

    def unbind(self, key: PathKey, agent: IceLiteAgent) -> None:
        """This path no longer leads to `agent`."""
        if self._by_path.get(key) is agent:
            del self._by_path[key]

    def remove(self, agent: IceLiteAgent) -> None:
        """Forget the agent, its user names and paths."""
        # Also the names of generations it has forgotten itself.
        for username in [username for username, known in self._agents.items() if known is agent]:
            del self._agents[username]
        for key in agent.paths:
            self.unbind(key, agent)

    def in_turn(self, agent: IceLiteAgent, step: Callable[[], None]) -> bool:
        """Run a costly step when the event loop has time for it; False when too many wait and it was dropped."""
        return self._lane.put(agent, step)

    def dropped(self, reason: Drop, count: int = 1) -> None:
        """Count drops."""
        self.drops[reason] += count

    # Input.

    def _from_udp(self, datagram: bytes, path: UdpPath) -> None:
        self._received(datagram, path)

    def _from_tcp(self, datagram: bytes, path: TcpPath) -> bool:
        self._received(datagram, path)
        return path.key in self._by_path

    def _tcp_lost(self, path: TcpPath) -> None:
        agent = self._by_path.get(path.key)
        if agent is not None:
            agent.lose(path)

    def _received(self, datagram: bytes, path: Path) -> None:
        """Sort one datagram (RFC 7983): only what comes from a validated path goes further than this."""
        first = datagram[0]
        if first < 4:
            self._stun(datagram, path)
        elif 19 < first < 64 or 127 < first < 192:
            agent = self._by_path.get(path.key)
            if agent is None:
                self.dropped(Drop.UNVALIDATED)
            else:
                agent.last_heard = self._clock.monotonic()
                agent.receive(datagram)
        else:
            self.dropped(Drop.NOT_OURS)

    def _stun(self, datagram: bytes, path: Path) -> None:
        try:
            if stun.message_type(datagram) == stun.BINDING_RESPONSE:
                self._response(datagram)
                return
            request = stun.parse_request(datagram)
        except stun.NoFingerprint:
            self.dropped(Drop.NO_FINGERPRINT)
        except stun.StunError:
            self.dropped(Drop.BAD_STUN)
        else:
            agent = self._agents.get(request.username.partition(b":")[0].decode("latin-1"))
            if agent is None:
                self.dropped(Drop.UNKNOWN_USER)
            else:
                agent.check(request, path, now=self._clock.monotonic())

    def _response(self, datagram: bytes) -> None:
        answered = self._transactions.pop(datagram[8:20], None)
        if answered is None:
            raise stun.StunError("nobody asked")
        try:
            message = parse_message(datagram)
        except Exception as error:
            raise stun.StunError("not to be understood") from error
        answered(message)

    # Asking a STUN server for our public address.

    def ask(self, server: tuple[str, int], answered: StunResponse) -> bytes:
        """Send a binding request from the port itself; `answered` gets the response.  Returns the transaction's id.

        Raises OSError when it can't be sent.  The caller forgets it after its deadline with `forget`.
        """
        request = Message(Method.BINDING, Class.REQUEST)
        request.add_fingerprint()
        v6 = ":" in server[0]
        sock = next((sock for sock in self._sockets if sock.is_v6 == v6), None)
        if sock is None:
            raise OSError(errno.EAFNOSUPPORT, "no socket of that address family")
        self._transactions[request.transaction_id] = answered
        sock.send_to(bytes(request), server)
        return request.transaction_id

    def forget(self, transaction_id: bytes) -> None:
        """Stop waiting for a response."""
        self._transactions.pop(transaction_id, None)

    # Housekeeping.

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for agent in set(self._agents.values()):
            if now - agent.last_check > CONSENT_S:
                self._log.info("media port: a viewer stopped answering; its session ends")
                agent.shut()
        if now - self._logged_at >= _LOG_INTERVAL_S:
            self._log_drops(now)
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _log_drops(self, now: float) -> None:
        """Say once a minute what was dropped, however much strangers send."""
        fresh = self.drops - self._logged
        if fresh:
            reasons = ", ".join(f"{reason.value} {count}" for reason, count in sorted(fresh.items()))
            _log.info("media port: dropped in the last minute: %s", reasons)
        self._logged = self.drops.copy()
        self._logged_at = now
