"""The real MediaMTX as a peer: found on PATH or by MEDIAMTX_BIN, set up as docs/mediamtx.md says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml

from tests.support.nginx import free_port

SECRET: Final = "cAnArY-hook-secret-0123456789"
MISSING: Final = "MediaMTX is neither on PATH nor named by MEDIAMTX_BIN; its contract was held by a double only"
_DEADLINE_S: Final = 10.0


def mediamtx_program() -> str | None:
    """Where MediaMTX is; None where it is not installed."""
    return os.environ.get("MEDIAMTX_BIN") or shutil.which("mediamtx")


class MediaMtxProcess:
    """One set-up of MediaMTX, which can be killed and started again on the same ports."""

    def __init__(
        self, folder: Path, *, gateway_port: int, paths: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> None:
        """`paths` and `changes` are as in mediamtx.yml."""
        self.rtsp_port, self.hls_port, self.api_port = free_port(), free_port(), free_port()
        self._log = folder / "mediamtx.log"
        self._config = folder / "mediamtx.yml"
        values = {
            "logLevel": "debug",
            "authMethod": "http",
            "authHTTPAddress": f"http://mediamtx:{SECRET}@127.0.0.1:{gateway_port}/api/mediamtx/auth",
            "authHTTPExclude": [],
            "api": True,
            "apiAddress": f"127.0.0.1:{self.api_port}",
            "rtspAddress": f"127.0.0.1:{self.rtsp_port}",
            "rtspTransports": ["tcp"],
            "hlsAddress": f"127.0.0.1:{self.hls_port}",
            "hlsAlwaysRemux": True,
            "hlsSegmentCount": 12,
            **dict.fromkeys(("rtmp", "webrtc", "srt", "moq", "playback", "metrics", "pprof"), False),
            "paths": dict(paths),
        }
        self._config.write_text(yaml.safe_dump({**values, **changes}), encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def hls(self) -> str:
        """Where its HLS is."""
        return f"http://127.0.0.1:{self.hls_port}"

    @property
    def api(self) -> str:
        """Where its API is."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def rtsp(self) -> str:
        """Where its RTSP is."""
        return f"rtsp://127.0.0.1:{self.rtsp_port}"

    def log(self) -> str:
        """All it has said."""
        return self._log.read_text(encoding="utf-8")

    async def start(self) -> None:
        """Returns when its HLS answers."""
        program = mediamtx_program()
        assert program is not None
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                program, str(self._config), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        async with asyncio.timeout(_DEADLINE_S):
            while not await self._answers():
                assert self._process.returncode is None, self.log()
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.hls_port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    async def kill(self) -> None:
        """As a crash."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def listed(self, what: str) -> list[dict[str, Any]]:
        """`paths` or `hlssessions`, as the gateway would ask."""
        headers = {"Authorization": aiohttp.encode_basic_auth("gateway", SECRET)}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{self.api}/v3/{what}/list") as response,
        ):
            assert response.status == 200, response.status
            items: list[dict[str, Any]] = (await response.json())["items"]
            return items


@asynccontextmanager
async def mediamtx(
    folder: Path, *, gateway_port: int, paths: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> AsyncIterator[MediaMtxProcess]:
    """MediaMTX beside a gateway on `gateway_port` of 127.0.0.1; not started yet."""
    process = MediaMtxProcess(folder, gateway_port=gateway_port, paths=paths, changes=changes or {})
    try:
        yield process
    finally:
        await process.kill()
