"""From the click to the first picture, and from there to the steady latency, in Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Final

from bench.browser import BrowserViewer, Taken, chromium
from bench.cameras import HD, cameras
from bench.context import Bench, rotated
from bench.errors import BenchError
from bench.results import Results
from bench.stats import settling_ms, steady_latency_ms, unmarked

NAME: Final = "first-picture"
_SUBJECTS: Final = ("gateway", "mediamtx", "go2rtc")
_ELEMENT: Final = "camera-view"
_STEADY_AFTER_MS: Final = 3000.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Joins of each subject at each GOP; `watch_s` is how long each is watched, and more than 3."""

    repeats: int = 24
    gops_s: tuple[float, ...] = (2.0, 10.0)
    watch_s: float = 5.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=2, gops_s=(2.0,), watch_s=4.0)


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    viewer: BrowserViewer
    join: Callable[[], Awaitable[float]]


async def run(bench: Bench, scale: Scale) -> Results:
    """All subjects in turns on the same live camera; each joins at random moments of the GOP."""
    results = Results(NAME, {**asdict(scale), "camera": str(HD)})
    kinds = bench.kinds(_SUBJECTS, results)
    for gop_s in scale.gops_s:
        case = f"GOP {gop_s:g} s"
        async with AsyncExitStack() as stack:
            urls = await stack.enter_async_context(cameras(replace(HD, gop_s=gop_s), 1))
            (camera,) = urls
            servers = await stack.enter_async_context(bench.serving_all(kinds, urls))
            browser = await stack.enter_async_context(chromium())
            subjects = []
            for server in servers:
                viewer = await BrowserViewer.open(browser, server)
                subjects.append(_Subject(server.name, viewer, partial(viewer.join, server.whep_url(camera))))
                if server.name == "gateway":
                    element = await BrowserViewer.open(browser, server)
                    await element.load_element()
                    subjects.append(_Subject(_ELEMENT, element, partial(element.join_by_element, camera)))
            for subject in subjects:
                # A browser's very first decoder and connection are slower; nobody's click is its first.
                await _join(subject, watch_s=0.5)
            for number in range(scale.repeats):
                for subject in rotated(subjects, number):
                    await asyncio.sleep(bench.chance.random() * gop_s)
                    await _measure(results, subject, case=case, watch_s=scale.watch_s)
                bench.say(f"{NAME}: {case}, join {number + 1} of {scale.repeats}")
    return results


async def _join(subject: _Subject, *, watch_s: float) -> tuple[float, Taken]:
    first_ms = await subject.join()
    await asyncio.sleep(watch_s)
    taken = await subject.viewer.take()
    await subject.viewer.leave()
    return first_ms, taken


async def _measure(results: Results, subject: _Subject, *, case: str, watch_s: float) -> None:
    try:
        first_ms, taken = await _join(subject, watch_s=watch_s)
    except BenchError as error:
        if subject.name in ("gateway", _ELEMENT):
            raise
        await subject.viewer.leave()
        results.note(f"{subject.name}, {case}: a join is missing. {error}")
        return

    def add(value: float, metric: str) -> None:
        results.add(value, case=case, metric=metric, unit="ms", subject=subject.name)

    add(first_ms, "first picture")
    steady_ms = steady_latency_ms(taken.pictures, after_ms=_STEADY_AFTER_MS)
    if steady_ms is None:
        results.note(f"{subject.name}, {case}: pictures stopped within {_STEADY_AFTER_MS / 1000:g} s of a join.")
        return
    add(steady_ms, "steady latency")
    settled_ms = settling_ms(taken.pictures, steady_ms=steady_ms)
    if settled_ms is None:
        results.note(f"{subject.name}, {case}: a viewer did not settle within {watch_s:g} s; counted as that.")
        settled_ms = watch_s * 1000
    add(settled_ms, "settling")
    if subject.name == _ELEMENT:
        late_ms = unmarked(taken.pictures, steady_ms=steady_ms, until_ms=settled_ms)
        add(late_ms, "late and not marked as catching up")
