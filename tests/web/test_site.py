"""Deadlines of the listening socket: for who asks and does not read, and for who never finishes a handshake."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gateway.config import TlsConfig
from gateway.web import site
from tests.support.gateway import running_gateway
from tests.support.nginx import make_certificate
from tests.webrtc.stage import settled

LARGE = bytes(16 << 20)
REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def large_answers() -> AsyncIterator[tuple[web.AppRunner, int]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=LARGE)

    app = web.Application()
    app.add_routes([web.get("/", answer)])
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await site.Site(runner, "127.0.0.1", 0, tls=None).start()
        yield runner, runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_who_does_not_read_the_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "UNREAD_DEADLINE_S", 0.5)
    async with large_answers() as (runner, port):
        assert runner.server is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", port))
            await asyncio.get_running_loop().sock_sendall(deaf, REQUEST)
            server = runner.server
            await settled(lambda: len(server.connections) == 2, "both are connected")
            await settled(lambda: len(server.connections) == 1, "the connection is kept")
        # Whoever asks for nothing yet, and then reads, is none of them.
        writer.write(REQUEST)
        async with asyncio.timeout(10):
            assert (await reader.read()).endswith(LARGE)
        writer.close()
        await writer.wait_closed()


async def test_a_listening_socket_passes_the_deadline_on() -> None:
    async with large_answers() as (runner, port):
        assert runner.server is not None
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        server = runner.server
        await settled(lambda: len(server.connections) == 1, "nobody is connected")
        (connection,) = server.connections
        assert connection.transport is not None
        accepted = connection.transport.get_extra_info("socket")
        deadline_ms = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert deadline_ms == 1000 * site.UNREAD_DEADLINE_S == 30_000
        writer.close()
        await writer.wait_closed()


async def test_who_begins_a_handshake_and_stays_silent_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.HANDSHAKE_DEADLINE_S == 10
    monkeypatch.setattr(site, "HANDSHAKE_DEADLINE_S", 0.5)
    cert, key = await make_certificate(tmp_path)
    async with running_gateway({}, changes={"tls": TlsConfig(cert=cert, key=key)}) as gateway:
        for begin in (b"", b"\x16\x03\x01\x02\x00\x01"):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.http_port)
            writer.write(begin)
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        # Who shakes hands in time stays.
        context = ssl.create_default_context(cafile=str(cert))
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.http_port, ssl=context)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            assert b"200 OK" in await reader.readline()
            await reader.read()
        writer.close()
        await writer.wait_closed()
