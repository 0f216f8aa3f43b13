"""Minutes of the gateway's own wall of three cameras, with one outage in the middle: does anything else ever freeze?"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page

from bench.browser import chromium
from bench.cameras import CameraKind, cameras
from bench.context import Bench
from bench.errors import BenchError
from bench.outage import missing, unreachable
from bench.results import Results

NAME: Final = "long-watch"
CAMERAS: Final = 3
FREEZE_MS: Final = 500.0
# Small enough that three of them are encoded and decoded on one core beside the browser.
_KIND: Final = CameraKind(640, 360, 25, 800_000)
_WATCH: Final = Path(__file__).with_name("wall_watch.js")
_SETTLING_S: Final = 5.0
_LOOK_S: Final = 10.0
_FIRST_WITHIN_S: Final = 20.0
_ALL_PLAY: Final = """(count) => {
  const views = [...document.querySelectorAll('camera-view')];
  return views.length === count && views.every(({ metrics }) => metrics?.framesPresented > 0);
}"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long is watched, and for how long of that, in the middle, the gateway can't be reached."""

    repeats: int = 1
    minutes: float = 10.0
    outage_s: float = 5.0


FULL: Final = Scale()
QUICK: Final = Scale(minutes=0.4)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one tile showed outside of an outage, and `back_ms` from its end to the next picture, None for never."""

    longest_gap_ms: float
    freezes: int
    back_ms: float | None


def judge(pictures: Sequence[float], *, begin: float, end: float, outage: tuple[float, float]) -> Stretch:
    """`pictures` and the rest in unix milliseconds; what is missing at either end of the watch is a gap too."""
    out, over = outage
    back = next((at for at in pictures if at >= over), None)
    # The picture that is waited for when the network goes ends no gap that anybody else is to blame for.
    before = [begin, *(at for at in pictures if begin <= at <= out)]
    after = [] if back is None else [*(at for at in pictures if back <= at <= end), end]
    gaps = [later - earlier for part in (before, after) for earlier, later in pairwise(part)]
    return Stretch(
        longest_gap_ms=max(gaps, default=0.0),
        freezes=sum(gap > FREEZE_MS for gap in gaps),
        back_ms=None if back is None else back - over,
    )


@dataclass(slots=True)
class _Tile:
    pictures: list[float] = field(default_factory=list)
    rungs: list[tuple[float, str, str]] = field(default_factory=list)


async def run(bench: Bench, scale: Scale) -> Results:
    """One watch after another, each with a fresh page."""
    results = Results(NAME, {**asdict(scale), "cameras": CAMERAS, "camera": str(_KIND)})
    problem = missing()
    if problem is not None:
        raise BenchError(problem)
    (kind,) = bench.kinds(("gateway",), results)
    async with cameras(_KIND, CAMERAS) as urls, bench.serving(kind, urls) as server, chromium() as browser:
        ports = _ports(bench.folder / kind.name / "gateway.yml")
        for number in range(scale.repeats):
            page = await browser.new_page(viewport={"width": 1280, "height": 400})
            await page.add_init_script(path=_WATCH)
            await page.goto(server.origin)
            await page.wait_for_function(_ALL_PLAY, arg=CAMERAS, timeout=_FIRST_WITHIN_S * 1000)
            await asyncio.sleep(_SETTLING_S)
            await _watch(bench, results, page, scale, ports=ports)
            await page.close()
            bench.say(f"{NAME}: watch {number + 1} of {scale.repeats}")
    return results


async def _watch(bench: Bench, results: Results, page: Page, scale: Scale, *, ports: Sequence[int]) -> None:
    tiles: dict[str, _Tile] = {}
    half_s = (scale.minutes * 60 - scale.outage_s) / 2
    begin = _now_ms()
    await _look(bench, page, tiles, seconds=half_s)
    async with unreachable(ports):
        out = _now_ms()
        await asyncio.sleep(scale.outage_s)
        over = _now_ms()
    await _look(bench, page, tiles, seconds=half_s)
    end = _now_ms()
    if len(tiles) != CAMERAS:
        raise BenchError(f"The page showed {len(tiles)} of {CAMERAS} cameras.")
    for camera, tile in sorted(tiles.items()):
        stretch = judge(tile.pictures, begin=begin, end=end, outage=(out, over))
        rungs = ", ".join(
            f"{rung} {transport} from {(at - begin) / 1000:.0f} s" for at, rung, transport in tile.rungs if at < end
        )
        results.note(f"{camera}: {rungs}.")
        figures: Mapping[str, tuple[str, float | None]] = {
            f"freezes > {FREEZE_MS:g} ms outside of the outage": ("", stretch.freezes),
            "longest gap outside of the outage": ("ms", stretch.longest_gap_ms),
            "back after the outage": ("ms", stretch.back_ms),
            "pictures": ("1/s", len(tile.pictures) / (scale.minutes * 60 - scale.outage_s)),
        }
        for metric, (unit, value) in figures.items():
            if value is None:
                results.fail(f"{camera} did not come back after the outage.")
            else:
                results.add(value, case=camera, metric=metric, unit=unit, subject="gateway")


async def _look(bench: Bench, page: Page, tiles: dict[str, _Tile], *, seconds: float) -> None:
    """Collects every few seconds, so that the page itself keeps little."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        await asyncio.sleep(min(_LOOK_S, left))
        taken: dict[str, Any] = await page.evaluate("() => wallWatch.take()")
        for camera, seen in taken.items():
            tile = tiles.setdefault(camera, _Tile())
            tile.pictures += seen["pictures"]
            tile.rungs += seen["rungs"]
    bench.say(
        f"{NAME}: {', '.join(f'{camera} {len(tile.pictures)} pictures' for camera, tile in sorted(tiles.items()))}"
    )


def _ports(config: Path) -> list[int]:
    """Where the gateway is reached, over HTTP and for media."""
    written = json.loads(config.read_text(encoding="utf-8"))
    return [int(written["listen"].rpartition(":")[2]), int(written["webrtc"]["port"])]


def _now_ms() -> float:
    return time.time() * 1000
