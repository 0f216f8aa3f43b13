"""ICE over TCP, passive side (RFC 6544): datagrams framed by their length (RFC 4571) on connections viewers open."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final, cast

from gateway.webrtc.paths import Drop, DropCounter, PathKey
from gateway.webrtc.udp import MAX_DATAGRAM

_log = logging.getLogger(__name__)

SILENT_S: Final = 10.0
"""A connection without an authenticated check in this time is closed."""

MAX_STRANGERS: Final = 512
"""Connections that have not been authenticated yet; for one more the oldest is closed."""

_MAX_STRIKES: Final = 8
"""Datagrams a stranger may send that authenticate nobody."""

_DATAGRAMS_PER_TURN: Final = 16
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
    """What the port does with a connection's datagrams; returns whether the sender is known."""

    def __init__(
        self,
        received: Callable[[bytes, TcpPath], bool],
        lost: Callable[[TcpPath], None],
        counter: DropCounter,
    ) -> None:
        self.received = received
        self.lost = lost
        self.counter = counter
        self.strangers: dict[TcpConnection, None] = {}
        self.connections: set[TcpConnection] = set()

    def connection(self) -> TcpConnection:
        """Protocol factory for the listening socket."""
        return TcpConnection(self)

    def close(self) -> None:
        """Drop all connections."""
        for connection in tuple(self.connections):
            connection.abort()


class TcpConnection(asyncio.Protocol):
    """One accepted connection: unframes datagrams; closes on anything a viewer's browser would not send."""

    def __init__(self, receiver: TcpReceiver) -> None:
        self._receiver = receiver
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._path: TcpPath | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._more: asyncio.Handle | None = None
        self._strikes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept; where too many are strangers still, the oldest of them goes."""
        self._transport = cast("asyncio.Transport", transport)
        receiver = self._receiver
        peer = self._transport.get_extra_info("peername")
        ours = self._transport.get_extra_info("sockname")
        if not peer or not ours:
            self._transport.abort()
            return
        if len(receiver.strangers) >= MAX_STRANGERS:
            receiver.counter.dropped(Drop.CONNECTIONS_FULL)
            next(iter(receiver.strangers)).abort()
        self._transport.set_write_buffer_limits(high=_FULL_BYTES)
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        remote = (str(peer[0]).partition("%")[0], int(peer[1]))
        self._path = TcpPath(self._transport, ("tcp", str(ours[0]), *remote), remote, receiver.counter)
        receiver.connections.add(self)
        receiver.strangers[self] = None
        self._deadline = asyncio.get_running_loop().call_later(SILENT_S, self._silent)

    def _silent(self) -> None:
        self._receiver.counter.dropped(Drop.SILENT_CONNECTION)
        self.abort()

    def abort(self) -> None:
        """Close without waiting for what is unsent."""
        self._receiver.strangers.pop(self, None)
        self._buffer.clear()
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; whole datagrams go on, in order, a few in each turn of the event loop."""
        self._buffer += data
        if self._more is None:
            self._unframe()

    def _unframe(self) -> None:
        self._more = None
        for _ in range(_DATAGRAMS_PER_TURN):
            datagram = self._next()
            if datagram is None:
                if self._transport is not None and not self._transport.is_closing():
                    self._transport.resume_reading()
                return
            self._datagram(datagram)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._more = asyncio.get_running_loop().call_soon(self._unframe)

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < _LENGTH_BYTES:
            return None
        size = int.from_bytes(buffer[:_LENGTH_BYTES], "big")
        if size > MAX_DATAGRAM:
            self._receiver.counter.dropped(Drop.TOO_LARGE)
            self.abort()
            return None
        if len(buffer) < _LENGTH_BYTES + size:
            return None
        datagram = bytes(buffer[_LENGTH_BYTES : _LENGTH_BYTES + size])
        del buffer[: _LENGTH_BYTES + size]
        return datagram

    def _datagram(self, datagram: bytes) -> None:
        known = False
        if not datagram:
            self._receiver.counter.dropped(Drop.EMPTY)
        elif self._path is not None:
            known = self._receiver.received(datagram, self._path)
        if self not in self._receiver.strangers:
            return
        if known:
            del self._receiver.strangers[self]
            if self._deadline is not None:
                self._deadline.cancel()
            return
        self._strikes += 1
        if self._strikes >= _MAX_STRIKES:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its path."""
        self._receiver.strangers.pop(self, None)
        self._receiver.connections.discard(self)
        for handle in (self._deadline, self._more):
            if handle is not None:
                handle.cancel()
        if self._path is not None:
            self._receiver.lost(self._path)
