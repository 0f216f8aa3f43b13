"""What cameras cost that nobody watches: CPU and memory of each."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Final

from bench.cameras import FULL_HD, cameras
from bench.context import Bench, cpu_used_s, rotated
from bench.procfs import resident_bytes
from bench.results import Results

NAME: Final = "idle-cameras"
_SUBJECTS: Final = ("gateway", "bare PyAV", "mediamtx")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds; cameras (above 1); how long a server runs before and while it is measured."""

    repeats: int = 3
    cameras: int = 40
    settle_s: float = 10.0
    measure_s: float = 30.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, cameras=3, settle_s=1.0, measure_s=2.0)


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone; every camera is pulled, none is watched."""
    results = Results(NAME, {**asdict(scale), "camera": str(FULL_HD)})
    kinds = bench.kinds(_SUBJECTS, results)
    case = f"{scale.cameras} cameras"
    async with cameras(FULL_HD, scale.cameras) as urls:
        first = dict([next(iter(urls.items()))])
        for number in range(scale.repeats):
            for kind in rotated(kinds, number):
                async with bench.serving(kind, first) as server:
                    # As long as with all of them: memory of one camera settles no sooner.
                    await asyncio.sleep(scale.settle_s + scale.measure_s)
                    alone_bytes = resident_bytes(server.program.pid)
                async with bench.serving(kind, urls) as server:
                    await asyncio.sleep(scale.settle_s)
                    used_s, passed_s = await cpu_used_s(server.program, seconds=scale.measure_s)
                    all_bytes = resident_bytes(server.program.pid)
                for metric, unit, value in (
                    ("CPU per camera", "% of a core", used_s / passed_s / scale.cameras * 100),
                    ("memory per further camera", "MiB", (all_bytes - alone_bytes) / (scale.cameras - 1) / _MIB),
                    ("memory with one camera", "MiB", alone_bytes / _MIB),
                ):
                    results.add(value, case=case, metric=metric, unit=unit, subject=kind.name)
                bench.say(f"{NAME}: {kind.name}, round {number + 1} of {scale.repeats}")
    return results
