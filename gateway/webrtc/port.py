"""The media port: every viewer's ICE, DTLS and SRTP on one UDP port, told apart by ufrag, then by address."""

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
from gateway.webrtc.ice import CONSENT_S, Drop, IceLiteAgent, PathKey

_log = logging.getLogger(__name__)

_BUFFER_BYTES = 4 << 20
_MAX_DATAGRAM = 1500
_READS_PER_WAKE = 64
"""Datagrams read before the event loop gets its turn again, so that a flood cannot starve it."""

_SWEEP_S = 1.0
_STUN_HEADER_BYTES = 20


class UdpPath:
    """A viewer's UDP address as seen from one of our sockets."""

    __slots__ = ("_address", "_port", "_sock", "key", "remote")

    def __init__(self, port: MediaPort, sock: socket.socket, address: tuple[str, int]) -> None:
        self._port = port
        self._sock = sock
        self._address = address
        self.remote = (address[0], address[1])
        self.key: PathKey = ("udp", address[0], address[1])

    def send(self, datagram: bytes | memoryview) -> bool:
        """Send at once; a full socket buffer is loss, as on any link."""
        try:
            self._sock.sendto(datagram, self._address)
        except OSError as error:
            self._port.dropped(Drop.SEND_FAILED)
            if error.errno not in (errno.EAGAIN, errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH):
                _log.debug("media port: send failed: %s", error.strerror)
            return False
        return True


class MediaPort:
    """Opens the port and demultiplexes it.  Everything happens on the event loop's thread."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._agents: dict[str, IceLiteAgent] = {}
        self._by_path: dict[PathKey, IceLiteAgent] = {}
        self._sockets: list[socket.socket] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self.number = 0
        self.drops: Counter[Drop] = Counter()

    async def open(self, number: int) -> None:
        """Bind UDP on all addresses, IPv4 and, where the host has it, IPv6; 0 picks a free port.

        Raises PortInUse when something else has it.
        """
        loop = asyncio.get_running_loop()
        try:
            first = _bind(socket.AF_INET, "0.0.0.0", number)  # noqa: S104  media is authenticated per packet
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(key="webrtc.port", address=f"UDP port {number}") from error
            raise ConfigError(f"webrtc.port: UDP port {number} can't be opened: {error.strerror}") from error
        self._sockets.append(first)
        self.number = first.getsockname()[1]
        try:
            self._sockets.append(_bind(socket.AF_INET6, "::", self.number))
        except OSError as error:
            _log.info("media port: no IPv6: %s", error.strerror)
        for sock in self._sockets:
            loop.add_reader(sock.fileno(), self._reader(sock))
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)

    async def close(self) -> None:
        """Shut every agent and release the port."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for agent in tuple(self._agents.values()):
            agent.shut()
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()

    def agent(self, candidates: Sequence[Candidate]) -> IceLiteAgent:
        """A new agent on this port that offers `candidates`."""
        agent = IceLiteAgent(self, candidates, now=self._clock.monotonic())
        self._agents[agent.local_username] = agent
        return agent

    @property
    def agent_count(self) -> int:
        """How many agents live on the port."""
        return len(self._agents)

    @property
    def path_count(self) -> int:
        """How many validated paths lead to agents."""
        return len(self._by_path)

    # Switchboard, for the agents.

    def bind(self, key: PathKey, agent: IceLiteAgent) -> None:
        """Send what comes from this path to `agent`; the newest claim wins (a NAT may reuse an address)."""
        self._by_path[key] = agent

    def remove(self, agent: IceLiteAgent) -> None:
        """Forget the agent and all its paths."""
        self._agents.pop(agent.local_username, None)
        for key in agent.paths:
            if self._by_path.get(key) is agent:
                del self._by_path[key]

    def dropped(self, reason: Drop) -> None:
        """Count a drop."""
        self.drops[reason] += 1

    # Input.

    def _reader(self, sock: socket.socket) -> Callable[[], None]:
        def readable() -> None:
            for _ in range(_READS_PER_WAKE):
                try:
                    datagram, address = sock.recvfrom(_MAX_DATAGRAM + 1)
                except (BlockingIOError, InterruptedError):
                    return
                except OSError as error:
                    # ICMP errors of earlier sends surface here; they concern one viewer, not the port.
                    _log.debug("media port: receive failed: %s", error.strerror)
                    continue
                self._datagram(datagram, sock, address)

        return readable

    def _datagram(self, datagram: bytes, sock: socket.socket, address: tuple[str, int]) -> None:
        if not datagram:
            self.dropped(Drop.EMPTY)
        elif len(datagram) > _MAX_DATAGRAM:
            self.dropped(Drop.TOO_LARGE)
        elif datagram[0] < 4:
            self._stun(datagram, UdpPath(self, sock, address))
        elif 19 < datagram[0] < 64 or 127 < datagram[0] < 192:
            agent = self._by_path.get(("udp", address[0], address[1]))
            if agent is None:
                self.dropped(Drop.UNVALIDATED)
            else:
                agent.receive(datagram)
        else:
            self.dropped(Drop.NOT_OURS)

    def _stun(self, datagram: bytes, path: UdpPath) -> None:
        request = _parse_request(datagram)
        if request is None:
            self.dropped(Drop.BAD_STUN)
            return
        agent = self._agents.get(str(request.attributes["USERNAME"]).partition(":")[0])
        if agent is None:
            self.dropped(Drop.UNKNOWN_USER)
        elif not agent.authenticates(request):
            self.dropped(Drop.BAD_INTEGRITY)
        else:
            agent.check(request, path, request_size=len(datagram), now=self._clock.monotonic())

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for agent in tuple(self._agents.values()):
            if agent.path is not None and now - agent.last_check > CONSENT_S:
                _log.info("media port: a viewer stopped answering; its session ends")
                agent.shut()
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)


def _parse_request(datagram: bytes) -> Message | None:
    """A binding request with a user name, None for everything else."""
    if len(datagram) < _STUN_HEADER_BYTES:
        return None
    try:
        message = parse_message(datagram)
    except Exception:  # noqa: BLE001  aioice's parser raises whatever hostile bytes provoke
        return None
    if message.message_method != Method.BINDING or message.message_class != Class.REQUEST:
        return None
    return message if "USERNAME" in message.attributes else None


def _bind(family: socket.AddressFamily, host: str, number: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind((host, number))
    except OSError:
        sock.close()
        raise
    return sock
