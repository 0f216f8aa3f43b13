"""A second, independent camera for tests: gst-rtsp-server in a process of the distribution's Python."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_PYTHON: Final = "/usr/bin/python3"
_SCRIPT: Final = Path(__file__).with_name("gst_server.py")
_READY_DEADLINE_S: Final = 20.0
_END_DEADLINE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GstSpec:
    """One GStreamer camera; `audio` is none, pcma, pcmu, opus or aac; `login` is `user:password`, by digest.

    `config_interval` -1 sends SPS and PPS with each keyframe, 0 only in the SDP.
    """

    width: int = 320
    height: int = 240
    fps: int = 20
    gop_s: float = 1.0
    bitrate_kbps: int = 500
    profile: str = "constrained-baseline"
    audio: str = "none"
    config_interval: int = -1
    login: str = field(default="", repr=False)

    @property
    def arguments(self) -> list[str]:
        """The server script's options."""
        return [
            f"--width={self.width}",
            f"--height={self.height}",
            f"--fps={self.fps}",
            f"--gop={self.gop_s}",
            f"--bitrate-kbps={self.bitrate_kbps}",
            f"--profile={self.profile}",
            f"--audio={self.audio}",
            f"--config-interval={self.config_interval}",
            f"--login={self.login}",
        ]


class GstCamera:
    """Use `gst_camera`; it starts and ends one."""

    def __init__(self, spec: GstSpec) -> None:
        self._spec = spec
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The address, with the login if there is one."""
        login = f"{self._spec.login}@" if self._spec.login else ""
        return f"rtsp://{login}127.0.0.1:{self._port}/cam"

    async def start(self) -> None:
        """Starts the process and waits, at most 20 seconds, until it listens and answers RTSP."""
        self._process = await asyncio.create_subprocess_exec(
            _PYTHON,
            str(_SCRIPT),
            f"--port={self._port}",
            *self._spec.arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_READY_DEADLINE_S):
                await self._await_ready(self._process)
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        """SIGKILL: every connection ends at once, and the port is free afterwards."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        async with asyncio.timeout(_END_DEADLINE_S):
            # communicate() also closes the pipes, so that no transport is left for the garbage collector.
            await process.communicate()

    async def restart(self, spec: GstSpec | None = None) -> None:
        """Kills it if it runs and comes back on the same port, perhaps as another camera."""
        self._spec = spec or self._spec
        await self.kill()
        await self.start()

    async def _await_ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode().split()
        if len(line) != 2 or line[0] != "ready":
            raise RuntimeError("gst-rtsp-server could not be started; is gir1.2-gst-rtsp-server-1.0 installed?")
        self._port = int(line[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"OPTIONS rtsp://127.0.0.1:{self._port}/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
            answer = await reader.readline()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        if not answer.startswith(b"RTSP/1.0 200"):
            raise RuntimeError(f"gst-rtsp-server answered {answer!r}.")


@asynccontextmanager
async def gst_camera(spec: GstSpec | None = None) -> AsyncIterator[GstCamera]:
    """A running GStreamer camera; ends with the block."""
    camera = GstCamera(spec or GstSpec())
    await camera.start()
    try:
        yield camera
    finally:
        await camera.kill()
