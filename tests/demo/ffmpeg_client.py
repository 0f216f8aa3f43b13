"""FFmpeg as a client: ffprobe in a process, PyAV in a thread; each with a deadline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import av

_DEADLINE_S = 20.0
_SILENCE_US = "5000000"


async def ffprobe(url: str, *, transport: str = "tcp") -> list[dict[str, Any]]:
    """The streams ffprobe sees; raises AssertionError with its last words when it fails."""
    process = await asyncio.create_subprocess_exec(
        *(
            "ffprobe",
            "-v",
            "error",
            "-rtsp_transport",
            transport,
            "-timeout",
            _SILENCE_US,
            "-analyzeduration",
            "500000",
        ),
        *("-show_streams", "-of", "json", url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, errors.decode()
    streams: list[dict[str, Any]] = json.loads(out)["streams"]
    return streams


class PyavClient:
    """One open input; every method's waiting is done in a thread."""

    def __init__(self, container: av.container.InputContainer) -> None:
        self.container = container
        self._packets = container.demux()

    async def packets(self, count: int, *, kind: str = "video") -> list[av.Packet[Any]]:
        """The next `count` packets of the video or audio."""
        return await asyncio.to_thread(self._read, count, kind)

    async def frames(self, count: int) -> list[av.VideoFrame]:
        """The next `count` or a few more decoded pictures."""
        return await asyncio.to_thread(self._decode, count)

    def _read(self, count: int, kind: str) -> list[av.Packet[Any]]:
        found: list[av.Packet[Any]] = []
        for packet in self._packets:
            if packet.stream.type == kind and packet.size:
                found.append(packet)
            if len(found) == count:
                return found
        raise EOFError("The stream ended.")

    def _decode(self, count: int) -> list[av.VideoFrame]:
        found: list[av.VideoFrame] = []
        while len(found) < count:
            for packet in self._read(1, "video"):
                found += packet.decode()
        return found


@asynccontextmanager
async def pyav_client(url: str, *, transport: str = "tcp") -> AsyncIterator[PyavClient]:
    """`url` opened by PyAV, quickly; gives up after 5 seconds of silence."""
    options = {
        "rtsp_transport": transport,
        "timeout": _SILENCE_US,
        "probesize": "32768",
        "analyzeduration": "100000",
    }
    container = await asyncio.to_thread(av.open, url, options=options)
    try:
        yield PyavClient(container)
    finally:
        await asyncio.to_thread(container.close)
