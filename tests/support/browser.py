"""A real Chromium for tests, and in it a WHEP player that reads every picture."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, JSHandle, Page, async_playwright

_SUPPORT: Final = Path(__file__).parent
_PICTURE_LOG: Final = _SUPPORT / "picture-log.js"
_PLAYER: Final = _SUPPORT / "player.js"
HLS_JS: Final = _SUPPORT.parents[1] / "node_modules" / "hls.js" / "dist" / "hls.light.min.js"
HLS_PLAYER: Final = _SUPPORT / "hls-player.js"
MSE_PLAYER: Final = _SUPPORT / "mse-player.js"
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
)
_TIMESTAMPS: Final = 1 << 32


def chromium_program() -> str:
    """Where the distribution's Chromium is: playwright's own build has no H.264."""
    found = shutil.which("chromium")
    assert found, "tests need the distribution's chromium: make packages"
    return found


@asynccontextmanager
async def chromium(program: Path | None = None) -> AsyncIterator[Browser]:
    """The distribution's Chromium, headless, or a `program` that starts it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program or chromium_program(), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture on the screen.

    `at` and `clock` (the burned-in one, None where there is none) are unix milliseconds, the latter mod 2^32; `mean`
    and `spread` are of its lightness, 0 to 255.
    """

    at: float
    rtp: int
    presented_frames: int
    width: int
    height: int
    clock: int | None
    mean: float
    spread: int

    @property
    def latency_ms(self) -> float | None:
        """From the camera's clock to the screen; None where there is no clock."""
        if self.clock is None:
            return None
        behind = (self.at - self.clock) % _TIMESTAMPS
        return behind if behind < _TIMESTAMPS / 2 else behind - _TIMESTAMPS


@dataclass(frozen=True, slots=True)
class Reply:
    """What the gateway said to an offer."""

    status: int
    headers: dict[str, str]
    body: str
    offer: str


class BrowserPlayer:
    """One peer connection in a page; it never makes another offer by itself."""

    def __init__(self, page: Page, player: JSHandle) -> None:
        self.page = page
        self._player = player

    async def start(self, camera: str, **options: object) -> Reply:
        """Offers; `options` are those of `TestPlayer.start`."""
        reply = await self._player.evaluate(
            "(player, options) => player.start(options)", {"url": f"/{camera}/whep", **options}
        )
        return Reply(**reply)

    async def play(self, camera: str, **options: object) -> Reply:
        """Offers, and waits for three pictures."""
        reply = await self.start(camera, **options)
        assert reply.status == 201, reply.body
        await self.more_pictures(3, within_s=10)
        return reply

    async def until(self, condition: str, *, within_s: float) -> None:
        """Waits until a JavaScript function of the player (`p => …`) is true; an error that tells all if it isn't."""
        await self._player.evaluate(f"(player, ms) => player.until({condition}, ms)", within_s * 1000)

    async def more_pictures(self, count: int, *, within_s: float) -> list[Picture]:
        """Waits for `count` more pictures from now on, and returns them."""
        known = await self.count()
        await self.until(f"p => p.pictures.length >= {known + count}", within_s=within_s)
        return await self.pictures(since=known)

    async def count(self) -> int:
        """How many pictures were on the screen so far."""
        return int(await self._player.evaluate("player => player.pictures.length"))

    async def pictures(self, *, since: int = 0) -> list[Picture]:
        """All pictures, in order."""
        found = await self._player.evaluate("(player, since) => player.pictures.slice(since)", since)
        return [
            Picture(
                at=picture["at"],
                rtp=picture["rtp"],
                presented_frames=picture["presentedFrames"],
                width=picture["width"],
                height=picture["height"],
                clock=picture["clock"],
                mean=picture["mean"],
                spread=picture["spread"],
            )
            for picture in found
        ]

    async def encoded_timestamps(self) -> list[int]:
        """The RTP timestamp of every frame received, shown or not; needs `encoded=True` in `start`."""
        return list(await self._player.evaluate("player => player.encoded"))

    async def stats(self) -> dict[str, Any]:
        """The `inbound-rtp` statistics as `video` and `audio`, None where there is none.

        `local` is this side's candidate of the pair in use, `protocol` its udp or tcp, `gathered` all there are.
        """
        found: dict[str, Any] = await self._player.evaluate("player => player.stats()")
        return found

    async def evaluate(self, function: str) -> Any:
        """What a JavaScript function of the player (`p => …`) returns."""
        return await self._player.evaluate(function)

    async def identity(self) -> dict[str, Any]:
        """What must not change while one session lives: ICE user names, number of offers, states gone through."""
        found: dict[str, Any] = await self._player.evaluate(
            "({ ufrags, offers, connectionStates: states }) => ({ ufrags, offers, states })"
        )
        return found

    async def close(self) -> None:
        """Ends the connection."""
        await self._player.evaluate("player => player.close()")
        await self._player.dispose()


async def load_player(page: Page, *scripts: Path) -> None:
    """Scripts for the page, the last of them a player that keeps a picture log."""
    for script in (_PICTURE_LOG, *scripts):
        await page.evaluate(script.read_text(encoding="utf-8") + "\nundefined")


async def open_player(
    page: Page, address: str, *, bundle_policy: str = "max-bundle", configuration: Mapping[str, Any] | None = None
) -> BrowserPlayer:
    """A player on a plain page of the gateway's own origin, several if called again with the same page.

    `configuration` is that of its peer connection.
    """
    if not page.url.startswith(address):
        await page.goto(f"{address}healthz")
        await load_player(page, _PLAYER)
    arguments = [bundle_policy, dict(configuration or {})]
    return BrowserPlayer(page, await page.evaluate_handle("args => new TestPlayer(...args)", arguments))


def timestamp_steps(timestamps: list[int]) -> list[int]:
    """From each RTP timestamp to the next, across the wrap; negative is backwards."""
    steps = [(later - earlier) % _TIMESTAMPS for earlier, later in pairwise(timestamps)]
    return [step if step < _TIMESTAMPS // 2 else step - _TIMESTAMPS for step in steps]
