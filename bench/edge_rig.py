"""Gateway and nginx on one core, cameras and the viewers' own nginx on the other."""

from __future__ import annotations

import json
import ssl
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from bench import edge_config, edge_uplink
from bench.cameras import CameraKind, cameras
from bench.context import Bench
from bench.edge_config import EdgeSettings
from bench.edge_probes import Target
from bench.errors import BenchError
from bench.processes import Program, running
from bench.procfs import free_port
from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.keyring import ensure_keys
from gateway.access.keys import SigningKey
from tests.support.nginx import make_certificate

_START_S: Final = 30.0
_ASK: Final = aiohttp.ClientTimeout(total=5)
_GRANT_S: Final = 3000


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of the gateway's HLS."""

    part_s: float
    segment_s: float


@dataclass(frozen=True, slots=True)
class Rig:
    """What runs, and by what it is asked."""

    nginx: Program
    gateway: Program
    gateway_port: int
    edge_port: int
    cert: Path
    uplink_port: int
    key: SigningKey
    access_log: Path
    cameras: Sequence[str]

    def targets(self, camera: str, count: int) -> dict[str, Target]:
        """So many measuring viewers at the gateway, and as many at nginx."""
        return {
            "direct": Target(self.gateway_port, None, self.paths(camera, count)),
            "edge": Target(self.edge_port, self.cert, self.paths(camera, count)),
        }

    def paths(self, camera: str, count: int) -> list[str]:
        """Playlists, each by a grant of its own."""
        return [f"/g/{_grant(self.key, f'/{camera}/')}/{camera}/index.m3u8" for _ in range(count)]

    def shared_paths(self, count: int) -> list[str]:
        """The same, as many for each camera, in turn."""
        each = [self.paths(camera, -(-count // len(self.cameras))) for camera in self.cameras]
        return [path for paths in zip(*each, strict=True) for path in paths][:count]


@asynccontextmanager
async def sources(folder: Path, count: int, kind: CameraKind) -> AsyncIterator[tuple[Path, dict[str, str]]]:
    """A folder of its own, and so many cameras by name."""
    async with AsyncExitStack() as stack:
        own = Path(stack.enter_context(TemporaryDirectory(dir=folder)))
        found = [await stack.enter_async_context(cameras(kind, 1)) for _ in range(count)]
        yield own, {f"cam-{number}": next(iter(urls.values())) for number, urls in enumerate(found, start=1)}


def _grant(key: SigningKey, prefix: str) -> str:
    return sign_grant(key, prefix=prefix, expires=int(time.time()) + _GRANT_S, grant_id=new_grant_id())


@asynccontextmanager
async def running_rig(bench: Bench, lengths: Lengths, urls: Mapping[str, str], rig_folder: Path) -> AsyncIterator[Rig]:
    """Ready when all cameras can be watched through nginx; `rig_folder` is empty before."""
    keys_file, core = rig_folder / "keys.yml", bench.server_core
    key = ensure_keys(keys_file, now=time.time()).active
    port = free_port()
    config = rig_folder / "gateway.yml"
    body = {
        "listen": f"127.0.0.1:{port}",
        "access": {"keys_file": str(keys_file)},
        "trusted_proxies": ["127.0.0.1"],
        "webrtc": {"port": free_port()},
        "hls": {"part": f"{lengths.part_s * 1000:.0f}ms", "segment": f"{lengths.segment_s:g}s", "always": True},
        "cameras": dict(urls),
    }
    config.write_text(json.dumps(body), encoding="utf-8")
    command = (sys.executable, "-m", "gateway", "serve", "-c", str(config))
    state = {"STATE_DIRECTORY": str(rig_folder), "PYTHONUNBUFFERED": "1"}
    async with running(command, name="gateway", core=core, folder=rig_folder, environment=state) as gateway:
        paths = [f"/g/{_grant(key, '/')}/{camera}/index.m3u8" for camera in urls]

        async def plays() -> bool:
            return all([await _is_ok(f"http://127.0.0.1:{port}{path}") for path in paths])

        await gateway.wait_until(plays, within_s=_START_S, what="a playlist")
        folder = rig_folder / "nginx"
        folder.mkdir()
        settings = await _settings(folder, gateway_port=port, keys_file=keys_file)
        edge_config.write(folder, settings)
        first = ("nice", "-n", str(edge_config.priority()), *edge_config.command(folder))
        async with running(first, name="nginx", core=core, folder=folder) as nginx:

            async def passes_on() -> bool:
                return await _is_ok(f"https://127.0.0.1:{settings.port}{paths[0]}", cert=settings.cert)

            await nginx.wait_until(passes_on, within_s=_START_S, what="a playlist")
            try:
                own = rig_folder / "uplink"
                own.mkdir()
                async with _uplink(bench, settings, own) as uplink_port:
                    log = folder / "access.log"
                    yield Rig(nginx, gateway, port, settings.port, settings.cert, uplink_port, key, log, tuple(urls))
            finally:
                edge_config.socket_of(folder).unlink(missing_ok=True)


@asynccontextmanager
async def _uplink(bench: Bench, settings: EdgeSettings, folder: Path) -> AsyncIterator[int]:
    """Its port; on the viewers' core."""
    port = free_port()
    edge_uplink.write(folder, port=port, edge_port=settings.port, cert=settings.cert)
    async with running(edge_config.command(folder), name="uplink", core=bench.load_core, folder=folder) as program:

        async def answers() -> bool:
            return await _is_ok(f"http://127.0.0.1:{port}/healthz")

        await program.wait_until(answers, within_s=_START_S, what="an answer")
        yield port


async def _settings(folder: Path, *, gateway_port: int, keys_file: Path) -> EdgeSettings:
    try:
        cert, private_key = await make_certificate(folder)
    except FileNotFoundError:
        raise BenchError("openssl, which makes nginx's certificate, is not installed.") from None
    return EdgeSettings(
        port=free_port(),
        gateway_port=gateway_port,
        mediamtx_port=free_port(),
        cert=cert,
        key=private_key,
        keys=keys_file,
        mediamtx_secret="unused",  # noqa: S106  nobody is there
    )


async def _is_ok(url: str, *, cert: Path | None = None) -> bool:
    tls = ssl.create_default_context(cafile=None if cert is None else str(cert))
    try:
        async with aiohttp.ClientSession(timeout=_ASK) as client, client.get(url, ssl=tls) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
