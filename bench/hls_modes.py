"""What hls.js makes of each mode on quick and slow devices, steady and jittery links; candidates for its settings."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from playwright.async_api import Browser, CDPSession, Page, Route

from bench.browser import BrowserViewer, chromium
from bench.cameras import CameraKind, cameras
from bench.context import Bench, rotated
from bench.errors import BenchError
from bench.hls_servers import PACKAGING, host_and_port
from bench.holding_link import HoldingLink
from bench.results import Results
from bench.servers import Server
from bench.stats import gaps, percentile

NAME: Final = "hls-modes"
MODES: Final = ("ultra-low", "balanced", "stable")
CHOSEN: Final = "as chosen"
_RUNG: Final = "ll-hls"
# Small enough that it is encoded, and decoded by a throttled browser, on one core.
_KIND: Final = CameraKind(640, 360, 25, 800_000)
_SETTLING_S: Final = 2.5
_HLS: Final = Path(__file__).with_name("hls_modes.js")


@dataclass(frozen=True, slots=True)
class Tier:
    """A kind of device: what it tells the page of itself, and how many times slower than this machine it is."""

    name: str
    slowdown: float
    mobile: bool
    cores: int


TIERS: Final = (
    Tier("desktop", slowdown=1, mobile=False, cores=8),
    Tier("mobile", slowdown=4, mobile=True, cores=8),
    Tier("low-end", slowdown=6, mobile=True, cores=2),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How long each case is watched on either link, once it has settled; on the jittery one nothing passes for `hold_s`
    after each `open_s`.

    `hls` are candidates as JSON: hls.js's settings in place of the page's, and `behindS` for the distance to live; one
    that is empty is the page as it is.  `cases` (mode, tier) are all that contain one of these words.
    """

    repeats: int = 1
    watch_s: float = 20.0
    hold_s: float = 0.5
    open_s: float = 2.5
    hls: Sequence[str] = ("",)
    cases: Sequence[str] = ()


FULL: Final = Scale()
QUICK: Final = Scale(watch_s=3.0, cases=("ultra-low, desktop", "stable, low-end"))


def narrowed(scale: Scale, asked: argparse.Namespace) -> Scale:
    """The same with what somebody asked for in its place; None for nothing."""
    return replace(
        scale,
        watch_s=asked.seconds or scale.watch_s,
        hold_s=asked.hold or scale.hold_s,
        hls=tuple(asked.hls or scale.hls),
        cases=tuple(asked.cases or scale.cases),
    )


def case_name(mode: str, tier: Tier) -> str:
    """As `Scale.cases` are compared with."""
    return f"{mode}, {tier.name}"


def candidate(text: str) -> Mapping[str, Any]:
    """Reads one of `Scale.hls`; raises BenchError for what is no JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise BenchError(f"--hls {text} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BenchError(f"--hls {text} is no object; write for example '{{\"backBufferLength\": 5}}'.")
    return found


@dataclass(frozen=True, slots=True)
class _Case:
    camera: str
    mode: str
    tier: Tier
    subject: str

    def on(self, link: str) -> str:
        """As it is called in tables."""
        return f"{case_name(self.mode, self.tier)}, {link}"


class _TierViewer(BrowserViewer):
    """A `<camera-view>` on a device of one tier, with hls.js as a candidate has it."""

    def __init__(self, page: Page, *, origin: str, session: CDPSession) -> None:
        super().__init__(page, origin=origin)
        self._session = session

    @classmethod
    async def on(cls, browser: Browser, server: Server, *, tier: Tier, settings: Mapping[str, Any]) -> Self:
        page = await browser.new_page()
        device = {"hardwareConcurrency": tier.cores, "userAgentData": {"mobile": tier.mobile}}
        await page.add_init_script(
            f"""for (const [name, value] of Object.entries({json.dumps(device)})) {{
                Object.defineProperty(Navigator.prototype, name, {{ get: () => value, configurable: true }});
            }}
            globalThis.benchHls = {{ candidate: {json.dumps(settings)} }};"""
        )
        await page.route("**/vendor/hls.mjs", cls._hls)
        prepared = await cls._prepared(page, server)
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        await session.send("Emulation.setCPUThrottlingRate", {"rate": tier.slowdown})
        return cls(prepared, origin=server.origin, session=session)

    @staticmethod
    async def _hls(route: Route) -> None:
        await route.fulfill(body=_HLS.read_text(encoding="utf-8"), content_type="text/javascript")

    async def join_in(self, camera: str, mode: str) -> float:
        """Milliseconds to the first picture over LL-HLS; raises BenchError without one."""
        attributes = {"protocol": _RUNG, "mode": mode}
        return await self._start({"view": camera, "base": f"{self._origin}/", "attributes": attributes})

    async def counts(self) -> dict[str, Any]:
        """Since the last call; but for `busy_s` and `heap_bytes` of the page's thread."""
        seen: dict[str, Any] = await self._page.evaluate("() => benchHls.take()")
        metrics = (await self._session.send("Performance.getMetrics"))["metrics"]
        named = {metric["name"]: metric["value"] for metric in metrics}
        return {**seen, "busy_s": named["TaskDuration"], "heap_bytes": named["JSHeapUsedSize"]}


