"""Asks every edge, again and again, whether it answers: viewers are sent to those that do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp

from gateway.edges.choice import Edge
from gateway.standing import Standing

_log = logging.getLogger(__name__)

DEADLINE_S: Final = 3.0
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class _Watched:
    edge: Edge
    standing: Standing


class EdgeWatch:
    """Belongs to the event loop's thread."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        """In a running event loop.  Certificates are checked by this machine's authorities (or SSL_CERT_FILE)."""
        self._watched = [_Watched(edge, Standing()) for edge in edges]
        self._tasks: list[asyncio.Task[None]] = []
        # Not aiohttp's own, which is made when that is imported.
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(), limit=_AT_ONCE)
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        self._http = aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    def start(self) -> None:
        """Begin to ask; an edge is not there until it has answered."""
        self._tasks = [
            asyncio.create_task(self._watch_on(watched), name=f"edge {watched.edge.url}") for watched in self._watched
        ]

    async def close(self) -> None:
        """Stops asking."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._http.close()

    def there(self) -> list[Edge]:
        """Those that answer, in the order of the configuration."""
        return [watched.edge for watched in self._watched if watched.standing.is_up]

    async def check(self) -> None:
        """One look at all of them."""
        await asyncio.gather(*(self._check(watched) for watched in self._watched))

    async def _watch_on(self, watched: _Watched) -> None:
        while True:
            await self._check(watched)
            await asyncio.sleep(watched.standing.next_check_s)

    async def _check(self, watched: _Watched) -> None:
        edge, standing = watched.edge, watched.standing
        first = not standing.is_known
        problem = await self._problem(edge)
        changed = standing.heard(answered=problem is None)
        if problem is None and changed:
            _log.info("the edge %s answers: viewers are sent there", edge.url)
        elif problem is not None and (changed or first):
            _log.warning("the edge %s is left out, until it answers the gateway: %s", edge.url, problem)

    async def _problem(self, edge: Edge) -> str | None:
        """None if the edge answers, and reaches the gateway."""
        try:
            async with self._http.get(f"{edge.url}/healthz", allow_redirects=False) as response:
                return None if response.status == 200 else f"its /healthz answers {response.status}"
        except aiohttp.ClientConnectorCertificateError:
            return "its certificate is not one that this machine trusts"
        except TimeoutError:
            return f"nothing came within {DEADLINE_S:g} s"
        except (aiohttp.ClientError, OSError) as error:
            return f"it can't be reached ({type(error).__name__})"
