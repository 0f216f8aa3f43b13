"""An RTSP 1.0 server (RFC 2326) that serves demo cameras under paths."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

from gateway.demo.rtsp_connection import Hosting, RtspConnection, ServerSettings

if TYPE_CHECKING:
    from types import TracebackType

    from gateway.demo.camera import Camera

_BACKLOG: Final = 128


class RtspServer:
    """Listens on one TCP port; an async context manager, or `start` and `close`.  Does not own the cameras."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, settings: ServerSettings | None = None) -> None:
        self._host = host
        self._port = port
        self._hosting = Hosting(settings or ServerSettings())
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def port(self) -> int:
        """The TCP port; a free one is chosen by the first `start` and then kept."""
        return self._port

    @property
    def connection_count(self) -> int:
        """Open client connections, playing or not."""
        return len(self._hosting.connections)

    def add(self, path: str, camera: Camera) -> None:
        """Serves `camera` under `/path`; one camera may have many paths."""
        self._hosting.cameras[path] = camera

    def url(self, path: str) -> str:
        """The address of a path, without credentials."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"rtsp://{host}:{self._port}/{path}"

    async def start(self) -> None:
        """Listens; raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, self._host, self._port, backlog=_BACKLOG)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening and resets every connection."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        connections = list(self._hosting.connections)
        for connection in connections:
            connection.reset()
        if server is not None:
            await server.wait_closed()
        # asyncio closes a socket in the loop's next round, and only then the client sees the reset.
        for connection in connections:
            await connection.lost.wait()

    async def die(self) -> None:
        """Goes away like a camera that lost power and whose host answers for it: resets, then refuses."""
        await self.close()

    async def revive(self) -> None:
        """Comes back on the same port."""
        await self.start()

    def silence(self) -> None:
        """Accepts connections and reads requests, but answers nothing until `speak`; media goes on."""
        self._hosting.silent = True

    def speak(self) -> None:
        """Answers requests again."""
        self._hosting.silent = False

    def _connect(self) -> asyncio.BaseProtocol:
        if len(self._hosting.connections) >= self._hosting.settings.connection_limit:
            return _Refusal()
        return RtspConnection(self._hosting)


class _Refusal(asyncio.Protocol):
    """Closes a connection above the limit at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Closes it."""
        transport.close()
