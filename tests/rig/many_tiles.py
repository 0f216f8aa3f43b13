"""A wall of many cameras on a network without WebSockets, where everything is asked for over a few HTTP connections."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

from playwright.async_api import ViewportSize

from tests.rig.faults import Faults
from tests.rig.figures import Figure, at_most, exactly
from tests.rig.middlebox import REFUSING, middlebox
from tests.rig.programs import cameras
from tests.rig.scenario import Ground, Trial
from tests.rig.visit import visitor
from tests.rig.wall import wall_of

_TILES: Final = 36
_ALL_SEEN: Final[ViewportSize] = {"width": 1920, "height": 2000}
"""What scrolls out of sight does not play."""

_PLAY_WITHIN_S: Final = 20.0
_SETTLED_S: Final = 8.0
"""Who had to begin with something worse is back by then."""

_MOST_CONNECTIONS: Final = 44
_TILES_NOW: Final = """() => [...document.querySelectorAll('camera-view')].map(({ metrics }) => {
  return { rung: metrics?.rung ?? 'none', firstMs: metrics?.firstPictureMs ?? null };
})"""


async def _without_sockets(ground: Ground) -> dict[str, Figure]:
    specs = [f"cam{number:02}:160x90@5:gop=2:bitrate=60k" for number in range(_TILES)]
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(cameras(ground.network, *specs))
        stage = await stack.enter_async_context(wall_of(ground, urls))
        await stack.enter_async_context(middlebox(stage.network, stage.folder))
        stage.network.impose(Faults(web_through=REFUSING))
        somebody = await stack.enter_async_context(visitor(stage.browser, stage.address))
        async with somebody.visit() as visit:
            await visit.page.set_viewport_size(_ALL_SEEN)
            tiles: list[dict[str, Any]] = []
            for _ in range(round(_PLAY_WITHIN_S)):
                await asyncio.sleep(1)
                tiles = await visit.page.evaluate(_TILES_NOW)
                if len(tiles) == _TILES and all(tile["firstMs"] is not None for tile in tiles):
                    break
            await asyncio.sleep(_SETTLED_S)
            settled = await visit.page.evaluate(_TILES_NOW)
            connections = await visit.connections()
        stage.network.heal()
    times = [tile["firstMs"] for tile in tiles if tile["firstMs"] is not None]
    return {
        "playing": len(times),
        "rungs": " ".join(sorted({tile["rung"] for tile in settled})),
        "connections": connections,
        "slowest_ms": max(times, default=None),
    }


MANY_TILES: Final = (
    Trial(
        name=f"{_TILES} tiles without WebSockets",
        run=_without_sockets,
        limits={
            "playing": exactly(_TILES),
            "rungs": exactly("webrtc"),
            "connections": at_most(_MOST_CONNECTIONS),
            "slowest_ms": at_most(10_000),
        },
        without={"crowd": frozenset({"connections"})},
    ),
)
