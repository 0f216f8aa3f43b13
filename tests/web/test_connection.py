"""What can't be read as a request: answered like every other error, and nothing of it is repeated anywhere."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from gateway.access.carriers import COOKIE_NAME
from tests.support.gateway import running_gateway

SECRET = "cAnArY" * 8
GRANT = f"k.1790000000.{'0' * 16}.{'ab' * 32}"


async def answer(port: int, sent: str) -> tuple[str, str]:
    """Head and body of what comes until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent.encode("latin-1"))
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    return head, body


async def test_nothing_of_it_is_repeated_in_the_answer_or_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running_gateway({}) as gateway:
        for sent in (
            f"GET /g/{GRANT}/ HTTP/9.9x\r\n\r\n",
            f"G@T /g/{GRANT}/ HTTP/1.1\r\n\r\n",
            f"GET /g/{GRANT}/ cam/ HTTP/1.1\r\n\r\n",
            f"GET /g/{GRANT}/\xe9 HTTP/1.1\r\nHost: h\r\n\r\n",
            f"GET /g/{GRANT}/{'a' * 9000} HTTP/1.1\r\nHost: h\r\n\r\n",
            f"GET / HTTP/1.1\r\nAuthorization : Bearer cgk_{SECRET}\r\n\r\n",
            f"GET / HTTP/1.1\r\nAuthorization: Bearer cgk_{SECRET}\x01\r\n\r\n",
            f"GET / HTTP/1.1\r\nAuthorization: Bearer cgk_{SECRET}{'a' * 9000}\r\n\r\n",
            f"GET / HTTP/1.1\r\nX-Key cgk_{SECRET}\r\n\r\n",
            f"GET / HTTP/1.1\r\nCookie: {COOKIE_NAME}={SECRET}\x00\r\n\r\n",
        ):
            head, body = await answer(gateway.http_port, sent)
            assert head.split()[1] == "400", sent
            assert "content-type: application/json" in head.lower()
            error = json.loads(body)["error"]
            assert error["code"] == "bad_request"
            assert "can't be read" in error["message"]
            assert SECRET not in head + body
            assert GRANT not in head + body
    assert "what came is no request" in caplog.text
    assert "Traceback" not in caplog.text
    assert SECRET not in caplog.text
    assert GRANT not in caplog.text
    # Anybody can send nonsense: it must not fill the log.
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG and "request" in record.message]


async def test_what_breaks_outside_the_application_is_logged_and_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("what broke")

    monkeypatch.setattr("aiohttp.web.Application._handle", broken)
    async with running_gateway({}) as gateway:
        head, body = await answer(gateway.http_port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert head.split()[1] == "500"
    assert json.loads(body)["error"]["code"] == "internal"
    assert "what broke" not in body
    assert "what broke" in caplog.text
