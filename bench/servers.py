"""The servers that are compared: how each is configured for the same cameras, started, and known to be ready."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import aiohttp

from bench.errors import BenchError
from bench.processes import Program, output_of, running
from bench.procfs import free_port

_START_DEADLINE_S: Final = 30.0
_PER_CAMERA_S: Final = 1.0
_ASK_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with all its cameras live.

    `whep` has `{}` where the camera's name goes; `document` is the path of something harmless that a browser can show,
    to be on a page of the server's own.
    """

    name: str
    program: Program
    origin: str
    whep: str
    document: str

    def whep_url(self, camera: str) -> str:
        """Where a viewer of `camera` posts its offer."""
        return self.origin + self.whep.format(quote(camera))


class ServerKind(Protocol):
    """One way to turn cameras into WebRTC."""

    @property
    def name(self) -> str:
        """The column it gets in tables."""

    @property
    def most_viewers(self) -> int | None:
        """How many viewers of 4 Mb/s it can be asked to hold on one core; None when that is to be found out."""

    def missing(self) -> str | None:
        """Why it can't be started here, as a sentence; None when it can."""

    async def version(self) -> str:
        """As the server names it."""

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        """Write its configuration into `folder`."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, where the server will be reached, and how many cameras it says are live."""

    command: tuple[str, ...]
    origin: str
    whep: str
    status_url: str
    count_live: Callable[[Any], int]
    document: str = ""


@asynccontextmanager
async def serving(kind: ServerKind, cameras: Mapping[str, str], *, core: int, folder: Path) -> AsyncIterator[Server]:
    """A server with all `cameras` live, for the length of the block; raises BenchError when it does not get there."""
    problem = kind.missing()
    if problem:
        raise BenchError(problem)
    home = folder / kind.name.replace(" ", "-")
    home.mkdir(parents=True, exist_ok=True)
    launch = kind.prepare(home, cameras)
    async with (
        running(
            launch.command, name=kind.name, core=core, folder=home, environment={"PYTHONUNBUFFERED": "1"}
        ) as program,
        aiohttp.ClientSession(timeout=_ASK_TIMEOUT) as client,
    ):

        async def live() -> bool:
            return await _live(client, launch) == len(cameras)

        deadline_s = _START_DEADLINE_S + _PER_CAMERA_S * len(cameras)
        await program.wait_until(live, within_s=deadline_s, what=f"{len(cameras)} live cameras")
        yield Server(kind.name, program, launch.origin, launch.whep, launch.document)


async def _live(client: aiohttp.ClientSession, launch: Launch) -> int:
    try:
        async with client.get(launch.status_url) as response:
            return launch.count_live(await response.json(content_type=None)) if response.status == 200 else 0
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return 0


class GatewayServer:
    """This project, as `camera-gateway serve` runs it."""

    name = "gateway"
    most_viewers = None

    def missing(self) -> str | None:
        return None

    async def version(self) -> str:
        return ""

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        port = free_port()
        file = folder / "gateway.yml"
        body = {
            "listen": f"127.0.0.1:{port}",
            "access": {"mode": "open", "writes_per_s": 0},
            "webrtc": {
                "port": free_port(),
                "advertise": ["127.0.0.1"],
                "max_viewers": 10_000,
                "max_viewers_per_camera": 10_000,
            },
            "cameras": dict(cameras),
        }
        file.write_text(json.dumps(body), encoding="utf-8")
        origin = f"http://127.0.0.1:{port}"
        command = (sys.executable, "-m", "gateway", "serve", "-c", str(file))
        return Launch(command, origin, "/{}/whep", f"{origin}/api/cameras", _count_gateway, "/healthz")


def _count_gateway(status: Any) -> int:
    return sum(camera["state"] == "live" for camera in status["cameras"])


