"""Whether edges answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from gateway.edges.choice import Edge
from gateway.edges.watch import EdgeWatch
from tests.support.edge import CountingOrigin, counting_origin, running_edge
from tests.support.nginx import free_port
from tests.webrtc.stage import settled


@asynccontextmanager
async def watching(*urls: str) -> AsyncIterator[EdgeWatch]:
    """Asked when the test says so."""
    watch = EdgeWatch([Edge(url) for url in urls])
    try:
        yield watch
    finally:
        await watch.close()


def there(watch: EdgeWatch) -> list[str]:
    return [edge.url for edge in watch.there()]


def at(origin: CountingOrigin) -> str:
    return f"http://127.0.0.1:{origin.port}/live"


async def test_those_that_answer_are_there_in_the_order_of_the_configuration(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    nobody = f"http://127.0.0.1:{free_port()}"
    async with counting_origin() as first, counting_origin() as second:
        async with watching(at(second), nobody, at(first)) as watch:
            assert there(watch) == []
            await watch.check()
            assert there(watch) == [at(second), at(first)]
        assert {question.target for question in first.questions} == {"/live/healthz"}
    assert [record.message for record in caplog.records] == [
        f"the edge {nobody} is left out, until it answers the gateway: it can't be reached (ClientConnectorError)"
    ]


async def test_one_that_goes_is_left_out_and_one_that_comes_back_is_used() -> None:
    async with counting_origin() as origin, watching(at(origin)) as watch:
        await watch.check()
        healthy, origin.respond = origin.respond, _broken
        await watch.check()
        assert there(watch) == [at(origin)], "one answer that is lost is no outage"
        await watch.check()
        assert there(watch) == []
        origin.respond = healthy
        await watch.check()
        await watch.check()
        assert there(watch) == [at(origin)]


async def test_it_goes_on_asking_by_itself() -> None:
    async with counting_origin() as origin, watching(at(origin)) as watch:
        watch.start()
        await settled(lambda: there(watch) == [at(origin)], "nobody asks")


async def test_a_certificate_nobody_trusts_is_no_edge_for_browsers_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counting_origin() as origin, running_edge(tmp_path, gateway_port=origin.port) as edge:
        async with watching(edge.origin) as watch:
            await watch.check()
            assert there(watch) == []
        assert "its certificate is not one that this machine trusts" in caplog.text
        monkeypatch.setenv("SSL_CERT_FILE", str(edge.cert))
        async with watching(edge.origin) as watch:
            await watch.check()
            assert there(watch) == [edge.origin]


async def _broken(_: object) -> web.Response:
    return web.Response(status=502)
