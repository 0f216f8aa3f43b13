"""Light viewers of low-latency HLS, many in one process: they ask as hls.js does, and decode nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.errors import BenchError

_PART = re.compile(r'URI="p(\d+)\.m4s"')
_SEQUENCE = re.compile(r"#EXT-X-MEDIA-SEQUENCE:(\d+)")
_SKIPPED = re.compile(r"#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)")
_MAP = re.compile(r'#EXT-X-MAP:URI="([^"]+)"')
_DEADLINE_S: Final = 30.0
_MOST_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class Listed:
    """What a media playlist says: the newest part's number, what to ask for next, the last whole segment."""

    newest_part: int
    next_msn: int
    next_part: int
    last_segment: int | None
    init: str | None


def listed(text: str) -> Listed:
    """Reads the gateway's media playlists (pure); raises BenchError for anything else."""
    head = _SEQUENCE.search(text)
    parts = [line for line in text.splitlines() if line.startswith("#EXT-X-PART:")]
    newest = _PART.search(parts[-1]) if parts else None
    if head is None or newest is None:
        raise BenchError("The gateway's playlist has no parts.")
    skipped = _SKIPPED.search(text)
    whole = text.count("#EXTINF:") + (int(skipped[1]) if skipped else 0)
    msn = int(head[1]) + whole
    tail = text.rpartition("#EXTINF:")[2] if whole else text
    init = _MAP.search(text)
    return Listed(
        newest_part=int(newest[1]),
        next_msn=msn,
        next_part=tail.count("#EXT-X-PART:"),
        last_segment=msn - 1 if whole else None,
        init=init[1] if init else None,
    )


@dataclass(frozen=True, slots=True)
class Fetch:
    """A part, when it was asked for and when it was there (time.perf_counter)."""

    part: int
    asked_s: float
    had_s: float

    @property
    def ms(self) -> float:
        """Its way."""
        return (self.had_s - self.asked_s) * 1000


@dataclass(slots=True)
class Seen:
    """What viewers got while they were measured, and what went wrong at any time."""

    fetches: list[Fetch] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Site:
    """Where to watch: an address of this machine, and TLS or not."""

    port: int
    tls: ssl.SSLContext | None


class HlsViewer:
    """One viewer on one kept connection."""

    def __init__(self, site: Site, path: str, seen: Seen) -> None:
        """`path` is that of the multivariant playlist, grant included."""
        self._site = site
        self._folder = path.rpartition("/")[0]
        self._path = path
        self._seen = seen
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.measuring = False

    async def watch(self) -> None:
        """Until cancelled."""
        try:
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self._site.port, ssl=self._site.tls, limit=_MOST_BYTES
            )
            await self._watch()
        except (OSError, asyncio.IncompleteReadError, TimeoutError, BenchError) as error:
            self._seen.failures.append(f"{type(error).__name__}: {error}")
        finally:
            if self._writer is not None:
                self._writer.close()
                with contextlib.suppress(OSError):
                    await self._writer.wait_closed()

    async def _watch(self) -> None:
        child = (await self._get(self._path)).decode().split()[-1]
        media, folder = f"{self._folder}/{child}", f"{self._folder}/{child.rpartition('/')[0]}"
        now = listed((await self._get(media)).decode())
        if now.init is not None:
            await self._get(f"{folder}/{now.init}")
        if now.last_segment is not None:
            await self._get(f"{folder}/s{now.last_segment}.m4s")
        last = now.newest_part
        while True:
            query = f"?_HLS_msn={now.next_msn}&_HLS_part={now.next_part}&_HLS_skip=YES"
            now = listed((await self._get(media + query)).decode())
            for number in range(last + 1, now.newest_part + 1):
                begun = time.perf_counter()
                await self._get(f"{folder}/p{number}.m4s")
                if self.measuring:
                    self._seen.fetches.append(Fetch(number, begun, time.perf_counter()))
            last = now.newest_part

    async def _get(self, path: str) -> bytes:
        if self._reader is None or self._writer is None:
            raise BenchError("The viewer is not connected.")
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode("ascii"))
        async with asyncio.timeout(_DEADLINE_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            body = await self._body(head)
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchError(f"{path.rpartition('/')[2]} was answered {head[9:12].decode()}")
        return body

    async def _body(self, head: bytes) -> bytes:
        if self._reader is None:
            return b""
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        if length is not None:
            return await self._reader.readexactly(int(length[1]))
        whole = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            whole += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return whole


class HlsCrowd:
    """So many viewers at once, each by an address of its own."""

    def __init__(self, site: Site, paths: Sequence[str]) -> None:
        self.seen = Seen()
        self._viewers = [HlsViewer(site, path, self.seen) for path in paths]
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, *, over_s: float) -> None:
        """All of them, one after the other within so many seconds."""
        for viewer in self._viewers:
            self._tasks.append(asyncio.create_task(viewer.watch()))
            await asyncio.sleep(over_s / len(self._viewers))

    def measure(self) -> None:
        """Count from now on."""
        for viewer in self._viewers:
            viewer.measuring = True

    def check(self) -> None:
        """Raises BenchError unless all still watch."""
        if self.seen.failures:
            raise BenchError(
                f"{len(self.seen.failures)} of {len(self._viewers)} HLS viewers gave up: {self.seen.failures[0]}"
            )

    async def leave(self) -> None:
        """All of them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
