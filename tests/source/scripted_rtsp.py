"""An RTSP server that answers by a script: for what no camera, however badly behaved, can be made to do."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHtoCgL/lwFqDAwNSgAAAAwCAAAAZR4sXUA==,aM48gA==\r\n"
    "a=control:trackID=0\r\n"
)
SOUND_ONLY = SDP[: SDP.index("m=video")] + "m=audio 0 RTP/AVP 8\r\na=control:trackID=0\r\n"


@dataclass(slots=True)
class Script:
    """What to answer; `statuses` overrides the status line of a method, `after_play` then writes to the client."""

    sdp: str = SDP
    statuses: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    after_play: Callable[[asyncio.StreamWriter], AsyncIterator[None]] | None = None


class ScriptedServer:
    """Remembers every request as (method, headers)."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.open_connections = 0
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        return f"rtsp://user:canary-secret@127.0.0.1:{self.port}/cam"

    def headers(self, method: str) -> dict[str, str]:
        """The headers of the first request of that method."""
        return next(headers for name, headers in self.requests if name == method)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self.drop_connections()
        await self._server.wait_closed()

    async def drop_connections(self) -> None:
        """Close every connection; new ones are still accepted."""
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        self.open_connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            # Streams' own callback would log the cancellation that ends this server.
            return
        finally:
            self.open_connections -= 1
            self._clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            method = lines[0].split(" ")[0]
            headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            self.requests.append((method, headers))
            if method in self.script.silent:
                continue
            writer.write(self._answer(method, headers))
            await writer.drain()
            if method == "PLAY" and self.script.after_play is not None:
                async for _ in self.script.after_play(writer):
                    await writer.drain()

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        status = self.script.statuses.get(method, "200 OK")
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('CSeq', '0')}", "Session: 12345678"]
        body = ""
        if status.startswith("401"):
            lines.append('WWW-Authenticate: Basic realm="camera"')
        if method == "DESCRIBE" and status.startswith("200"):
            body = self.script.sdp
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        if method == "SETUP":
            lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


@asynccontextmanager
async def scripted_server(script: Script | None = None) -> AsyncIterator[ScriptedServer]:
    """A running server; ends, with all its connections, at the end of the block."""
    server = ScriptedServer(script or Script())
    await server.start()
    try:
        yield server
    finally:
        await server.close()


async def reports_only(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """A sender report every 100 ms and never a picture."""
    while True:
        ntp = int((time.time() + 2_208_988_800) * 2**32)
        report = struct.pack(">BBHIQIII", 0x80, 200, 6, 0x1234, ntp, 0, 0, 0)
        writer.write(struct.pack(">cBH", b"$", 1, len(report)) + report)
        yield
        await asyncio.sleep(0.1)


async def pictures(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Thirty pictures a second, every tenth a keyframe."""
    async for _ in _pictures(writer, gop=10):
        yield


async def pictures_without_keyframe(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Thirty inter-coded pictures a second."""
    async for _ in _pictures(writer, gop=0):
        yield


async def _pictures(writer: asyncio.StreamWriter, *, gop: int, begin: int = 0) -> AsyncIterator[None]:
    number = begin
    while True:
        writer.write(_picture(number, gop=gop))
        yield
        number += 1
        await asyncio.sleep(1 / 30)


def _picture(number: int, *, gop: int) -> bytes:
    """One interleaved RTP packet; `gop` 0 makes none of them a keyframe."""
    header = struct.pack(">BBHII", 0x80, 0x80 | 96, number & 0xFFFF, 90_000 + number * 3000, 0x1234)
    keyframe = gop and number % gop == 0
    packet = header + (b"\x65\x88\x84" if keyframe else b"\x41\x9a\x02") + b"\x55" * 200
    return struct.pack(">cBH", b"$", 0, len(packet)) + packet


async def pictures_then_silence(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Ten pictures, then nothing, with the connection open."""
    source = pictures_without_keyframe(writer)
    for _ in range(10):
        await anext(source)
        yield


async def hang_up(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close the connection."""
    writer.close()
    yield


def flood(count: int) -> Callable[[asyncio.StreamWriter], AsyncIterator[None]]:
    """`count` small pictures in one write, every tenth a keyframe, then thirty a second."""

    async def source(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        writer.write(b"".join(_picture(number, gop=10) for number in range(count)))
        yield
        async for _ in _pictures(writer, gop=10, begin=count):
            yield

    return source
