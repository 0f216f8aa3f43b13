"""What a packet to a viewer costs the server: many viewers on one camera, and many cameras with few viewers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from bench.cameras import FULL_HD, cameras
from bench.context import Bench, cpu_used_s, rotated
from bench.errors import BenchError
from bench.procfs import resident_bytes
from bench.results import Results
from bench.servers import Server, ServerKind
from bench.viewers import Crowd

NAME: Final = "fan-out"
_SUBJECTS: Final = ("gateway", "mediamtx", "go2rtc", "aiortc")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """So many cameras, and each with so many viewers, one step after the other in one run of the server."""

    cameras: int
    viewers_each: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds, layouts, and the length of each stretch."""

    repeats: int = 3
    layouts: tuple[Layout, ...] = (Layout(1, (1, 10, 30, 100, 300)), Layout(30, (10,)), Layout(100, (1,)))
    settle_s: float = 5.0
    measure_s: float = 10.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, layouts=(Layout(1, (1, 3)), Layout(2, (2,))), settle_s=2.0, measure_s=2.0)


def case_name(cameras_count: int, viewers_each: int) -> str:
    """How tables call a step."""
    return (
        f"{cameras_count} camera{'' if cameras_count == 1 else 's'}, "
        f"{viewers_each} viewer{'' if viewers_each == 1 else 's'} each"
    )


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone on its core; viewers, cameras and this process on the other."""
    results = Results(NAME, {**asdict(scale), "camera": str(FULL_HD)})
    kinds = bench.kinds(_SUBJECTS, results)
    for layout in scale.layouts:
        async with cameras(FULL_HD, layout.cameras) as urls:
            for number in range(scale.repeats):
                for kind in rotated(kinds, number):
                    what = f"{NAME}: {kind.name}, {layout.cameras} camera(s), round {number + 1} of {scale.repeats}"
                    measuring = _measure(bench, results, kind, scale=scale, layout=layout, urls=urls)
                    await bench.attempt(results, what, measuring)
    return results


async def _measure(
    bench: Bench, results: Results, kind: ServerKind, *, scale: Scale, layout: Layout, urls: Mapping[str, str]
) -> None:
    most = kind.most_viewers
    steps = [each for each in layout.viewers_each if most is None or each * layout.cameras <= most]
    if len(steps) < len(layout.viewers_each):
        results.note(f"{kind.name} was asked to hold {most} viewers at most; more do not fit on a core.")
    if not steps:
        return
    async with bench.serving(kind, urls) as server, Crowd() as crowd:
        await asyncio.sleep(scale.settle_s)
        used_s, passed_s = await cpu_used_s(server.program, seconds=scale.measure_s)
        idle_share = used_s / passed_s
        base_bytes, base_viewers = resident_bytes(server.program.pid), 0
        for each in steps:
            await _join(crowd, server, cameras_names=list(urls), each=each)
            await asyncio.sleep(scale.settle_s)
            before = crowd.delivered()
            (used_s, passed_s), load_share = await asyncio.gather(
                cpu_used_s(server.program, seconds=scale.measure_s), bench.load_share(seconds=scale.measure_s)
            )
            packets = crowd.delivered() - before
            if packets == 0:
                raise BenchError(f"{kind.name} sent nothing to {len(crowd)} connected viewers.")
            occupied = resident_bytes(server.program.pid)
            figures = [
                ("CPU per packet", "µs", used_s / packets * 1e6),
                ("CPU per packet above idle", "µs", (used_s - idle_share * passed_s) / packets * 1e6),
                ("CPU", "% of a core", used_s / passed_s * 100),
                ("packets per viewer", "1/s", packets / passed_s / len(crowd)),
                ("load core busy", "%", load_share * 100),
            ]
            if len(crowd) > base_viewers:
                grown = (occupied - base_bytes) / (len(crowd) - base_viewers)
                figures.append(("memory per further viewer", "MiB", grown / _MIB))
            for metric, unit, value in figures:
                results.add(value, case=case_name(layout.cameras, each), metric=metric, unit=unit, subject=kind.name)
            if base_viewers == 0 and layout.cameras == 1:
                # The first viewer makes a server load what all of them need.
                base_bytes, base_viewers = occupied, len(crowd)


async def _join(crowd: Crowd, server: Server, *, cameras_names: list[str], each: int) -> None:
    while len(crowd) < each * len(cameras_names):
        await crowd.join_counting(server.whep_url(cameras_names[len(crowd) % len(cameras_names)]))
        server.program.require_running()
