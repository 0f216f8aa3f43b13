"""Pages that play a camera, and what they ask for meanwhile."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Browser, Page, Response

from gateway.access.grants import SKEW_S

DEADLINE_MS: Final = 20_000
GRANT: Final = re.compile(r"(?:/g/|[?&]grant=)([\w-]+\.(\d+)\.[0-9a-f]{16}\.[0-9a-f]{64})")
_MEDIA: Final = re.compile(r"\.(?:m4s|mp4)(?:\?|$)|\.m3u8\?")
_PLAYS: Final = """(rung) => {
  const { metrics } = document.querySelector('camera-view') ?? {};
  return metrics?.rung === rung && metrics.framesPresented >= 10;
}"""
_MORE: Final = "(shown) => document.querySelector('camera-view').metrics.framesPresented >= shown"
_SHOWN: Final = "() => document.querySelector('camera-view').metrics.framesPresented"
_METRICS: Final = "() => document.querySelector('camera-view').metrics"
_WATCH_GAPS: Final = """() => {
  const again = globalThis.longestGapMs !== undefined;
  globalThis.longestGapMs = 0;
  if (again) return;
  const view = document.querySelector('camera-view');
  let before = null;
  const look = () => {
    const { lastPictureAt } = view.situation;
    if (before !== null) longestGapMs = Math.max(longestGapMs, lastPictureAt - before);
    before = lastPictureAt;
    requestAnimationFrame(look);
  };
  look();
}"""

_LONGEST_GAP: Final = """() => {
  const { lastPictureAt } = document.querySelector('camera-view').situation;
  return Math.max(longestGapMs, performance.timeOrigin + performance.now() - lastPictureAt);
}"""


@dataclass(slots=True)
class Asked:
    """A request for something of a camera's stream."""

    url: str
    status: int
    at: float

    @property
    def ends_at(self) -> float:
        """When the last clock has it that its grant has ended."""
        found = GRANT.search(self.url)
        assert found is not None, "a request without a grant"
        return int(found[2]) + SKEW_S


@asynccontextmanager
async def fresh_page(browser: Browser) -> AsyncIterator[Page]:
    """One that takes the edge's certificate."""
    context = await browser.new_context(ignore_https_errors=True)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def plays(page: Page, rung: str) -> None:
    """Waits for ten pictures."""
    await page.wait_for_function(_PLAYS, arg=rung, timeout=DEADLINE_MS)


async def watch_gaps(page: Page) -> None:
    """From now on the longest time without a new picture is known."""
    await page.evaluate(_WATCH_GAPS)


async def longest_gap_ms(page: Page) -> float:
    """Since `watch_gaps`, the one that lasts included."""
    return float(await page.evaluate(_LONGEST_GAP))


async def plays_on(page: Page, *, until: float) -> tuple[float, dict[str, Any]]:
    """Sees to it that pictures come until that unix time; the longest gap meanwhile in ms, and the metrics then."""
    await watch_gaps(page)
    async with asyncio.timeout(60):
        while time.time() < until:
            await more_pictures(page, 15)
    return await longest_gap_ms(page), await page.evaluate(_METRICS)


async def more_pictures(page: Page, count: int) -> None:
    """So many from now on."""
    await page.wait_for_function(_MORE, arg=int(await page.evaluate(_SHOWN)) + count, timeout=DEADLINE_MS)


async def until_seen(page: Page, condition: Callable[[], object]) -> None:
    """Looks after each response that the page gets."""
    async with asyncio.timeout(30):
        while not condition():
            await page.wait_for_event("response", timeout=DEADLINE_MS)


def remember(page: Page) -> list[Asked]:
    """Everything of streams that a page asks for from now on."""
    asked: list[Asked] = []

    def note(response: Response) -> None:
        if not 300 <= response.status < 400 and _MEDIA.search(response.url) and GRANT.search(response.url):
            asked.append(Asked(response.url, response.status, time.time()))

    page.on("response", note)
    return asked


def parts(asked: list[Asked]) -> list[Asked]:
    """Those for media."""
    return [one for one in asked if re.search(r"\.(?:m4s|mp4)(?:\?|$)", one.url)]


def grants(asked: list[Asked]) -> set[str]:
    """What they were asked for by."""
    return {GRANT.search(one.url)[1] for one in asked}  # type: ignore[index]
