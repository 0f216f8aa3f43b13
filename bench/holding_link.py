"""A TCP link in front of a server of ours that can hold back everything for a while, as a busy radio cell does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Self

_CHUNK_BYTES = 1 << 16


class HoldingLink:
    """Passes bytes both ways; between `hold` and its end none goes on, and TCP itself bounds what waits."""

    def __init__(self, host: str, port: int) -> None:
        """`host` and `port` are where it leads to."""
        self._target = (host, port)
        self._open = asyncio.Event()
        self._open.set()
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, host: str, port: int) -> AsyncIterator[Self]:
        """A link for the length of the block, at `port` of 127.0.0.1."""
        link = cls(host, port)
        server = await asyncio.start_server(link._accept, "127.0.0.1", 0)
        link.port = int(server.sockets[0].getsockname()[1])
        try:
            yield link
        finally:
            server.close()
            for task in link._connections:
                task.cancel()
            await asyncio.gather(*link._connections, return_exceptions=True)
            await server.wait_closed()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Nothing passes in the block."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def jitter(self, *, open_s: float, hold_s: float) -> None:
        """Holds for `hold_s` after each `open_s`, until cancelled."""
        while True:
            await asyncio.sleep(open_s)
            with self.hold():
                await asyncio.sleep(hold_s)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain function, so that the task is ours to end.
        task = asyncio.create_task(self._connect(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                onward_reader, onward_writer = await asyncio.open_connection(*self._target)
            except OSError:
                writer.close()
                return
            try:
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._pass(reader, onward_writer))
                    ways.create_task(self._pass(onward_reader, writer))
            finally:
                writer.close()
                onward_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
