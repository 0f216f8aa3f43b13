"""Closes connections that never finish a first request: aiohttp itself waits for its headers for ever."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Iterable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

HEADERS_DEADLINE_S: Final = 10.0
"""From the connection to the end of its first request's headers; later ones have the keep-alive timeout."""

_ROUND_S: Final = 1.0
_MANY: Final = 65_536


class Heard:
    """The connections that have brought a request."""

    def __init__(self) -> None:
        # Of connections that are gone, too, until the next round: they can't be referred to weakly.
        self._protocols: set[asyncio.BaseProtocol] = set()

    def add(self, protocol: asyncio.BaseProtocol) -> None:
        """It has."""
        self._protocols.add(protocol)

    def keep(self, protocols: Iterable[asyncio.BaseProtocol]) -> None:
        """Forgets all others."""
        self._protocols.intersection_update(protocols)

    def __contains__(self, protocol: object) -> bool:
        return protocol in self._protocols


HEARD = web.AppKey("heard", Heard)


@web.middleware
async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Notes that a connection has brought a whole head; outside all other middlewares."""
    request.app[HEARD].add(request.protocol)
    return await handler(request)


class SlowClients:
    """Looks at all connections once a second."""

    def __init__(self, heard: Heard, server: web.Server) -> None:
        self._heard = heard
        self._server = server
        self._seen: dict[web.RequestHandler, float] = {}
        self._task = asyncio.create_task(self._look_on(), name="slow clients")

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_ROUND_S)
            self.look(loop.time())

    def look(self, now: float) -> int:
        """Closes those whose time is up at `now` (the loop's clock); how many."""
        connections = self._server.connections
        self._heard.keep(connections)
        silent = [handler for handler in connections if handler not in self._heard]
        self._seen = {handler: self._seen.get(handler, now) for handler in silent}
        late = [handler for handler, since in self._seen.items() if now - since >= HEADERS_DEADLINE_S]
        for handler in late:
            if handler.transport is not None:
                handler.transport.abort()
        return len(late)

    async def close(self) -> None:
        """Stop looking."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


def allow_many_connections() -> None:
    """Raises this process's limit of open files as far as it may: each viewer's socket is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY if hard == resource.RLIM_INFINITY else min(hard, _MANY)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
