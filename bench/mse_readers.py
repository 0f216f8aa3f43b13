"""Light viewers of fragments over the gateway's WebSocket: they count what comes and keep nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from typing import Final, Self
from urllib.parse import quote

from bench.errors import BenchError
from bench.hls_servers import host_and_port

CODECS: Final = "avc1.640029,avc1.42e01e,mp4a.40.2,opus"
_JOIN_DEADLINE_S: Final = 15.0
_BUFFER: Final = bytearray(1 << 18)
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A whole message as a client sends it (RFC 6455 section 5.2), at most 65535 bytes; masked by zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack(">BH", 0x80 | 126, len(payload))
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class FrameReader:
    """Takes a server's WebSocket frames; keeps the payload of all but binary ones, which it counts (pure)."""

    def __init__(self) -> None:
        self.messages = 0
        """Whole binary messages."""
        self.bytes = 0
        self._head = bytearray()
        self._left = 0
        self._opcode = 0
        self._final = True
        self._payload = bytearray()

    def take(self, data: memoryview) -> list[tuple[int, bytes]]:
        """The frames other than binary that are complete now, as (opcode, payload)."""
        found: list[tuple[int, bytes]] = []
        while len(data):
            if self._left == 0:
                data = data[self._take_head(data) :]
                if self._left == 0 and not self._head:
                    self._end(found)
                continue
            used = min(self._left, len(data))
            if self._opcode == _BINARY:
                self.bytes += used
            else:
                self._payload += data[:used]
            self._left -= used
            data = data[used:]
            if self._left == 0:
                self._end(found)
        return found

    def _take_head(self, data: memoryview) -> int:
        """Uses up bytes of a frame's head; afterwards `_head` is empty if that was all of it."""
        known = len(self._head)
        self._head += data[: 10 - known]
        if len(self._head) < 2:
            return len(self._head) - known
        short = self._head[1] & 0x7F
        size = {126: 4, 127: 10}.get(short, 2)
        if len(self._head) < size:
            return len(self._head) - known
        self._left = int.from_bytes(self._head[2:size], "big") if size > 2 else short
        self._final = bool(self._head[0] & 0x80)
        # A continuation belongs to the message before it.
        self._opcode = self._head[0] & 0x0F or self._opcode
        self._head.clear()
        return size - known

    def _end(self, found: list[tuple[int, bytes]]) -> None:
        if self._opcode == _BINARY:
            self.messages += self._final
        elif self._final:
            found.append((self._opcode, bytes(self._payload)))
            self._payload.clear()


class MseReader(asyncio.BufferedProtocol):
    """One viewer."""

    def __init__(self, *, host: str, target: str) -> None:
        self.frames = FrameReader()
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done with the first fragment; an error otherwise."""
        self._request = (
            f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
        )
        self._head: bytearray | None = bytearray()
        self._transport: asyncio.Transport | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_connection makes
        self._transport = transport
        transport.write(self._request.encode())

    def get_buffer(self, sizehint: int) -> bytearray:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        data = memoryview(_BUFFER)[:nbytes]
        if self._head is not None:
            self._head += data
            head, end, rest = bytes(self._head).partition(b"\r\n\r\n")
            if not end:
                return
            self._head = None
            status = head.split(b"\r\n", 1)[0].decode("latin-1")
            if " 101 " not in status:
                self._fail(f"The WebSocket was refused: {status}.")
                return
            self._send(_TEXT, json.dumps({"type": "mse", "value": CODECS}).encode())
            data = memoryview(rest)
        for opcode, payload in self.frames.take(data):
            self._answer(opcode, payload)
        # The first message is the initialization section.
        if self.frames.messages > 1 and not self.first.done():
            self.first.set_result(None)

    def _answer(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self._send(_PONG, payload)
        elif opcode == _TEXT:
            message = json.loads(payload)
            if message.get("type") == "error":
                self._fail(f"The gateway answers {message.get('value')}")

    def _send(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(client_frame(opcode, payload))

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._fail("The gateway closed the connection of a viewer.")

    def _fail(self, sentence: str) -> None:
        if not self.first.done():
            self.first.set_exception(BenchError(sentence))

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()


class MseReaders:
    """Viewers that all watch the same camera; leaving the block ends them."""

    def __init__(self) -> None:
        self._readers: list[MseReader] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.close()

    def __len__(self) -> int:
        return len(self._readers)

    async def join(self, origin: str, camera: str) -> None:
        """One more viewer; returns with its first fragment, raises BenchError without."""
        host, port = host_and_port(origin)
        _, reader = await asyncio.get_running_loop().create_connection(
            lambda: MseReader(host=f"{host}:{port}", target=f"/api/ws?src={quote(camera)}"), host, port
        )
        self._readers.append(reader)
        try:
            async with asyncio.timeout(_JOIN_DEADLINE_S):
                await reader.first
        except TimeoutError:
            raise BenchError(f"The gateway sent viewer {len(self)} no fragment in {_JOIN_DEADLINE_S:g} s.") from None

    def messages(self) -> int:
        """Binary messages so far, of all."""
        return sum(reader.frames.messages for reader in self._readers)

    def require_all(self) -> None:
        """Raises BenchError when a viewer was given up."""
        if any(reader.ended for reader in self._readers):
            raise BenchError("The gateway closed the connection of a viewer.")
