"""Light LL-HLS viewers: each follows a playlist by blocking reload, fetches every hinted part, and keeps nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

import aiohttp

from bench.errors import BenchError
from bench.hls_servers import host_and_port
from bench.http_reader import ResponseReader

_ANSWER_DEADLINE_S: Final = 15.0
_BUFFER: Final = bytearray(1 << 18)
"""For all connections: each takes what it was given before the next gets any."""

_WAITING_PARTS: Final = 8
_SEQUENCE: Final = re.compile(r"^#EXT-X-MEDIA-SEQUENCE:(\d+)", re.MULTILINE)
_SKIPPED: Final = re.compile(r"^#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)", re.MULTILINE)
_HINT: Final = re.compile(r'^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a media playlist ends: what the next one must hold, and the part to come."""

    msn: int
    part: int
    hint: str | None
    can_skip: bool


def edge_of(text: str) -> Edge:
    """Read a low-latency media playlist's end; raises BenchError for what is none."""
    sequence = _SEQUENCE.search(text)
    if sequence is None:
        raise BenchError(f"A server's media playlist has no media sequence: {text[:120]!r}")
    skipped = _SKIPPED.search(text)
    count = text.count("\n#EXTINF:") + (int(skipped[1]) if skipped else 0)
    # What follows the last segment's address.
    opened = text.rpartition("\n#EXTINF:")[2]
    hint = _HINT.search(text)
    return Edge(
        msn=int(sequence[1]) + count,
        part=opened.count("\n#EXT-X-PART:"),
        hint=hint[1] if hint else None,
        can_skip="CAN-SKIP-UNTIL=" in text,
    )


class Connection(asyncio.BufferedProtocol):
    """A connection to a server that is kept alive: one request at a time."""

    def __init__(self, *, host: str) -> None:
        self._head = f"Host: {host}\r\nAccept-Encoding: gzip\r\n"
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._answered: asyncio.Future[ResponseReader] | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """To the server of `url`."""
        host, port = host_and_port(url)
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: cls(host=f"{host}:{port}"), host, port
        )
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_connection makes
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        reader, answered = self._reader, self._answered
        if reader is None or answered is None or answered.done():
            return
        try:
            if reader.take(memoryview(_BUFFER)[:nbytes]):
                self._reader = None
                answered.set_result(reader)
        except BenchError as error:
            answered.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(BenchError("A server closed the connection of a viewer."))

    async def get(self, target: str, *, keep: bool) -> ResponseReader:
        """The response, whatever its status; raises BenchError when none comes."""
        if self._transport is None or self._transport.is_closing():
            raise BenchError("A server closed the connection of a viewer.")
        self._reader = ResponseReader(keep=keep)
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(f"GET {target} HTTP/1.1\r\n{self._head}\r\n".encode())
        try:
            async with asyncio.timeout(_ANSWER_DEADLINE_S):
                return await self._answered
        except TimeoutError:
            raise BenchError(f"A server did not answer within {_ANSWER_DEADLINE_S:g} s.") from None

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()


@dataclass(slots=True)
class Count:
    """What viewers got so far."""

    playlists: int = 0
    parts: int = 0
    bytes: int = 0
    refused: int = 0
    """Answers other than 200."""

    @property
    def requests(self) -> int:
        """Answers of either kind."""
        return self.playlists + self.parts


class Followers:
    """Viewers that all watch the same camera; leaving the block ends them."""

    def __init__(self) -> None:
        self.count = Count()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._tasks)

    async def join(self, url: str) -> None:
        """One more viewer of the multivariant playlist at `url`; returns once it has its first media playlist."""
        media = await _enter(url)
        playlists, parts = [await Connection.open(media) for _ in range(2)]
        follower = _Follower(media, playlists=playlists, parts=parts, count=self.count)
        try:
            edge = await follower.begin()
        except BaseException:
            follower.close()
            raise
        self._tasks.append(asyncio.create_task(follower.follow(edge), name="a viewer"))

    def require_all(self) -> None:
        """Raises BenchError when a viewer gave up."""
        for task in self._tasks:
            if task.done():
                task.result()
                raise BenchError("A viewer ended by itself.")


async def _enter(url: str) -> str:
    """The media playlist's address; without cookies, so that a server's own session stands in it."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(url) as response,
    ):
        text = await response.text()
        if response.status != 200:
            raise BenchError(f"{url} refused a viewer: {response.status} {text[:200]}")
        child = next((line for line in text.splitlines() if line and not line.startswith("#")), None)
        if child is None:
            raise BenchError(f"{url} has no media playlist.")
        return urljoin(str(response.url), child)


class _Follower:
    def __init__(self, media: str, *, playlists: Connection, parts: Connection, count: Count) -> None:
        place = urlsplit(media)
        self._media = place.path + (f"?{place.query}" if place.query else "")
        self._next = self._media + ("&" if place.query else "?")
        self._playlists = playlists
        self._parts = parts
        self._count = count
        self._hints: asyncio.Queue[str] = asyncio.Queue(_WAITING_PARTS)

    def close(self) -> None:
        self._playlists.close()
        self._parts.close()

    async def begin(self) -> Edge:
        answer = await self._playlists.get(self._media, keep=True)
        if answer.status != 200:
            raise BenchError(f"A media playlist was refused: {answer.status}.")
        return edge_of(answer.text())

    async def follow(self, edge: Edge) -> None:
        fetching = asyncio.create_task(self._fetch(), name="a viewer's parts")
        try:
            await self._follow(edge, fetching)
        finally:
            fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await fetching
            self.close()

    async def _follow(self, edge: Edge, fetching: asyncio.Task[None]) -> None:
        hinted = None
        while not fetching.done():
            if edge.hint is not None and edge.hint != hinted:
                hinted = edge.hint
                # A viewer this far behind skips: the load side is too slow, which its core's load tells.
                with contextlib.suppress(asyncio.QueueFull):
                    self._hints.put_nowait(hinted)
            skip = "&_HLS_skip=YES" if edge.can_skip else ""
            answer = await self._playlists.get(
                f"{self._next}_HLS_msn={edge.msn}&_HLS_part={edge.part}{skip}", keep=True
            )
            if answer.status == 200:
                self._count.playlists += 1
                edge = edge_of(answer.text())
            else:
                self._count.refused += 1
                edge = await self.begin()

    async def _fetch(self) -> None:
        while True:
            answer = await self._parts.get(urljoin(self._media, await self._hints.get()), keep=False)
            if answer.status == 200:
                self._count.parts += 1
                self._count.bytes += answer.size
            else:
                self._count.refused += 1
