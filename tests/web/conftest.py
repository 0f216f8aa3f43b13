"""Fixtures: the HTTP application over real parts, and a client to ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.principal import everybody
from gateway.access.scopes import Scope
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.clock import SYSTEM_CLOCK
from gateway.relay.registry import Registry
from gateway.web.gatekeeper import Gatekeeper, Rules
from tests.webrtc.stage import Stage, stage

Http = TestClient[web.Request, web.Application]


@dataclass(slots=True)
class Site:
    """A gateway that answers over HTTP."""

    stage: Stage
    http: Http
    app: web.Application


def open_gatekeeper(registry: Registry) -> Gatekeeper:
    """Open mode, to administrators' doings too."""
    gatekeeper = Gatekeeper(Rules(everybody=everybody([Scope.VIEW, Scope.ADMIN]), writes_per_s=0))
    names = [camera.name for camera in registry]
    gatekeeper.set_cameras(names, configured=names)
    return gatekeeper


@pytest_asyncio.fixture(name="site")
async def _site() -> AsyncIterator[Site]:
    async with stage(("yard", "site1/gate", "site1/hall")) as running:
        gatekeeper = open_gatekeeper(running.registry)
        app = build_app(running.registry, running.sessions, gatekeeper, clock=SYSTEM_CLOCK, folder=static_dir())
        async with TestClient(TestServer(app)) as client:
            yield Site(running, client, app)
