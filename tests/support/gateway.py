"""A gateway for tests: in this process, where its insides can be looked at, or in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from gateway.app import Gateway
from gateway.clock import Clock
from gateway.config import AccessConfig, AccessMode, CameraConfig, CameraUrl, Config, Listen, WebRtcConfig
from gateway.relay.camera import Camera
from gateway.source.status import CameraState, CameraStatus

_READY_DEADLINE_S: Final = 30.0
_END_DEADLINE_S: Final = 10.0
_WATCH_AT = re.compile(r"watch (\d+) cameras? at (http://\S+)")

Cameras = Mapping[str, str | CameraConfig]


_OPEN: Final = AccessConfig(mode=AccessMode.OPEN, writes_per_s=0)


def _config(cameras: Cameras, access: AccessConfig = _OPEN) -> Config:
    return Config(
        access=access,
        listen=Listen("127.0.0.1", 0),
        webrtc=WebRtcConfig(port=0),
        cameras={
            name: camera if isinstance(camera, CameraConfig) else CameraConfig(source=CameraUrl(camera))
            for name, camera in cameras.items()
        },
    )


@asynccontextmanager
async def running_gateway(
    cameras: Cameras,
    *,
    access: AccessConfig = _OPEN,
    access_clock: Clock | None = None,
    changes: Mapping[str, object] | None = None,
) -> AsyncIterator[Gateway]:
    """A gateway on free ports of 127.0.0.1, in this event loop; open unless `access` says otherwise."""
    config = _config(cameras, access).model_copy(update=dict(changes or {}))
    async with Gateway(config, environment=os.environ, access_clock=access_clock) as gateway:
        yield gateway


async def reached(
    camera: Camera, condition: Callable[[CameraStatus], bool], *, within_s: float
) -> tuple[CameraStatus, ...]:
    """All statuses of `camera` from now on until `condition` holds for one, that included; TimeoutError if none."""
    seen = [camera.status]
    changed = asyncio.Event()

    def note(status: CameraStatus) -> None:
        seen.append(status)
        changed.set()

    camera.hub.events.on("status", note)
    try:
        async with asyncio.timeout(within_s):
            while not condition(seen[-1]):
                await changed.wait()
                changed.clear()
    except TimeoutError:
        raise TimeoutError(f"{camera.name} went through {seen}") from None
    finally:
        camera.hub.events.remove_listener("status", note)
    return tuple(seen)


async def reached_state(camera: Camera, *states: CameraState, within_s: float) -> CameraStatus:
    """The first status of `camera` from now on in one of `states`."""
    return (await reached(camera, lambda status: status.state in states, within_s=within_s))[-1]


class GatewayProcess:
    """Use `gateway_process`; it starts and ends one."""

    def __init__(self, process: asyncio.subprocess.Process, *, address: str, camera_count: int) -> None:
        self._process = process
        self.address = address
        self.camera_count = camera_count

    async def terminate(self, *, within_s: float) -> int:
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(within_s):
            return await self._process.wait()


async def start_command(
    *arguments: str, program: Sequence[str] = ("-m", "gateway"), **environment: str
) -> asyncio.subprocess.Process:
    """`camera-gateway` with these arguments, open to everybody, its output in pipes; `program` takes its place."""
    own = {"GATEWAY_ACCESS__MODE": "open", "GATEWAY_ACCESS__WRITES_PER_S": "0"} | {
        name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *arguments,
        env=own | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def end_command(process: asyncio.subprocess.Process) -> str:
    """Kills what still runs, and returns what of its output was not read yet."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    async with asyncio.timeout(_END_DEADLINE_S):
        # communicate() also closes the pipes, so that no transport is left for the garbage collector.
        output, _ = await process.communicate()
    return output.decode()


@asynccontextmanager
async def gateway_process(*arguments: str, **environment: str) -> AsyncIterator[GatewayProcess]:
    """`camera-gateway` with these arguments, from the line that says where to watch until the end of the block."""
    process = await start_command(*arguments, **environment)
    reading: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(_READY_DEADLINE_S):
            count, address = await _read_address(process)
        reading = asyncio.create_task(_read_to_end(process))
        yield GatewayProcess(process, address=address, camera_count=count)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if reading is not None:
            await reading
        await end_command(process)


async def _read_address(process: asyncio.subprocess.Process) -> tuple[int, str]:
    assert process.stdout is not None
    lines: list[str] = []
    while line := (await process.stdout.readline()).decode():
        lines.append(line)
        if found := _WATCH_AT.search(line):
            return int(found[1]), found[2]
    raise AssertionError("camera-gateway ended and said only: " + "".join(lines))


async def _read_to_end(process: asyncio.subprocess.Process) -> None:
    """A full pipe would stop the program."""
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass


@asynccontextmanager
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that leaves no connection open behind it."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def camera_json(address: str, name: str) -> dict[str, Any]:
    """`GET /api/cameras/{name}`."""
    async with http() as session, session.get(f"{address}api/cameras/{name}") as response:
        assert response.status == 200
        body: dict[str, Any] = json.loads(await response.text())
    return body
