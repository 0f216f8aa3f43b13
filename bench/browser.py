"""A real Chromium with viewers in it, one page for each server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright

from bench.errors import BenchError
from bench.servers import Server
from bench.stats import Picture

_DEADLINE_S: Final = 20
_PROBE: Final = Path(__file__).with_name("probe.js")
_ARGUMENTS: Final = ("--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-dev-shm-usage")
_ELEMENT: Final = "static/tile/camera-view.js"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a viewer saw during a stretch of time; `lost` counts packets since it joined, None for `<camera-view>`."""

    pictures: list[Picture]
    lost: int | None


class BrowserViewer:
    """At most one viewer at a time, on a page that belongs to the server it watches."""

    def __init__(self, page: Page, *, origin: str) -> None:
        self._page = page
        self._origin = origin
        self._complaints: list[str] = []
        page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complaints = [*self._complaints[-2:], message.text]

    @classmethod
    async def open(cls, browser: Browser, server: Server) -> Self:
        """A page at the server's own origin, which no server has to allow, emptied of what it showed.

        A page made up by Playwright would not do: Chromium lets none but a really local page open local sockets.
        """
        page = await cls._prepared(await browser.new_page(), server)
        return cls(page, origin=server.origin)

    @staticmethod
    async def _prepared(page: Page, server: Server) -> Page:
        await page.add_init_script(path=_PROBE)
        try:
            await page.goto(server.origin + server.document)
        except Error as error:
            raise BenchError(f"Chromium can't open a page of {server.name}: {error.message.splitlines()[0]}") from None
        await page.evaluate("() => document.body.replaceChildren()")
        return page

    async def load_element(self) -> None:
        """Load the gateway's `<camera-view>`, as any page would that shows it."""
        await self._page.add_script_tag(url=f"{self._origin}/{_ELEMENT}", type="module")
        await self._page.evaluate("() => customElements.whenDefined('camera-view')")

    async def join(self, whep: str) -> float:
        """Milliseconds from the click to the first picture of a bare WHEP viewer; raises BenchError without one."""
        return await self._start({"whep": whep})

    async def join_by_element(self, camera: str) -> float:
        """The same for `<camera-view>`, as the element itself counts it."""
        return await self._start({"view": camera, "base": f"{self._origin}/"})

    async def _start(self, options: dict[str, Any]) -> float:
        self._complaints.clear()
        try:
            first_ms = await self._page.evaluate(
                "options => bench.start(options)", {**options, "deadlineMs": _DEADLINE_S * 1000}
            )
        except Error as error:
            raise BenchError(f"Chromium could not watch {self._origin}: {error.message.splitlines()[0]}") from None
        if first_ms is None:
            said = "; ".join(self._complaints) or "and the browser says nothing"
            raise BenchError(f"Chromium got no picture from {self._origin} in {_DEADLINE_S} s: {said}")
        return float(first_ms)

    async def take(self) -> Taken:
        """What was seen since the last call; raises BenchError when the page is gone."""
        try:
            taken = await self._page.evaluate("() => bench.take()")
        except Error as error:
            raise BenchError(f"Chromium lost its page of {self._origin}: {error.message.splitlines()[0]}") from None
        pictures = [Picture(at, age, catching_up) for at, age, catching_up in taken["pictures"]]
        return Taken(pictures, taken["statistics"].get("lost"))

    async def leave(self) -> None:
        """End the viewer; the page stays."""
        await self._page.evaluate("() => bench.stop()")

    async def close(self) -> None:
        """Close the page."""
        await self._page.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium for the length of the block, on this process's core."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        raise BenchError("Chromium is not installed (Debian's package chromium; its H.264 decoder is needed).")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=executable,
                args=list(_ARGUMENTS),
                # Interrupted, we still want to talk to it.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except Error as error:
            raise BenchError(f"Chromium does not start: {error.message.splitlines()[0]}") from None
        async with browser:
            yield browser