async def run(bench: Bench, scale: Scale) -> Results:
    """One viewer at a time; candidates take turns."""
    results = Results(NAME, {**asdict(scale), "camera": str(_KIND), "tiers": [asdict(tier) for tier in TIERS]})
    candidates = {text or CHOSEN: candidate(text) for text in scale.hls}
    (kind,) = bench.kinds(("gateway",), results)
    kind = PACKAGING[kind.name]
    wanted = [
        (mode, tier)
        for mode in MODES
        for tier in TIERS
        if not scale.cases or any(words in case_name(mode, tier) for words in scale.cases)
    ]
    if not wanted:
        raise BenchError(f"No case is called {', '.join(scale.cases)}; one is called {case_name(MODES[0], TIERS[0])}.")
    async with cameras(_KIND, 1) as urls, bench.serving(kind, urls) as server, chromium() as browser:
        (camera,) = urls
        host, port = host_and_port(server.origin)
        async with HoldingLink.to(host, port) as link:
            through = replace(server, origin=f"http://127.0.0.1:{link.port}")
            for number in range(scale.repeats):
                for mode, tier in wanted:
                    for subject, settings in rotated(list(candidates.items()), number):
                        case = _Case(camera, mode, tier, subject)
                        viewer = await _TierViewer.on(browser, through, tier=tier, settings=settings)
                        watching = _watch(results, viewer, link, scale, case=case)
                        await bench.attempt(results, f"{NAME}: {case_name(mode, tier)}, {subject}", watching)
                        await viewer.close()
    return results


async def _watch(results: Results, viewer: _TierViewer, link: HoldingLink, scale: Scale, *, case: _Case) -> None:
    await viewer.load_element()
    first_ms = await viewer.join_in(case.camera, case.mode)
    results.add(first_ms, case=case.on("steady"), metric="first picture", unit="ms", subject=case.subject)
    await asyncio.sleep(_SETTLING_S)
    await _stretch(results, viewer, seconds=scale.watch_s, case=case.on("steady"), subject=case.subject)
    jitter = asyncio.create_task(link.jitter(open_s=scale.open_s, hold_s=scale.hold_s))
    try:
        await _stretch(results, viewer, seconds=scale.watch_s, case=case.on("jittery"), subject=case.subject)
    finally:
        jitter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await jitter


async def _stretch(results: Results, viewer: _TierViewer, *, seconds: float, case: str, subject: str) -> None:
    loop = asyncio.get_running_loop()
    before, begun = await viewer.counts(), loop.time()
    await viewer.take()
    await asyncio.sleep(seconds)
    pictures, counts = (await viewer.take()).pictures, await viewer.counts()
    lasted_s = loop.time() - begun
    if len(pictures) < 2 or not counts["ahead"]:
        raise BenchError("the pictures stopped.")
    ages = [picture.latency_ms for picture in pictures]
    figures: Sequence[tuple[str, str, float]] = (
        ("latency p50", "ms", percentile(ages, 0.5)),
        ("latency p95", "ms", percentile(ages, 0.95)),
        ("stalls", "", counts["stalls"]),
        ("jumps", "", counts["jumps"]),
        ("longest gap between pictures", "ms", max(gaps([picture.at_ms for picture in pictures]))),
        ("pictures", "1/s", len(pictures) / lasted_s),
        ("dropped frames", "1/s", counts["dropped"] / lasted_s),
        ("buffered ahead", "s", percentile(counts["ahead"], 0.5)),
        ("buffered ahead at most", "s", max(counts["ahead"])),
        ("kept behind at most", "s", max(counts["behind"])),
        ("requests", "1/s", counts["requests"] / lasted_s),
        ("page's thread busy", "%", 100 * (counts["busy_s"] - before["busy_s"]) / lasted_s),
        ("page's heap", "MB", counts["heap_bytes"] / 1e6),
    )
    for metric, unit, value in figures:
        results.add(value, case=case, metric=metric, unit=unit, subject=subject)
