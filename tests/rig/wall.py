"""A gateway that people sign in to, with one camera on its wall, for trials of the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.rig.programs import KEY, cameras, closed, gateway
from tests.rig.scenario import SMALL, Ground, Stage
from tests.rig.viewer import playing
from tests.rig.visit import visitor


@asynccontextmanager
async def wall(ground: Ground, camera: str = SMALL) -> AsyncIterator[Stage]:
    """A demo camera and a gateway that has its pictures; it ends over a network that is well."""
    async with cameras(ground.network, camera) as urls, wall_of(ground, urls) as stage:
        yield stage
        ground.network.heal()


@asynccontextmanager
async def wall_of(ground: Ground, urls: Mapping[str, object]) -> AsyncIterator[Stage]:
    """A gateway for cameras that are there already, and a browser that has played before.

    A browser's first decoder is slow: that visit does not count.
    """
    network, browser = ground.network, ground.browser
    async with gateway(network, urls, ground.folder, without=ground.without, access=closed()) as running:
        await playing(browser, running.address, *urls, key=KEY)
        async with visitor(browser, running.address) as other, other.visit() as visit:
            await visit.first_picture_ms()
        yield Stage(network, browser, running.address, ground.folder, ground.long)
