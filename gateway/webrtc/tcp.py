"""ICE over TCP, passive side (RFC 6544): datagrams framed by their length (RFC 4571) on connections viewers open."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final, cast

from gateway.webrtc.paths import Drop, DropCounter, PathKey
from gateway.webrtc.udp import MAX_DATAGRAM

SILENT_S: Final = 10.0
"""A connection without an authenticated check in this time is closed."""

MAX_STRANGERS: Final = 512
"""Connections that have not been authenticated yet; for one more the oldest is closed."""

MAX_STRANGERS_EACH: Final = 64
"""The same for one address, or one IPv6 network of 64 bits: nobody's connections make room for nobody else's."""

_MAX_STRIKES: Final = 8
"""Datagrams a stranger may send that authenticate nobody."""

TURN_S: Final = 0.0006
"""For the datagrams of all connections together in one turn of the event loop."""

_ACCEPTED_PER_TURN: Final = 8
_BACKLOG: Final = 256
_BUFFER_BYTES: Final = 8192
"""What of a connection is read but not dealt with yet; a few datagrams."""

_SEND_BUFFER_BYTES: Final = 256 * 1024
"""The kernel's share of what is unsent; left to itself it would take seconds of video before anybody noticed."""

_CONGESTED_BYTES: Final = 256 * 1024
"""Beyond this much unsent, a viewer skips to the next keyframe."""

_FULL_BYTES: Final = 1 << 20
_LENGTH_BYTES: Final = 2
_LINGER_S: Final = 2.0


