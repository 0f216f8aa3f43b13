"""Many viewers with a grant each before nginx: what it asks the gateway for, and what it adds to a part's way.

The many are there to load nginx, their TLS done by another nginx.  What is told of a part's way is measured by a few
viewers in a process of their own, who fetch the same parts at the gateway and through nginx at the same time.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import aiohttp

from bench import edge_config, edge_uplink
from bench.cameras import CameraKind, cameras
from bench.context import Bench, cpu_used_s
from bench.edge_config import EdgeSettings
from bench.edge_probes import Probes, Target, added, probing
from bench.errors import BenchError
from bench.hls_viewers import HlsCrowd, Site
from bench.processes import Program, output_of, running
from bench.procfs import free_port
from bench.results import Results
from bench.stats import percentile
from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.keyring import ensure_keys
from gateway.access.keys import SigningKey

NAME: Final = "edge"
CAMERA: Final = CameraKind(640, 360, 30, 300_000)
_START_S: Final = 30.0
_ASK: Final = aiohttp.ClientTimeout(total=5)
_GRANT_S: Final = 3000


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds, how many viewers, the parts they watch, how they come and for how long they are watched."""

    repeats: int = 3
    viewers: tuple[int, ...] = (50, 500)
    part_s: float = 0.5
    segment_s: float = 2.0
    join_s: float = 10.0
    settle_s: float = 5.0
    measure_s: float = 20.0
    probes: int = 8


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, viewers=(3, 10), join_s=0.5, settle_s=1.0, measure_s=4.0, probes=2)


@dataclass(frozen=True, slots=True)
class Rig:
    """Gateway and nginx on one core."""

    nginx: Program
    gateway: Program
    gateway_port: int
    edge_port: int
    cert: Path
    uplink_port: int
    key: SigningKey
    access_log: Path

    def targets(self, camera: str, count: int) -> dict[str, Target]:
        """So many measuring viewers at the gateway, and as many at nginx."""
        return {
            "direct": Target(self.gateway_port, None, self.paths(camera, count)),
            "edge": Target(self.edge_port, self.cert, self.paths(camera, count)),
        }

    def paths(self, camera: str, count: int) -> list[str]:
        """Playlists, each by a grant of its own."""
        return [f"/g/{_grant(self.key, f'/{camera}/')}/{camera}/index.m3u8" for _ in range(count)]


async def run(bench: Bench, scale: Scale) -> Results:
    """Gateway and nginx on one core, viewers and camera on the other."""
    problem = edge_config.missing()
    if problem is not None:
        raise BenchError(problem)
    results = Results(NAME, {**asdict(scale), "camera": str(CAMERA)})
    results.note("direct: plain HTTP to the gateway, at the same time; edge: TLS to nginx, plain HTTP from there.")
    async with cameras(CAMERA, 1) as urls, _rig(bench, scale, urls) as rig:
        (camera,) = urls
        for number in range(scale.repeats):
            for count in scale.viewers:
                async with probing(rig.targets(camera, scale.probes)) as probes:
                    await _measure(bench, results, rig, probes, camera=camera, count=count, scale=scale)
            bench.say(f"{NAME}: round {number + 1} of {scale.repeats}")
    return results


def case_name(viewers: int) -> str:
    """How tables call a step."""
    return f"{viewers} viewers"


async def _measure(
    bench: Bench, results: Results, rig: Rig, probes: Probes, *, camera: str, count: int, scale: Scale
) -> None:
    """One crowd."""
    case = case_name(count)
    begins = rig.access_log.stat().st_size
    crowd = HlsCrowd(Site(rig.uplink_port, None), rig.paths(camera, count))
    try:
        await crowd.join(over_s=scale.join_s)
        await asyncio.sleep(scale.settle_s)
        crowd.check()
        if not await probes.begin():
            results.note("The measuring viewers could not go before the others on their core (not root).")
        logged = rig.access_log.stat().st_size
        (nginx_s, passed_s), (gateway_s, _), load = await asyncio.gather(
            cpu_used_s(rig.nginx, seconds=scale.measure_s),
            cpu_used_s(rig.gateway, seconds=scale.measure_s),
            bench.load_share(seconds=scale.measure_s),
        )
        requests = lines_between(rig.access_log, logged)
        found = await probes.end()
        crowd.check()
    finally:
        await crowd.leave()
    if not all(found.values()):
        raise BenchError("No measuring viewer got a part.")

    def add(value: float, metric: str, unit: str = "", subject: str = "edge") -> None:
        results.add(value, case=case, metric=metric, unit=unit, subject=subject)

    for subject, fetches in found.items():
        add(percentile([one.ms for one in fetches], 0.5), "part, p50", "ms", subject)
        add(percentile([one.ms for one in fetches], 0.95), "part, p95", "ms", subject)
    more = added(found["direct"], found["edge"])
    add(percentile(more.way, 0.5), "added to a part, p50", "ms")
    add(percentile(more.way, 0.95), "added to a part, p95", "ms")
    add(percentile(more.in_hand, 0.95), "part in hand later, p95", "ms")
    add(gateway_s / passed_s * 100, "gateway CPU", "% of a core")
    add(nginx_s / passed_s * 100, "nginx CPU", "% of a core")
    add(nginx_s / max(1, requests) * 1e6, "nginx CPU per request", "µs")
    add(requests / passed_s, "requests", "1/s")
    add(load * 100, "busy core of the viewers", "%")
    with rig.access_log.open(encoding="utf-8") as log:
        log.seek(begins)
        for metric, (value, unit) in shares(log.read()).items():
            add(value, metric, unit)


