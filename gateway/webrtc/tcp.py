"""ICE over TCP, passive side (RFC 6544): datagrams framed by their length (RFC 4571) on connections viewers open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from gateway.webrtc.paths import Drop, DropCounter, PathKey
from gateway.webrtc.udp import MAX_DATAGRAM

_log = logging.getLogger(__name__)

SILENT_S: Final = 10.0
"""A connection without an authenticated check in this time is closed."""

MAX_STRANGERS: Final = 512
"""Connections that have not been authenticated yet; one more is refused."""

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
        self.strangers: set[TcpConnection] = set()
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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept, unless too many connections are still strangers."""
        self._transport = cast("asyncio.Transport", transport)
        receiver = self._receiver
        if len(receiver.strangers) >= MAX_STRANGERS:
            receiver.counter.dropped(Drop.CONNECTIONS_FULL)
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=_FULL_BYTES)
        peer = self._transport.get_extra_info("peername")
        ours = self._transport.get_extra_info("sockname")
        if not peer or not ours:
            self._transport.abort()
            return
        remote = (str(peer[0]).partition("%")[0], int(peer[1]))
        self._path = TcpPath(self._transport, ("tcp", str(ours[0]), *remote), remote, receiver.counter)
        receiver.connections.add(self)
        receiver.strangers.add(self)
        self._deadline = asyncio.get_running_loop().call_later(SILENT_S, self._silent)

    def _silent(self) -> None:
        self._receiver.counter.dropped(Drop.SILENT_CONNECTION)
        self.abort()

    def abort(self) -> None:
        """Close without waiting for what is unsent."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; whole datagrams go on, in order."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH_BYTES:
            size = int.from_bytes(buffer[:_LENGTH_BYTES], "big")
            if size > MAX_DATAGRAM:
                self._receiver.counter.dropped(Drop.TOO_LARGE)
                self.abort()
                return
            if len(buffer) < _LENGTH_BYTES + size:
                return
            datagram = bytes(buffer[_LENGTH_BYTES : _LENGTH_BYTES + size])
            del buffer[: _LENGTH_BYTES + size]
            self._datagram(datagram)

    def _datagram(self, datagram: bytes) -> None:
        if not datagram:
            self._receiver.counter.dropped(Drop.EMPTY)
        elif self._path is not None and self._receiver.received(datagram, self._path):
            self._receiver.strangers.discard(self)
            if self._deadline is not None:
                self._deadline.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its path."""
        self._receiver.strangers.discard(self)
        self._receiver.connections.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._path is not None:
            self._receiver.lost(self._path)
