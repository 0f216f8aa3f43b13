"""The programs of a rig, each in its namespace: demo cameras, gateways whole and crippled, and what else runs there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.access.api_keys import hash_api_key, new_api_key
from gateway.access.passwords import hash_password
from tests.rig.faults import MEDIA_PORTS, WEB_PORTS
from tests.rig.network import CAMERA, CAMERA_ADDRESS, GATEWAY, GATEWAY_ADDRESS, ROUTER, Network

_ROOT: Final = Path(__file__).parents[2]
_START_DEADLINE_S: Final = 30.0
_END_DEADLINE_S: Final = 10.0
_RTSP_PORT: Final = 8554
_WATCH_AT: Final = re.compile(r"watch \d+ cameras? at (http://\S+)")

KEY: Final = new_api_key()
"""Opens what a closed gateway of the rig tells administrators alone; nobody administers an open one."""

OPEN: Final[Mapping[str, object]] = {"mode": "open", "writes_per_s": 0}
VISITOR: Final = "visitor"
PASSWORD: Final = "as-it-happens"


@functools.cache
def closed() -> Mapping[str, object]:
    """Access for `VISITOR` with `PASSWORD`, and for `KEY`."""
    return {
        "users": {VISITOR: {"hash": hash_password(PASSWORD), "cameras": ["*"]}},
        "api_keys": {"rig": {"hash": hash_api_key(KEY), "cameras": ["*"], "scopes": ["view", "admin"]}},
    }


class Program:
    """A running program: lines go in, lines come out, of which the newest 200 are kept."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.said: deque[str] = deque(maxlen=200)
        self._reading = asyncio.create_task(self._read(), name="output of a program of the rig")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            text = line.decode(errors="replace").rstrip()
            self.said.append(text)
            self._lines.put_nowait(text)
        self._lines.put_nowait(None)

    async def line(self, pattern: str, *, within_s: float = _START_DEADLINE_S) -> re.Match[str]:
        """The next line in which `pattern` is found; AssertionError with what it said instead."""
        try:
            async with asyncio.timeout(within_s):
                while (text := await self._lines.get()) is not None:
                    if found := re.search(pattern, text):
                        return found
        except TimeoutError:
            raise AssertionError(f"no line like {pattern!r} in {within_s} s, but: " + "\n".join(self.said)) from None
        raise AssertionError(f"ended without a line like {pattern!r}, but said: " + "\n".join(self.said))

    async def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def wait(self, *, within_s: float) -> int:
        """Its exit status."""
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def end(self) -> None:
        """SIGTERM, then SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await self.wait(within_s=_END_DEADLINE_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.wait_closed()
        await self._reading


@asynccontextmanager
async def running(network: Network, role: str, *command: str) -> AsyncIterator[Program]:
    """A program in a role's namespace, from the repository's root, until the end of the block."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = await asyncio.create_subprocess_exec(
        *network.inside(role, *command),
        cwd=_ROOT,
        env=own | {"PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    program = Program(process)
    try:
        yield program
    finally:
        await program.end()


@asynccontextmanager
async def cameras(network: Network, *specs: str, port: int = _RTSP_PORT) -> AsyncIterator[dict[str, str]]:
    """Demo cameras (their one-line form is gateway/demo/spec.py's); name to address."""
    command = [sys.executable, "-m", "gateway.demo", "--child", "--host", CAMERA_ADDRESS, "--port", str(port)]
    for spec in specs:
        command += ["--camera", spec]
    async with running(network, CAMERA, *command) as program:
        yield json.loads((await program.line(r"^\{.*\}$"))[0])


class FrameTap:
    """When frames arrive in a namespace (tests/rig/frame_tap.py)."""

    def __init__(self, program: Program) -> None:
        self._program = program

    async def gaps_ms(self) -> list[list[float]]:
        """Between the ends of frames since the last call: a list for each stream, first the one with the most."""
        await self._program.tell("gaps")
        found = json.loads((await self._program.line(r"^\{.*\}$"))[0])
        return sorted(found.values(), key=len, reverse=True)


@asynccontextmanager
async def frame_tap(network: Network, role: str) -> AsyncIterator[FrameTap]:
    """Listens where a viewer behind the router is reached."""
    async with running(network, role, sys.executable, "-m", "tests.rig.frame_tap", ROUTER) as program:
        yield FrameTap(program)


class RunningGateway:
    """Where a gateway of the rig is reached."""

    def __init__(self, program: Program, address: str) -> None:
        self.program = program
        self.address = address


@asynccontextmanager
async def gateway(
    network: Network,
    urls: Mapping[str, object],
    folder: Path,
    *,
    without: str | None = None,
    number: int = 0,
    access: Mapping[str, object] = OPEN,
) -> AsyncIterator[RunningGateway]:
    """`camera-gateway serve`, or one `without` a protection (tests/rig/crippled.py); `number` 0…9 tells ports apart.

    `urls` are addresses, or what else may stand under a camera in the configuration.
    """
    file = folder / f"gateway-{number}.yml"
    config = {
        "listen": f"{GATEWAY_ADDRESS}:{WEB_PORTS[0] + number}",
        "access": dict(access),
        "webrtc": {"port": MEDIA_PORTS[0] + number},
        "cameras": dict(urls),
    }
    # JSON is YAML.
    file.write_text(json.dumps(config))
    command: Sequence[str] = ("gateway",) if without is None else ("tests.rig.crippled", without)
    async with running(network, GATEWAY, sys.executable, "-m", *command, "serve", "-c", str(file)) as program:
        address = (await program.line(_WATCH_AT.pattern))[1]
        yield RunningGateway(program, address)