def lines_between(log: Path, begin: int) -> int:
    """How many lines were written to a file after its first `begin` bytes."""
    with log.open("rb") as stream:
        stream.seek(begin)
        return stream.read().count(b"\n")


def shares(log: str) -> dict[str, tuple[float, str]]:
    """What an access log of the edge says about its origin and its cache (pure)."""
    asked: dict[str, Counter[str]] = {"part": Counter(), "segment": Counter(), "init": Counter()}
    statuses: Counter[str] = Counter()
    times_ms: list[float] = []
    for line in log.splitlines():
        words = line.split()
        name, status = words[3].rpartition("/")[2], words[7]
        kind = "init" if name.startswith("init") else {"p": "part", "s": "segment"}.get(name[:1])
        if kind is None or "/_hls/" not in words[3] or name.endswith(".m3u8"):
            continue
        statuses[status] += 1
        if kind == "part":
            times_ms.append(float(words[6]) * 1000)
        asked[kind][words[3]] += status != "HIT"
    found: dict[str, tuple[float, str]] = {}
    if times_ms:
        found["part within nginx, p95"] = (percentile(times_ms, 0.95), "ms")
    for kind, counts in asked.items():
        if counts:
            found[f"origin requests for each {kind}"] = (sum(counts.values()) / len(counts), "")
    total = sum(statuses.values())
    if total:
        found["from the cache"] = (statuses["HIT"] / total * 100, "%")
    return found


def _grant(key: SigningKey, prefix: str) -> str:
    return sign_grant(key, prefix=prefix, expires=int(time.time()) + _GRANT_S, grant_id=new_grant_id())


@asynccontextmanager
async def _rig(bench: Bench, scale: Scale, urls: Mapping[str, str]) -> AsyncIterator[Rig]:
    keys_file, core = bench.folder / "keys.yml", bench.server_core
    key = ensure_keys(keys_file, now=time.time()).active
    port = free_port()
    config = bench.folder / "gateway.yml"
    body = {
        "listen": f"127.0.0.1:{port}",
        "access": {"keys_file": str(keys_file)},
        "trusted_proxies": ["127.0.0.1"],
        "webrtc": {"port": free_port()},
        "hls": {"part": f"{scale.part_s * 1000:.0f}ms", "segment": f"{scale.segment_s:g}s", "always": True},
        "cameras": dict(urls),
    }
    config.write_text(json.dumps(body), encoding="utf-8")
    command = (sys.executable, "-m", "gateway", "serve", "-c", str(config))
    state = {"STATE_DIRECTORY": str(bench.folder), "PYTHONUNBUFFERED": "1"}
    async with running(command, name="gateway", core=core, folder=bench.folder, environment=state) as gateway:
        path = f"/g/{_grant(key, '/')}/{next(iter(urls))}/index.m3u8"

        async def plays() -> bool:
            return await _is_ok(f"http://127.0.0.1:{port}{path}")

        await gateway.wait_until(plays, within_s=_START_S, what="a playlist")
        folder = bench.folder / "nginx"
        folder.mkdir()
        settings = await _settings(folder, gateway_port=port, keys_file=keys_file)
        edge_config.write(folder, settings)
        async with running(edge_config.command(folder), name="nginx", core=core, folder=folder) as nginx:

            async def passes_on() -> bool:
                return await _is_ok(f"https://127.0.0.1:{settings.port}{path}", cert=settings.cert)

            await nginx.wait_until(passes_on, within_s=_START_S, what="a playlist")
            try:
                async with _uplink(bench, settings) as uplink_port:
                    yield Rig(
                        nginx, gateway, port, settings.port, settings.cert, uplink_port, key, folder / "access.log"
                    )
            finally:
                edge_config.socket_of(folder).unlink(missing_ok=True)


@asynccontextmanager
async def _uplink(bench: Bench, settings: EdgeSettings) -> AsyncIterator[int]:
    """Its port; on the viewers' core."""
    folder, port = bench.folder / "uplink", free_port()
    folder.mkdir()
    edge_uplink.write(folder, port=port, edge_port=settings.port, cert=settings.cert)
    async with running(edge_config.command(folder), name="uplink", core=bench.load_core, folder=folder) as program:

        async def answers() -> bool:
            return await _is_ok(f"http://127.0.0.1:{port}/healthz")

        await program.wait_until(answers, within_s=_START_S, what="an answer")
        yield port


async def _settings(folder: Path, *, gateway_port: int, keys_file: Path) -> EdgeSettings:
    cert, private_key = folder / "cert.pem", folder / "key.pem"
    words = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    names = (
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(private_key),
        "-out",
        str(cert),
    )
    await output_of(*words, *names)
    if not cert.exists():
        raise BenchError("openssl, which makes nginx's certificate, is not installed.")
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
