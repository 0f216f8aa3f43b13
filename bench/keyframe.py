"""What a rich camera's keyframes to many viewers do to the frames of another camera on the same server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Final

from bench.cameras import HD, ULTRA_HD, cameras
from bench.context import Bench, rotated
from bench.errors import BenchError
from bench.results import Results
from bench.servers import Server
from bench.stats import percentile
from bench.tap import Tap
from bench.viewers import Crowd

NAME: Final = "keyframe"
_SUBJECTS: Final = ("gateway", "mediamtx", "go2rtc")
_RICH: Final = "rich"
_SMALL: Final = "small"


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds; viewers of the rich camera and of the small one; lengths of the calm, the joining and the rest."""

    repeats: int = 3
    rich_viewers: int = 100
    small_viewers: int = 5
    calm_s: float = 20.0
    settle_s: float = 5.0
    measure_s: float = 30.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, rich_viewers=3, small_viewers=1, calm_s=3.0, settle_s=1.0, measure_s=3.0)


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone on its core; viewers, cameras and this process on the other."""
    results = Results(NAME, {**asdict(scale), "rich camera": str(ULTRA_HD), "small camera": str(HD)})
    kinds = bench.kinds(_SUBJECTS, results)
    async with cameras(ULTRA_HD, 1) as rich, cameras(HD, 1) as small:
        urls: Mapping[str, str] = {_RICH: next(iter(rich.values())), _SMALL: next(iter(small.values()))}
        for number in range(scale.repeats):
            for kind in rotated(kinds, number):
                async with bench.serving(kind, urls) as server:
                    await _measure(results, server, scale)
                bench.say(f"{NAME}: {kind.name}, round {number + 1} of {scale.repeats}")
    return results


async def _measure(results: Results, server: Server, scale: Scale) -> None:
    async with AsyncExitStack() as stack:
        few = await stack.enter_async_context(Crowd())
        crowd = await stack.enter_async_context(Crowd())
        taps = []
        for _ in range(scale.small_viewers):
            tap = Tap(await few.join(server.whep_url(_SMALL)))
            stack.callback(tap.close)
            taps.append(tap)
        await asyncio.sleep(scale.settle_s)
        calm_from = time.time()
        await asyncio.sleep(scale.calm_s)
        calm_until = time.time()
        for _ in range(scale.rich_viewers):
            await crowd.join_counting(server.whep_url(_RICH))
            server.program.require_running()
        await asyncio.sleep(scale.settle_s)
        busy_from, delivered = time.time(), crowd.delivered()
        await asyncio.sleep(scale.measure_s)
        busy_until, delivered = time.time(), crowd.delivered() - delivered
        server.program.require_running()
    calm = _gaps_ms(server, taps, since_s=calm_from, until_s=calm_until)
    busy = _gaps_ms(server, taps, since_s=busy_from, until_s=busy_until)
    case = f"{scale.rich_viewers} viewers of a 4K camera"
    for metric, value in (
        ("frame gap p99 before", percentile(calm, 0.99)),
        ("frame gap p99 during", percentile(busy, 0.99)),
        ("extra delay p99", percentile(busy, 0.99) - percentile(calm, 0.99)),
        ("longest frame gap before", max(calm)),
        ("longest frame gap during", max(busy)),
        ("extra delay max", max(busy) - max(calm)),
    ):
        results.add(value, case=case, metric=metric, unit="ms", subject=server.name)
    # Shows that those who were to make trouble were really served.
    rate = delivered / (busy_until - busy_from) / scale.rich_viewers
    results.add(rate, case=case, metric="packets per viewer", unit="1/s", subject=server.name)


def _gaps_ms(server: Server, taps: list[Tap], *, since_s: float, until_s: float) -> list[float]:
    """By the kernel's time stamps, so that this process being busy is no delay."""
    found = [gap for tap in taps for gap in tap.times.gaps_ms(since_s=since_s, until_s=until_s)]
    if not found:
        raise BenchError(f"{server.name}: viewers of the small camera got no frames.")
    return found
