"""Chromium in a viewer's namespace, and one viewer in it whose every picture is read."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, JSHandle, Page

from tests.rig.network import Network
from tests.support.browser import chromium as chromium_anywhere
from tests.support.browser import chromium_program

_FRESH_MS: Final = 1000


@asynccontextmanager
async def chromium(network: Network, role: str, folder: Path) -> AsyncIterator[Browser]:
    """Chromium, all its traffic inside a role's namespace."""
    wrapper = folder / f"chromium-in-{role}"
    inside = " ".join(network.inside(role, chromium_program()))
    wrapper.write_text(f'#!/bin/sh\nexec {inside} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    async with chromium_anywhere(wrapper) as started:
        yield started


def script(name: str) -> str:
    """A script of this folder with what it needs before it: the order of several that are added is not defined."""
    return "".join(Path(__file__).with_name(part).read_text(encoding="utf-8") for part in ("picture_age.js", name))


@dataclass(frozen=True, slots=True)
class Picture:
    """`at` is the unix millisecond it was on the screen, `age_ms` what the camera's clock in it told then."""

    at: float
    age_ms: float | None


def now_ms() -> float:
    """Unix milliseconds, as the browser counts them: all namespaces have this machine's clock."""
    return time.time() * 1000


class Viewer:
    """Use `viewer`."""

    def __init__(self, page: Page, handle: JSHandle) -> None:
        self.page = page
        self._handle = handle
        self.first_picture_ms: float | None = None

    async def join(self, camera: str, *, socket: bool = False, within_s: float = 10) -> float | None:
        """Milliseconds from the click to the first picture, by WHEP or by the WebSocket; None without one."""
        options = {"camera": camera, "socket": socket, "deadlineMs": within_s * 1000}
        return await self._first_picture("(viewer, options) => viewer.join(options)", options)

    async def show(self, camera: str, *, within_s: float = 10) -> float | None:
        """The same by the page's `<camera-view>`."""
        options = {"camera": camera, "deadlineMs": within_s * 1000}
        return await self._first_picture("(viewer, options) => viewer.show(options)", options)

    async def _first_picture(self, expression: str, options: dict[str, Any]) -> float | None:
        found = await self._handle.evaluate(expression, options)
        self.first_picture_ms = None if found is None else float(found)
        return self.first_picture_ms

    async def live_after(self, since_ms: float, *, within_s: float) -> float | None:
        """Milliseconds from `since_ms` to the first picture less than a second old; None if there was none in time."""
        options = {"since": since_ms, "ageMs": _FRESH_MS, "deadlineMs": within_s * 1000}
        found = await self._handle.evaluate("(viewer, options) => viewer.fresh(options)", options)
        return None if found is None else float(found) - since_ms

    async def restart(self, camera: str, *, within_s: float) -> bool:
        """Restart ICE over fresh sockets until pictures come."""
        options = {"camera": camera, "deadlineMs": within_s * 1000}
        return bool(await self._handle.evaluate("(viewer, options) => viewer.restart(options)", options))

    async def pictures(self, *, since_ms: float = 0) -> list[Picture]:
        """All pictures since then, in order."""
        found = await self._handle.evaluate(
            "(viewer, since) => viewer.pictures.filter(([at]) => at >= since)", since_ms
        )
        return [Picture(at, age) for at, age in found]

    async def gaps_ms(self, *, since_ms: float) -> list[float]:
        """Between neighbouring pictures, and up to now, since then: a picture that does not come is a gap too."""
        times = [since_ms, *(picture.at for picture in await self.pictures(since_ms=since_ms)), now_ms()]
        return [later - earlier for earlier, later in pairwise(times)]

    async def figures(self) -> dict[str, Any]:
        """The connection's statistics, under the names viewer.js gives them."""
        found: dict[str, Any] = await self._handle.evaluate("viewer => viewer.figures()")
        return found

    async def messages(self, kind: str) -> list[dict[str, Any]]:
        """What came over the WebSocket, with `at`."""
        found: list[dict[str, Any]] = await self._handle.evaluate(
            "(viewer, kind) => viewer.messages.filter(({ type }) => type === kind)", kind
        )
        return found

    async def leave(self) -> None:
        """End the connection."""
        await self._handle.evaluate("viewer => viewer.leave()")


@asynccontextmanager
async def viewer(browser: Browser, address: str) -> AsyncIterator[Viewer]:
    """A viewer on a plain page of the gateway's own origin."""
    context = await browser.new_context(viewport={"width": 640, "height": 480})
    try:
        page = await context.new_page()
        await page.add_init_script(script("viewer.js"))
        await page.goto(f"{address}healthz")
        one = Viewer(page, await page.evaluate_handle("new RigViewer()"))
        yield one
        await one.leave()
    finally:
        await context.close()


async def get_json(browser: Browser, url: str, *, key: str | None = None) -> Any:
    """A GET from the viewer's namespace, with an API key or as anybody."""
    context = await browser.new_context(extra_http_headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        page = await context.new_page()
        response = await page.goto(url)
        assert response is not None
        return await response.json()
    finally:
        await context.close()


async def playing(browser: Browser, address: str, *names: str, within_s: float = 15, key: str | None = None) -> None:
    """Returns when all these cameras are live."""
    states: dict[str, str] = {}
    async with asyncio.timeout(within_s):
        while any(states.get(name) != "live" for name in names):
            listed = await get_json(browser, f"{address}api/cameras", key=key)
            states = {camera["name"]: camera["state"] for camera in listed["cameras"]}
