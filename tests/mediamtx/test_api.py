"""MediaMTX's API and everything that can answer in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.mediamtx import api
from gateway.mediamtx import server as server_module
from gateway.mediamtx.api import ApiAway, MediaMtxApi
from gateway.mediamtx.lists import PAGE_SIZE, HlsSession
from gateway.mediamtx.server import Addresses, MediaMtx, Rounds
from tests.support.nginx import free_port

SECRET = "cAnArY-hook-secret"
SESSION = HlsSession("a29843d0-dd44-4915-bcbe-f9cf1c388672", "cam", "grant=cAnArY")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """The address of a server that answers everything so."""
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", answer)])
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[MediaMtxApi]:
    client = MediaMtxApi(hls=address, api=address, secret=SECRET)
    try:
        yield client
    finally:
        await client.close()


async def complaint(answer: Answer) -> str:
    async with answering(answer) as address, opened(address) as client:
        with pytest.raises(ApiAway) as caught:
            await client.paths()
    assert "cAnArY" not in str(caught.value)
    return str(caught.value)


async def test_a_long_list_is_read_page_by_page_with_the_gateways_name() -> None:
    names = [f"cam{number:04}" for number in range(2 * PAGE_SIZE + 1)]
    users = set()

    async def answer(request: web.Request) -> web.Response:
        users.add(request.headers["Authorization"])
        page = int(request.query["page"])
        items = [{"name": name, "ready": True} for name in names[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]]
        return web.json_response({"pageCount": 3, "itemCount": len(names), "items": items})

    async with answering(answer) as address, opened(address) as client:
        assert [path.name for path in await client.paths()] == names
    assert users == {"Basic Z2F0ZXdheTpjQW5BclktaG9vay1zZWNyZXQ="}


@pytest.mark.parametrize(
    ("status", "text", "sentence"),
    [
        (200, "<html>", "MediaMTX's API says something else than a list of paths"),
        (200, "[" * 100_000, "MediaMTX's API says something else than a list of paths"),
        (200, '{"items": null}', "MediaMTX's API says something else than a list of paths"),
        (401, "", "MediaMTX's API refuses the gateway: mediamtx.hook_secret must be the same at both"),
        (302, "", "MediaMTX's API answers 302"),
        (404, "", "MediaMTX's API answers 404"),
        (500, "", "MediaMTX's API answers 500"),
    ],
)
async def test_what_answers_as_no_api_does_is_told_apart(status: int, text: str, sentence: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/"} if status == 302 else {})

    assert await complaint(answer) == sentence


async def test_an_answer_without_end_is_not_waited_for() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b" " * 65536)
        return response

    assert await complaint(answer) == "MediaMTX's API answers without end"


async def test_no_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "DEADLINE_S", 0.05)

    async def answer(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    assert await complaint(answer) == "MediaMTX's API has not answered in 0.05 s"
    async with answering(answer) as address, opened(address) as client:
        assert not await client.serves_hls()


async def test_nobody_there() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    async with opened(address) as client:
        assert not await client.serves_hls()
        with pytest.raises(ApiAway, match="can't be reached: ClientConnectorError"):
            await client.hls_sessions()


@pytest.mark.parametrize(("status", "lives"), [(200, True), (404, True), (401, True), (500, False), (502, False)])
async def test_whatever_hls_says_it_lives_but_for_a_proxy_without_it(status: int, *, lives: bool) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with answering(answer) as address, opened(address) as client:
        assert await client.serves_hls() is lives


async def test_a_session_that_is_gone_already_is_no_trouble() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path == f"/v3/hlssessions/kick/{SESSION.id}"
        return web.Response(status=404)

    async with answering(answer) as address, opened(address) as client:
        await client.kick(SESSION)


async def test_a_round_that_fails_is_told_and_the_next_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "INTERVAL_S", 0.0)
    followed = asyncio.Event()
    failures = iter([ValueError("a bug")])

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"pageCount": 0, "items": []})

    async def follow(_: object) -> None:
        for failure in failures:
            raise failure
        followed.set()

    async with answering(answer) as address:
        server = MediaMtx(Addresses(api=address), Rounds(follow=follow))
        server.start()
        try:
            async with asyncio.timeout(10):
                await followed.wait()
        finally:
            await server.close()
    assert "a round of MediaMTX's lists failed" in caplog.text
    assert not server.is_up
