"""What a hostile client can't do: hold up others by being slow, by sending too much, or by asking too often."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.config import AccessConfig, AccessMode
from gateway.source.status import CameraState
from gateway.web.slow_clients import HEADERS_DEADLINE_S, allow_many_connections
from tests.support.cameras import demo_camera
from tests.support.gateway import http, reached_state, running_gateway
from tests.webrtc.stage import offer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SLOW = 1000
JOIN_WITHIN_S = 3.0
SDP = {"Content-Type": "application/sdp"}


async def join_s(gateway: Gateway) -> float:
    """How long an offer takes to be answered."""
    async with http() as session:
        begin = time.perf_counter()
        async with session.post(f"{gateway.address}cam/whep", data=offer("chromium-video"), headers=SDP) as answer:
            assert answer.status == 201
            await answer.read()
        return time.perf_counter() - begin


@pytest.mark.timeout(90)
async def test_a_thousand_slow_connections_delay_nobody_and_are_closed() -> None:
    allow_many_connections()
    async with (
        demo_camera(name="cam") as camera,
        running_gateway({"cam": camera.url}) as gateway,
        AsyncExitStack() as end,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        ends: list[asyncio.Task[bytes]] = []

        async def open_slowly() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.http_port)
            end.callback(writer.close)
            writer.write(b"GET /api/cameras HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            ends.append(asyncio.create_task(_to_the_end(reader)))

        for _ in range(0, SLOW, 50):
            await asyncio.gather(*(open_slowly() for _ in range(50)))
        waits = [await join_s(gateway) for _ in range(3)]
        assert not any(task.done() for task in ends[-50:])
        assert max(waits) < JOIN_WITHIN_S, waits
        async with asyncio.timeout(HEADERS_DEADLINE_S + 15):
            await asyncio.gather(*ends)


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_a_connection_that_has_asked_once_is_left_to_the_keep_alive_timeout() -> None:
    async with running_gateway({}) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.http_port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200 OK" in await reader.readline()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 2047 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"404"),
        (b"GET /" + b"a" * 2048 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"414"),
        (b"GET /?" + b"a" * 4097 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"414"),
        (b"GET /?" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 9000 + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: a\r\n" * 1000 + b"\r\n", b"400"),
    ],
)
async def test_too_much_is_refused(head: bytes, status: bytes) -> None:
    async with running_gateway({}) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.http_port)
        try:
            writer.write(head)
            async with asyncio.timeout(10):
                assert (await reader.readline()).split()[1] == status
        finally:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_a_packed_body_is_refused_and_never_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unpacked:
        def __init__(self, *_: object, **__: object) -> None:
            raise AssertionError("it was unpacked")

    monkeypatch.setattr("aiohttp.http_parser.ZLibDecompressor", Unpacked)
    packed = gzip.compress(bytes(32 << 20))
    async with running_gateway({}) as gateway, http() as session:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
        for path, status in (("login", 415), ("api/webrtc?src=none", 404), ("nothing", 405)):
            async with session.post(gateway.address + path, data=packed, headers=headers) as answer:
                assert answer.status == status
        async with session.get(f"{gateway.address}healthz") as answer:
            assert answer.status == 200


async def test_who_writes_too_often_is_told_when_to_come_back() -> None:
    access = AccessConfig(mode=AccessMode.OPEN)
    async with running_gateway({}, access=access) as gateway, http() as session:
        statuses = []
        for _ in range(70):
            async with session.post(f"{gateway.address}api/webrtc?src=none", data="") as answer:
                statuses.append(answer.status)
        assert statuses[:60] == [404] * 60
        assert 429 in statuses
        # Reading goes on.
        async with session.get(f"{gateway.address}api/cameras") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("cams", 200), ("cams.local:8080", 200), ("evil.example", 403), ("evil.example:8080", 403)],
)
async def test_an_open_gateway_answers_to_no_foreign_name(host: str, status: int, tmp_path: Path) -> None:
    async def ask(gateway: Gateway) -> int:
        async with http() as session, session.get(f"{gateway.address}api/cameras", headers={"Host": host}) as answer:
            return answer.status

    async with running_gateway({}) as gateway:
        assert await ask(gateway) == status
    # Where somebody has to sign in no foreign page gets further than that.
    async with running_gateway({}, access=AccessConfig(keys_file=tmp_path / "keys.yml")) as gateway:
        assert await ask(gateway) == 401
