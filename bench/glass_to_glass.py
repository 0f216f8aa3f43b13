"""How old pictures are on the screen, by the clock that the camera draws into them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Final

from bench.browser import BrowserViewer, chromium
from bench.cameras import HD, cameras
from bench.context import Bench, rotated
from bench.results import Results
from bench.stats import gaps, percentile

NAME: Final = "glass-to-glass"
_SUBJECTS: Final = ("gateway", "mediamtx", "go2rtc")
_SETTLING_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How often each server is watched, and for how long once its viewer has settled."""

    repeats: int = 5
    watch_s: float = 20.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, watch_s=3.0)


async def run(bench: Bench, scale: Scale) -> Results:
    """All servers run on the same live camera and are watched in turns, one viewer at a time."""
    results = Results(NAME, {**asdict(scale), "camera": str(HD)})
    kinds = bench.kinds(_SUBJECTS, results)
    case = f"{HD.fps} fps"
    async with cameras(HD, 1) as urls, bench.serving_all(kinds, urls) as servers, chromium() as browser:
        (camera,) = urls
        viewers = [(server, await BrowserViewer.open(browser, server)) for server in servers]
        for number in range(scale.repeats):
            for server, viewer in rotated(viewers, number):
                await viewer.join(server.whep_url(camera))
                await asyncio.sleep(_SETTLING_S)
                before = await viewer.take()
                await asyncio.sleep(scale.watch_s)
                taken = await viewer.take()
                await viewer.leave()
                ages = [picture.latency_ms for picture in taken.pictures]
                for metric, unit, value in (
                    ("p50", "ms", percentile(ages, 0.5)),
                    ("p95", "ms", percentile(ages, 0.95)),
                    ("gap between pictures p99", "ms", percentile(gaps([one.at_ms for one in taken.pictures]), 0.99)),
                    ("pictures", "1/s", len(ages) / scale.watch_s),
                    ("packets lost", "", (taken.lost or 0) - (before.lost or 0)),
                ):
                    results.add(value, case=case, metric=metric, unit=unit, subject=server.name)
            bench.say(f"{NAME}: round {number + 1} of {scale.repeats}")
    return results
