"""A visit to the gateway's own page: what its first tile shows and says, as a person before the screen sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, StorageState

from tests.rig.programs import KEY, PASSWORD, VISITOR
from tests.rig.scenario import CAMERA, Stage
from tests.rig.viewer import get_json, script

_FRESH_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture: when it was on the screen (unix milliseconds), how old it was then, and by which rung it came."""

    at: float
    age_ms: float | None
    rung: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the tile says, since `at`."""

    at: float
    mark: str
    title: str
    detail: str
    picture: str


class Visit:
    """Use `Visitor.visit`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicked_at = 0.0

    async def open(self, address: str) -> None:
        """Follow a link to the page."""
        await self.page.goto(address, wait_until="commit")
        self.clicked_at = await self.page.evaluate("rigWatch.clickedAt")

    async def picture_at(
        self, *, within_s: float, since_ms: float = 0, rung: str | None = None, fresh: bool = False
    ) -> float | None:
        """When the first picture since then was shown, by `rung`, less than a second old; None if there was none."""
        options = {
            "since": since_ms,
            "rung": rung,
            "ageMs": _FRESH_MS if fresh else None,
            "deadlineMs": within_s * 1000,
        }
        found = await self.page.evaluate("(options) => rigWatch.picture(options)", options)
        return None if found is None else float(found)

    async def first_picture_ms(self, *, within_s: float = 10) -> dict[str, float | None]:
        """From the click that opened the page, and from when the page began to play."""
        at = await self.picture_at(within_s=within_s)
        played = await self.page.evaluate("document.querySelector('camera-view')?.metrics?.firstPictureMs ?? null")
        return {"after_click_ms": None if at is None else at - self.clicked_at, "first_picture_ms": played}

    async def pictures(self, *, since_ms: float = 0) -> list[Shown]:
        """All since then, in order."""
        found = await self.page.evaluate("(since) => rigWatch.pictures.filter(([at]) => at >= since)", since_ms)
        return [Shown(*picture) for picture in found]

    async def gaps(self, *, since_ms: float) -> list[tuple[float, float]]:
        """Milliseconds between neighbouring pictures, and up to now, since then, each with when it began."""
        # A picture that does not come is a gap too; the time that asking takes is none.
        find = "(since) => [since, ...rigWatch.pictures.map(([at]) => at).filter((at) => at >= since), rigUnixMs()]"
        times: list[float] = await self.page.evaluate(find, since_ms)
        return [(later - earlier, earlier) for earlier, later in pairwise(times)]

    async def gaps_ms(self, *, since_ms: float) -> list[float]:
        """The same without when."""
        return [gap for gap, _ in await self.gaps(since_ms=since_ms)]

    async def rung(self) -> str | None:
        """What plays."""
        shown: str | None = await self.page.evaluate("document.querySelector('camera-view').metrics.rung")
        return shown

    async def transport(self, *, within_s: float = 5) -> str | None:
        """What the page says that WebRTC goes by, as soon as it says so."""
        find = "document.querySelector('camera-view').metrics.transport"
        handle = await self.page.wait_for_function(find, timeout=within_s * 1000)
        return str(await handle.json_value())

    async def connections(self) -> int:
        """Peer connections that the page has made."""
        return int(await self.page.evaluate("rigWatch.connections"))

    async def says(self, pattern: str, *, within_s: float, since_ms: float = 0) -> Said | None:
        """The first words since then in which `pattern` is found (mark | title | detail)."""
        options = {"since": since_ms, "pattern": pattern, "deadlineMs": within_s * 1000}
        found = await self.page.evaluate("(options) => rigWatch.words(options)", options)
        return None if found is None else Said(**found)

    async def said(self) -> list[Said]:
        """All it has said."""
        return [Said(**one) for one in await self.page.evaluate("rigWatch.said")]

    async def report(self, stage: Stage, *, within_s: float = 5) -> dict[str, Any]:
        """Leave the page, which makes it tell the gateway how it went; what `/api/sessions` says of the camera then."""
        before = await _reported(stage)
        await self.page.goto("about:blank")
        after = before
        async with asyncio.timeout(within_s):
            while after == before:
                after = await _reported(stage)
        return after


class Visitor:
    """A browser with its own memory."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self._context = context
        self._address = address

    @asynccontextmanager
    async def visit(self, path: str = "") -> AsyncIterator[Visit]:
        """The wall, or what is at `path`, until the end of the block."""
        page = await self._context.new_page()
        one = Visit(page)
        try:
            await page.add_init_script(script("page_watch.js"))
            await one.open(self._address + path)
            yield one
        finally:
            await page.close()


@asynccontextmanager
async def visitor(browser: Browser, address: str) -> AsyncIterator[Visitor]:
    """Somebody who is signed in, and was never on the page before."""
    context = await browser.new_context(
        viewport={"width": 640, "height": 480}, storage_state=await _signed_in(browser, address)
    )
    try:
        yield Visitor(context, address)
    finally:
        await context.close()


async def _signed_in(browser: Browser, address: str) -> StorageState:
    """The cookies of somebody who signs in."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(f"{address}login")
        await page.get_by_label("Name").fill(VISITOR)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(address, wait_until="commit")
        return await context.storage_state()
    finally:
        await context.close()


async def _reported(stage: Stage) -> dict[str, Any]:
    reports: dict[str, Any] = (await get_json(stage.browser, f"{stage.address}api/sessions", key=KEY))["reports"]
    found: dict[str, Any] = reports.get(CAMERA, {})
    return found
