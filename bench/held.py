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
from bench.search import Search
from bench.servers import Server, ServerKind
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
    """Rounds; how exact the answer is, what is tried first, where to give up (viewers); how long each is watched."""

    repeats: int = 3
    step: int = 25
    first: int = 100
    most: int = 1000
    settle_s: float = 3.0
    watch_s: float = 7.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, step=2, first=2, most=4, settle_s=2.0, watch_s=3.0)


@dataclass(frozen=True, slots=True)
class Shares:
    """How busy (0…1) the server and the core of what loads it were."""

    server: float
    load: float


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
    found: dict[str, int] = {}
    async with cameras(CAMERA, 1) as urls, chromium() as browser:
        for number in range(scale.repeats):
            for kind in rotated(kinds, number):
                known = found.get(kind.name)
                # Another round begins where the one before ended.
                search = Search(
                    first=known or scale.first,
                    stride=2 * scale.step if known else scale.first,
                    step=scale.step,
                    most=scale.most,
                )
                what = f"{NAME}: {kind.name}, round {number + 1} of {scale.repeats}"
                measuring = _measure(bench, results, kind, search=search, scale=scale, urls=urls, browser=browser)
                await bench.attempt(results, what, measuring)
                found[kind.name] = search.held
    return results


def _add(results: Results, name: str, found: _Found) -> None:
    for metric, unit, value in (
        ("viewers held", "", found.held),
        ("CPU with them", "% of a core", found.shares.server * 100),
        ("load core busy with them", "%", found.shares.load * 100),
    ):
        results.add(value, case=f"{CAMERA.bitrate_bps / 1e6:g} Mb/s", metric=metric, unit=unit, subject=name)
    results.note(f"{name}: held {found.held}; {found.why or 'the limit of this measurement was reached'}.")
    if found.alone.rate < CAMERA.fps * (1 - _MISSING_SHARE):
        results.note(f"{name}: even alone the browser saw only {found.alone.rate:.1f} pictures a second.")


async def _measure(
    bench: Bench,
    results: Results,
    kind: ServerKind,
    *,
    search: Search,
    scale: Scale,
    urls: Mapping[str, str],
    browser: Browser,
) -> None:
    (camera,) = urls
    async with bench.serving(kind, urls) as server:
        found = await _search(bench, server, browser, url=server.whep_url(camera), scale=scale, search=search)
    _add(results, kind.name, found)


async def _search(bench: Bench, server: Server, browser: Browser, *, url: str, scale: Scale, search: Search) -> _Found:
    shares: dict[int, Shares] = {}
    why: str | None = None
    async with Crowd() as crowd:
        probe = await BrowserViewer.open(browser, server)
        await probe.join(url)
        trial = _Trial(bench, server, probe, crowd, url, scale, alone=await _watch(probe, scale=scale))
        while (target := search.target) is not None:
            problem, shares[target] = await trial.served(target)
            search.judge(served=problem is None)
            bench.say(f"{NAME}: {server.name}, {target} viewers: {problem or 'served well'}")
            if problem is not None:
                why = f"with {target}: {problem}"
                await trial.begin_again(search.held)
        await probe.leave()
        await probe.close()
    return _Found(search.held, shares.get(search.held, Shares(0.0, 0.0)), why, alone=trial.alone)


@dataclass(frozen=True, slots=True)
class _Found:
    held: int
    shares: Shares
    why: str | None
    alone: Watched


@dataclass(frozen=True, slots=True)
class _Trial:
    """A server, the probe that was alone with it at first, and the crowd beside it."""

    bench: Bench
    server: Server
    probe: BrowserViewer
    crowd: Crowd
    url: str
    scale: Scale
    alone: Watched

    async def served(self, viewers: int) -> tuple[str | None, Shares]:
        """What the probe complains about with so many beside it, and how busy both cores were."""
        try:
            while len(self.crowd) < viewers:
                await self.crowd.join_counting(self.url)
                self.server.program.require_running()
        except BenchError as error:
            return str(error), Shares(0.0, 0.0)
        seconds = self.scale.settle_s + self.scale.watch_s
        problem, shares = None, Shares(0.0, 0.0)
        # Once may be the machine's fault; twice in a row is the server's.
        for _ in range(2):
            watched, (used_s, passed_s), load = await asyncio.gather(
                _watch(self.probe, scale=self.scale),
                cpu_used_s(self.server.program, seconds=seconds),
                self.bench.load_share(seconds=seconds),
            )
            problem, shares = trouble(self.alone, watched), Shares(used_s / passed_s, load)
            if problem is None:
                break
        return problem, shares

    async def begin_again(self, viewers: int) -> None:
        """What went wrong must not be felt in the next step."""
        await self.probe.leave()
        await self.crowd.leave(self.crowd.viewers[viewers:])
        await self.probe.join(self.url)


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
