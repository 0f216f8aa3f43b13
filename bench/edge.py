"""Many viewers with a grant each before nginx: what it asks the gateway for, and what it adds to a part's way.

The many are there to load nginx, their TLS done by another nginx.  What is told of a part's way is measured by a few
viewers in a process of their own, who fetch the same parts at the gateway and through nginx at the same time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

from bench import edge_config
from bench.cameras import CameraKind
from bench.context import Bench, cpu_used_s
from bench.edge_probes import Probes, added, probing
from bench.edge_rig import Lengths, Rig, running_rig, sources
from bench.errors import BenchError
from bench.hls_viewers import HlsCrowd, Site
from bench.results import Results
from bench.stats import percentile

NAME: Final = "edge"
CAMERA: Final = CameraKind(640, 360, 30, 300_000)
# Each encoded by itself, for cameras that all send in the same moment are not ten.
SMALL: Final = CameraKind(320, 180, 10, 150_000)


@dataclass(frozen=True, slots=True)
class Audience:
    """So many viewers, as many of each camera."""

    viewers: int
    cameras: int = 1

    @property
    def case(self) -> str:
        """How tables call it."""
        return f"{self.viewers} viewers" + (f" of {self.cameras} cameras" if self.cameras > 1 else "")


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds, who watches, the parts they watch, how they come and for how long they are watched."""

    repeats: int = 3
    audiences: tuple[Audience, ...] = (Audience(50), Audience(500), Audience(500, cameras=10))
    lengths: Lengths = field(default_factory=lambda: Lengths(part_s=0.5, segment_s=2.0))
    join_s: float = 10.0
    settle_s: float = 5.0
    measure_s: float = 20.0
    probes: int = 8


FULL: Final = Scale()
QUICK: Final = Scale(
    repeats=1,
    audiences=(Audience(3), Audience(10), Audience(6, cameras=2)),
    join_s=0.5,
    settle_s=1.0,
    measure_s=4.0,
    probes=2,
)


async def run(bench: Bench, scale: Scale) -> Results:
    """Gateway and nginx on one core, viewers and camera on the other."""
    problem = edge_config.missing()
    if problem is not None:
        raise BenchError(problem)
    results = Results(NAME, {**asdict(scale), "camera": str(CAMERA), "each of several": str(SMALL)})
    results.note("direct: plain HTTP to the gateway, at the same time; edge: TLS to nginx, plain HTTP from there.")
    results.note("Several cameras: each encoded by itself; what is told of parts is one camera's.")
    for number in range(scale.repeats):
        for count, audiences in groupby(scale.audiences, key=lambda audience: audience.cameras):
            kind = CAMERA if count == 1 else SMALL
            async with (
                sources(bench.folder, count, kind) as (folder, urls),
                running_rig(bench, scale.lengths, urls, folder) as rig,
            ):
                for audience in audiences:
                    async with probing(rig.targets(rig.cameras[0], scale.probes)) as probes:
                        await _measure(bench, results, rig, probes, audience=audience, scale=scale)
        bench.say(f"{NAME}: round {number + 1} of {scale.repeats}")
    return results


async def _measure(
    bench: Bench, results: Results, rig: Rig, probes: Probes, *, audience: Audience, scale: Scale
) -> None:
    """One audience."""
    begins = rig.access_log.stat().st_size
    crowd = HlsCrowd(Site(rig.uplink_port, None), rig.shared_paths(audience.viewers))
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
        results.add(value, case=audience.case, metric=metric, unit=unit, subject=subject)

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
