"""Cameras, gateways and networks that are gone for a while: what the page says, and how soon it plays again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from tests.rig.camera_faults import faulty_cameras
from tests.rig.figures import Figure, at_most, exactly
from tests.rig.programs import KEY, closed, gateway
from tests.rig.scenario import CAMERA, SETTLE_S, SMALL, Ground, Stage, Trial
from tests.rig.viewer import now_ms, playing
from tests.rig.visit import Visit, visitor
from tests.rig.wall import wall, wall_of

_CAMERA_AWAY_S: Final = 8.0
_GATEWAY_AWAY_S: Final = 6.0
_BACK_WITHIN_S: Final = 30.0
_SETTLED_S: Final = 4.0
"""By then anything that was begun needlessly shows."""


@asynccontextmanager
async def watched(stage: Stage) -> AsyncIterator[Visit]:
    """Somebody before the wall, a while after the first picture."""
    async with visitor(stage.browser, stage.address) as somebody, somebody.visit() as visit:
        assert await visit.picture_at(within_s=10), "there was no picture even before anything was wrong"
        await asyncio.sleep(SETTLE_S)
        yield visit


async def _after(visit: Visit, stage: Stage, *, gone_at: float, back_at: float) -> dict[str, Figure]:
    """What became of it, and what was said meanwhile."""
    live_at = await visit.picture_at(within_s=_BACK_WITHIN_S, since_ms=back_at, fresh=True)
    await asyncio.sleep(_SETTLED_S)
    words = [one for one in await visit.said() if one.at >= gone_at]
    gaps = await visit.gaps_ms(since_ms=live_at or back_at)
    rung, connections = await visit.rung(), await visit.connections()
    report = await visit.report(stage)
    return {
        "back_ms": None if live_at is None else live_at - back_at,
        "longest_gap_afterwards_ms": max(gaps),
        "rung": rung,
        "connections": connections,
        "said": " / ".join(dict.fromkeys(one.title for one in words if one.title)),
        "why": " / ".join(dict.fromkeys(one.detail for one in words if one.detail)),
        "mark": words[-1].mark if words else "",
        "ends": "; ".join(report["ends"]),
        "despaired": sum("No picture gets through" in one.title for one in words),
    }


async def _said_after(visit: Visit, pattern: str, since_ms: float, *, within_s: float) -> float | None:
    said = await visit.says(pattern, within_s=within_s, since_ms=since_ms)
    return None if said is None else said.at - since_ms


async def _camera_down(ground: Ground, *, down: str, up: str, says: str) -> dict[str, Figure]:
    async with (
        faulty_cameras(ground.network, SMALL) as faulty,
        wall_of(ground, faulty.urls) as stage,
        watched(stage) as visit,
    ):
        await faulty.tell(down, CAMERA)
        gone_at = now_ms()
        said_ms = await _said_after(visit, says, gone_at, within_s=_CAMERA_AWAY_S)
        await asyncio.sleep(_CAMERA_AWAY_S - (now_ms() - gone_at) / 1000)
        await faulty.tell(up, CAMERA)
        return {"said_ms": said_ms, **await _after(visit, stage, gone_at=gone_at, back_at=now_ms())}


async def _gateway_restarted(ground: Ground) -> dict[str, Figure]:
    network = ground.network
    async with AsyncExitStack() as stack:
        faulty = await stack.enter_async_context(faulty_cameras(network, SMALL))
        async with AsyncExitStack() as first:
            stage = await first.enter_async_context(wall_of(ground, faulty.urls))
            visit = await stack.enter_async_context(watched(stage))
            gone_at = now_ms()
        said_ms = await _said_after(visit, "Gateway not reachable", gone_at, within_s=_GATEWAY_AWAY_S)
        await asyncio.sleep(_GATEWAY_AWAY_S)
        again = gateway(network, faulty.urls, ground.folder, without=ground.without, access=closed())
        await stack.enter_async_context(again)
        back_at = now_ms()
        await playing(stage.browser, stage.address, CAMERA, key=KEY)
        return {"said_ms": said_ms, **await _after(visit, stage, gone_at=gone_at, back_at=back_at)}


async def _network_down(ground: Ground, *, for_s: float, says: str) -> dict[str, Figure]:
    async with wall(ground) as stage, watched(stage) as visit:
        ground.network.set_uplink(up=False)
        gone_at = now_ms()
        said_ms = await _said_after(visit, says, gone_at, within_s=for_s)
        await asyncio.sleep(for_s - (now_ms() - gone_at) / 1000)
        ground.network.set_uplink(up=True)
        return {"said_ms": said_ms, **await _after(visit, stage, gone_at=gone_at, back_at=now_ms())}


_WELL: Final = {
    "longest_gap_afterwards_ms": at_most(1000),
    "rung": exactly("webrtc"),
    "mark": exactly(""),
    "despaired": exactly(0),
}
_SAME: Final = {"connections": exactly(1), "ends": exactly("")}
_NEEDLESSLY: Final = frozenset({"connections", "ends"})

INTERRUPTIONS: Final = (
    Trial(
        name="camera gone 8 s, the page",
        run=partial(_camera_down, down="die", up="revive", says="Camera not reachable since"),
        limits=_WELL | _SAME | {"said_ms": at_most(3000), "back_ms": at_most(5000)},
        without={"camera-word": _NEEDLESSLY},
    ),
    Trial(
        name="camera silent 8 s, the page",
        run=partial(_camera_down, down="freeze", up="thaw", says="The camera has stopped sending pictures"),
        limits=_WELL | _SAME | {"said_ms": at_most(4000), "back_ms": at_most(5000)},
        without={"camera-word": _NEEDLESSLY},
    ),
    Trial(
        name="gateway restarted, the page",
        run=_gateway_restarted,
        limits=_WELL | {"said_ms": at_most(2000), "back_ms": at_most(4000)},
        without={"gateway-return": frozenset({"back_ms"})},
    ),
    Trial(
        name="network down 5 s, the page",
        run=partial(_network_down, for_s=5.0, says="No new pictures for"),
        limits=_WELL | _SAME | {"said_ms": at_most(4000), "back_ms": at_most(2000)},
        without={"patience": frozenset({"ends"})},
    ),
    Trial(
        name="network down 45 s, the page",
        run=partial(_network_down, for_s=45.0, says="Gateway not reachable since"),
        limits=_WELL | {"said_ms": at_most(12_000), "back_ms": at_most(4000)},
        # Without them it is back by something worse, over HTTP.
        without={"socket-retries": frozenset({"rung"})},
    ),
)