class MediaMtx:
    """MediaMTX, pulling the cameras all the time; everything but WebRTC and its API switched off."""

    name = "mediamtx"
    most_viewers = None

    def missing(self) -> str | None:
        return _missing("mediamtx")

    async def version(self) -> str:
        return (await output_of(_binary("mediamtx") or "", "--version") or "unknown").removeprefix("v")

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        port, media, api = free_port(), free_port(), free_port()
        file = folder / "mediamtx.yml"
        body = {
            "logLevel": "warn",
            **dict.fromkeys(("rtsp", "rtmp", "hls", "srt", "moq"), False),
            "api": True,
            "apiAddress": f"127.0.0.1:{api}",
            "webrtcAddress": f"127.0.0.1:{port}",
            "webrtcLocalUDPAddress": f"127.0.0.1:{media}",
            "webrtcIPsFromInterfaces": False,
            "webrtcAdditionalHosts": ["127.0.0.1"],
            "paths": {name: {"source": url, "rtspTransport": "tcp"} for name, url in cameras.items()},
        }
        file.write_text(json.dumps(body), encoding="utf-8")
        command = (_binary("mediamtx") or "", str(file))
        status = f"http://127.0.0.1:{api}/v3/paths/list?itemsPerPage=1000"
        document = f"/{quote(next(iter(cameras)))}/reader.js"
        return Launch(command, f"http://127.0.0.1:{port}", "/{}/whep", status, _count_mediamtx, document)


def _count_mediamtx(status: Any) -> int:
    return sum(bool(path["ready"]) for path in status["items"])


class Go2Rtc:
    """go2rtc with its cameras preloaded, so that it holds them open as the others do."""

    name = "go2rtc"
    most_viewers = None

    def missing(self) -> str | None:
        return _missing("go2rtc")

    async def version(self) -> str:
        words = (await output_of(_binary("go2rtc") or "", "--version") or "unknown").split()
        return words[2] if len(words) > 2 else words[0]

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        port, media = free_port(), free_port()
        file = folder / "go2rtc.yaml"
        body = {
            "log": {"level": "warn"},
            "api": {"listen": f"127.0.0.1:{port}"},
            "rtsp": {"listen": ""},
            "webrtc": {
                "listen": f"127.0.0.1:{media}",
                "candidates": [f"127.0.0.1:{media}"],
                "ice_servers": [],
                "filters": {"loopback": True, "interfaces": ["lo"], "ips": ["127.0.0.1"], "networks": ["udp4"]},
            },
            "streams": dict(cameras),
            "preload": dict.fromkeys(cameras, "video"),
        }
        file.write_text(json.dumps(body), encoding="utf-8")
        origin = f"http://127.0.0.1:{port}"
        command = (_binary("go2rtc") or "", "-config", str(file))
        return Launch(command, origin, "/api/webrtc?src={}", f"{origin}/api/streams", _count_go2rtc, "/api")


def _count_go2rtc(status: Any) -> int:
    return sum(
        any(producer.get("receivers") for producer in stream.get("producers") or []) for stream in status.values()
    )


def _program_of_ours(module: str, whep_path: str, *, folder: Path, cameras: Mapping[str, str]) -> Launch:
    """How a module of this package is started that takes a port and a file of cameras."""
    port = free_port()
    file = folder / "cameras.json"
    file.write_text(json.dumps(dict(cameras)), encoding="utf-8")
    origin = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", module, str(port), str(file))
    return Launch(command, origin, whep_path, f"{origin}/live", _count_itself)


class Vanilla:
    """aiortc as its documentation shows it: MediaPlayer without decoding, MediaRelay, a peer connection per viewer."""

    name = "aiortc"
    # Every viewer costs it about a hundredth of a core; beyond this it would only be shown to be full.
    most_viewers = 30

    def missing(self) -> str | None:
        return None

    async def version(self) -> str:
        return ""

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        return _program_of_ours("bench.vanilla_server", "/{}/whep", folder=folder, cameras=cameras)


class BareReaders:
    """Threads that pull cameras with PyAV and throw the packets away: the least that any gateway with PyAV costs."""

    name = "bare PyAV"
    most_viewers = 0

    def missing(self) -> str | None:
        return None

    async def version(self) -> str:
        return ""

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        return _program_of_ours("bench.bare_reader", "", folder=folder, cameras=cameras)


def _count_itself(status: Any) -> int:
    return int(status)


def _binary(name: str) -> str | None:
    return os.environ.get(f"{name.upper()}_BIN") or shutil.which(name)


def _missing(name: str) -> str | None:
    binary = _binary(name)
    if binary is not None and shutil.which(binary):
        return None
    return f"{name} was left out: it is neither on PATH nor named by {name.upper()}_BIN."


KINDS: Final[Mapping[str, ServerKind]] = {
    kind.name: kind for kind in (GatewayServer(), MediaMtx(), Go2Rtc(), Vanilla(), BareReaders())
}
