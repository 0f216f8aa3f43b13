"""Fixtures: the HTTP application over real parts, and a client to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.app import build_app
from gateway.assets import static_dir
from gateway.clock import SYSTEM_CLOCK
from tests.webrtc.stage import Stage, stage

Http = TestClient[web.Request, web.Application]


@dataclass(slots=True)
class Site:
    """A gateway that answers over HTTP."""

    stage: Stage
    http: Http
    app: web.Application


@pytest_asyncio.fixture(name="site")
async def _site() -> AsyncIterator[Site]:
    async with stage(("yard", "site1/gate", "site1/hall")) as running:
        app = build_app(running.registry, running.sessions, clock=SYSTEM_CLOCK, folder=static_dir())
        async with TestClient(TestServer(app)) as client:
            yield Site(running, client, app)