class TcpPath:
    """A viewer's TCP connection."""

    __slots__ = ("_counter", "_transport", "key", "remote")

    protocol = "tcp"

    def __init__(
        self, transport: asyncio.Transport, key: PathKey, remote: tuple[str, int], counter: DropCounter
    ) -> None:
        self._transport = transport
        self._counter = counter
        self.key = key
        self.remote = remote

    @property
    def congested(self) -> bool:
        """Whether the viewer's connection is slower than what it is sent."""
        return self._transport.get_write_buffer_size() > _CONGESTED_BYTES

    def send(self, datagram: bytes | memoryview) -> bool:
        """Queue one framed datagram; False when the connection is closing or its buffer full."""
        return self._write(len(datagram).to_bytes(2, "big") + bytes(datagram), 1)

    def send_packets(self, packets: memoryview, stride: int) -> int:
        """Queue all packets with one write, or none of them."""
        total = len(packets)
        framed = bytearray()
        for begin in range(0, total, stride):
            packet = packets[begin : begin + stride]
            framed += len(packet).to_bytes(2, "big")
            framed += packet
        return total if self._write(framed, -(-total // stride)) else 0

    def close(self) -> None:
        """Send what is queued, for 2 s at most, and close the connection."""
        self._transport.close()
        asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def _write(self, framed: bytes | bytearray, count: int) -> bool:
        if self._transport.is_closing():
            self._counter.dropped(Drop.SEND_FAILED, count)
            return False
        if self._transport.get_write_buffer_size() > _FULL_BYTES:
            self._counter.dropped(Drop.SEND_FULL, count)
            return False
        self._transport.write(framed)
        return True


class TcpReceiver:
    """All connections: who is a stranger still, and whose datagram is next.

    `received` does something with a datagram and returns whether its sender is known.
    """

    def __init__(
        self,
        received: Callable[[bytes, TcpPath], bool],
        lost: Callable[[TcpPath], None],
        counter: DropCounter,
    ) -> None:
        self.received = received
        self.lost = lost
        self.counter = counter
        self.connections: set[TcpConnection] = set()
        self._strangers: dict[TcpConnection, str] = {}
        self._ready: deque[TcpConnection] = deque()
        self._turn: asyncio.Handle | None = None

    def connection(self) -> TcpConnection:
        """Protocol factory for the listening socket."""
        return TcpConnection(self)

    def close(self) -> None:
        """Drop all connections."""
        for connection in tuple(self.connections):
            connection.abort()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._ready.clear()

    def accept(self, connection: TcpConnection, host: str) -> None:
        """One more stranger; where there are too many, the oldest goes, of the same address first."""
        network = _network(host)
        same = [stranger for stranger, where in self._strangers.items() if where == network]
        if len(same) >= MAX_STRANGERS_EACH:
            self.counter.dropped(Drop.ADDRESS_FULL)
            same[0].abort()
        elif len(self._strangers) >= MAX_STRANGERS:
            self.counter.dropped(Drop.CONNECTIONS_FULL)
            next(iter(self._strangers)).abort()
        self.connections.add(connection)
        self._strangers[connection] = network

    def is_stranger(self, connection: TcpConnection) -> bool:
        """Whether nobody has been authenticated on it."""
        return connection in self._strangers

    def recognize(self, connection: TcpConnection) -> None:
        """It is a viewer's, or it has ended."""
        self._strangers.pop(connection, None)

    def process(self, connection: TcpConnection) -> None:
        """It has something to be dealt with; each connection once at a time."""
        self._ready.append(connection)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        until = monotonic() + TURN_S
        while self._ready:
            connection = self._ready.popleft()
            if connection.step():
                self._ready.append(connection)
            if monotonic() >= until:
                break
        self._turn = asyncio.get_running_loop().call_soon(self._run) if self._ready else None


def _network(host: str) -> str:
    address = ipaddress.ip_address(host)
    return host if address.version == 4 else str(ipaddress.IPv6Network((address, 64), strict=False))


class TcpConnection(asyncio.BufferedProtocol):
    """One accepted connection: unframes datagrams; closes on anything a viewer's browser would not send."""

    def __init__(self, receiver: TcpReceiver) -> None:
        self._receiver = receiver
        self._buffer = bytearray(_BUFFER_BYTES)
        self._begin = self._end = 0
        self._transport: asyncio.Transport | None = None
        self._path: TcpPath | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._queued = False
        self._strikes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept."""
        self._transport = cast("asyncio.Transport", transport)
        peer = self._transport.get_extra_info("peername")
        ours = self._transport.get_extra_info("sockname")
        if not peer or not ours:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=_FULL_BYTES)
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        remote = (str(peer[0]).partition("%")[0], int(peer[1]))
        self._path = TcpPath(self._transport, ("tcp", str(ours[0]), *remote), remote, self._receiver.counter)
        self._receiver.accept(self, remote[0])
        self._deadline = asyncio.get_running_loop().call_later(SILENT_S, self._silent)

    def _silent(self) -> None:
        self._receiver.counter.dropped(Drop.SILENT_CONNECTION)
        self.abort()

    def abort(self) -> None:
        """Close without waiting for what is unsent."""
        self._receiver.recognize(self)
        self._begin = self._end = 0
        if self._transport is not None:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return memoryview(self._buffer)[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come; whole datagrams go on, in order, when it is this connection's turn."""
        self._end += nbytes
        if self._end == _BUFFER_BYTES and self._transport is not None:
            self._transport.pause_reading()
        if not self._queued:
            self._queued = True
            self._receiver.process(self)

    def step(self) -> bool:
        """Deal with one datagram; whether there may be another."""
        datagram = self._next()
        if datagram is not None:
            self._datagram(datagram)
            return True
        self._queued = False
        self._buffer[: self._end - self._begin] = self._buffer[self._begin : self._end]
        self._begin, self._end = 0, self._end - self._begin
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return False

    def _next(self) -> bytes | None:
        begin = self._begin + _LENGTH_BYTES
        if begin > self._end:
            return None
        end = begin + int.from_bytes(self._buffer[self._begin : begin], "big")
        if end - begin > MAX_DATAGRAM:
            self._receiver.counter.dropped(Drop.TOO_LARGE)
            self.abort()
            return None
        if end > self._end:
            return None
        self._begin = end
        return bytes(self._buffer[begin:end])

    def _datagram(self, datagram: bytes) -> None:
        receiver = self._receiver
        known = False
        if not datagram:
            receiver.counter.dropped(Drop.EMPTY)
        elif self._path is not None:
            known = receiver.received(datagram, self._path)
        if not receiver.is_stranger(self):
            return
        if known:
            receiver.recognize(self)
            if self._deadline is not None:
                self._deadline.cancel()
            return
        self._strikes += 1
        if self._strikes >= _MAX_STRIKES:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its path."""
        self._receiver.recognize(self)
        self._receiver.connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._path is not None:
            self._receiver.lost(self._path)


async def listen(receiver: TcpReceiver, family: socket.AddressFamily, number: int) -> asyncio.Server:
    """Accept connections on all addresses of a family; raises OSError."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        # Everything is authenticated per packet, so all addresses may be listened on.
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", number))  # noqa: S104
        # asyncio's backlog is also how many it accepts in one turn of the loop.
        server = await asyncio.get_running_loop().create_server(
            receiver.connection, sock=sock, backlog=_ACCEPTED_PER_TURN
        )
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return server
