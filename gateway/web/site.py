"""The listening socket of the application, with deadlines for who connects and then does nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from ssl import SSLContext
from typing import Final

from aiohttp import web

from gateway.web.connection import Connection
from gateway.web.shortcut import Shortcut

HANDSHAKE_DEADLINE_S: Final = 10.0
"""For TLS; what comes after it has gateway.web.slow_clients."""

UNREAD_DEADLINE_S: Final = 30.0
"""How long a client may take nothing of what waits for it: an answer it asked for and does not read."""

_BACKLOG: Final = 128


class Site(web.BaseSite):
    """As aiohttp's TCPSite, which has neither deadline.

    Unread answers are the kernel's to judge (TCP_USER_TIMEOUT, RFC 5482): it alone knows what has been acknowledged,
    be it sent by sendfile, under TLS or on a WebSocket.  Where there is no such option, other limits have to do.
    """

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, *, tls: SSLContext | None, shortcut: Shortcut | None = None
    ) -> None:
        """`shortcut` answers what need not reach the runner's application."""
        super().__init__(runner, ssl_context=tls, backlog=_BACKLOG)
        self._host = host
        self._port = port
        self._shortcut = shortcut

    @property
    def name(self) -> str:
        """For aiohttp."""
        return f"{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; raises OSError."""
        await super().start()
        assert self._runner.server is not None  # noqa: S101  checked by BaseSite
        http, loop = self._runner.server, asyncio.get_running_loop()

        def connect() -> Connection:
            # As the server itself makes them; there is no public way to have it make others.
            return Connection(http, shortcut=self._shortcut, loop=loop, **http._kwargs)  # noqa: SLF001

        server = await loop.create_server(
            connect,
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=None if self._ssl_context is None else HANDSHAKE_DEADLINE_S,
            start_serving=False,
        )
        self._server = server
        # Accepted connections inherit it.
        _limit_unread(server.sockets)
        await server.start_serving()


def _limit_unread(sockets: Iterable[socket.socket]) -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return
    for listening in sockets:
        with contextlib.suppress(OSError):
            listening.setsockopt(socket.IPPROTO_TCP, option, round(UNREAD_DEADLINE_S * 1000))
