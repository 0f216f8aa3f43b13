"""How many viewers a server holds on one core, until one that really watches sees loss or late pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from playwright.async_api import Browser

from bench.browser import BrowserViewer, Taken, chromium
from bench.cameras import HD, cameras
from bench.context import Bench, cpu_used_s, rotated
from bench.errors import BenchError
from bench.results import Results
from bench.servers import ServerKind
from bench.stats import percentile
from bench.viewers import Crowd

NAME: Final = "held"
_SUBJECTS: Final = ("gateway", "mediamtx", "go2rtc")
_LATE_MS: Final = 100.0
_MISSING_SHARE: Final = 0.05
# As many packets as 1080p at this rate, and a picture that the browser decodes beside everything else on its core.
CAMERA: Final = replace(HD, bitrate_bps=4_000_000)


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds; viewers added at a time; where to give up; how long each step is watched."""

    repeats: int = 3
    step: int = 25
    most: int = 800
    settle_s: float = 4.0
    watch_s: float = 8.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, step=2, most=4, settle_s=2.0, watch_s=3.0)


@dataclass(frozen=True, slots=True)
class Watched:
    """What the probe saw in one stretch: pictures a second, their ages, packets lost."""

    rate: float
    p50_ms: float
    p95_ms: float
    lost: int


def trouble(before: Watched, now: Watched) -> str | None:
    """Why the probe is no longer served as well as alone; None while it is."""
    if now.lost:
        return f"{now.lost} packets lost"
    if now.rate < before.rate * (1 - _MISSING_SHARE):
        return f"{now.rate:.1f} instead of {before.rate:.1f} pictures a second"
    if now.p95_ms > max(before.p95_ms, before.p50_ms + _LATE_MS):
        return f"pictures {now.p95_ms:.0f} ms old (p95) instead of {before.p95_ms:.0f} ms"
    return None


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone on its core; viewers, camera and Chromium on the other."""
    results = Results(NAME, {**asdict(scale), "camera": str(CAMERA)})
    kinds = bench.kinds(_SUBJECTS, results)
    async with cameras(CAMERA, 1) as urls, chromium() as browser:
        for number in range(scale.repeats):
            for kind in rotated(kinds, number):
                await _measure(bench, results, kind, scale=scale, urls=urls, browser=browser)
                bench.say(f"{NAME}: {kind.name}, round {number + 1} of {scale.repeats}")
    return results


async def _measure(
    bench: Bench, results: Results, kind: ServerKind, *, scale: Scale, urls: Mapping[str, str], browser: Browser
) -> None:
    (camera,) = urls
    async with bench.serving(kind, urls) as server, Crowd() as crowd:
        url = server.whep_url(camera)
        probe = await BrowserViewer.open(browser, server)
        await probe.join(url)
        alone = await _watch(probe, scale=scale)
        if alone.rate < CAMERA.fps * (1 - _MISSING_SHARE):
            results.note(f"{kind.name}: even alone the browser saw only {alone.rate:.1f} pictures a second.")
        share, why = 0.0, None
        held = 0
        while why is None and held < scale.most:
            try:
                for _ in range(scale.step):
                    await crowd.join_counting(url)
            except BenchError as error:
                why = str(error)
                break
            cpu = asyncio.create_task(cpu_used_s(server.program, seconds=scale.settle_s + scale.watch_s))
            why = trouble(alone, await _watch(probe, scale=scale))
            used_s, passed_s = await cpu
            if why is not None:
                # Once may be the machine's fault; twice in a row is the server's.
                why = trouble(alone, await _watch(probe, scale=scale))
            if why is None:
                held, share = len(crowd), used_s / passed_s
        await probe.leave()
        await probe.close()
    case = f"{CAMERA.bitrate_bps / 1e6:g} Mb/s"
    results.add(held, case=case, metric="viewers held", unit="", subject=kind.name)
    results.add(share * 100, case=case, metric="CPU with them", unit="% of a core", subject=kind.name)
    results.note(f"{kind.name}: held {held}; then {why or 'the limit of this measurement was reached'}.")


async def _watch(probe: BrowserViewer, *, scale: Scale) -> Watched:
    await asyncio.sleep(scale.settle_s)
    before = await probe.take()
    await asyncio.sleep(scale.watch_s)
    return _as_watched(before, await probe.take(), seconds=scale.watch_s)


def _as_watched(before: Taken, taken: Taken, *, seconds: float) -> Watched:
    ages = [picture.latency_ms for picture in taken.pictures]
    if not ages:
        return Watched(0, 0, 0, 0)
    return Watched(
        rate=len(ages) / seconds,
        p50_ms=percentile(ages, 0.5),
        p95_ms=percentile(ages, 0.95),
        lost=(taken.lost or 0) - (before.lost or 0),
    )
