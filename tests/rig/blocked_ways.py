"""Ways that are blocked for good or for a while, and by which rung a visitor of the page sees pictures, how soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

from tests.rig.faults import Faults
from tests.rig.figures import Figure, at_most, exactly
from tests.rig.middlebox import PORT, refusing_sockets
from tests.rig.scenario import Ground, Stage, Trial
from tests.rig.viewer import now_ms
from tests.rig.visit import Visitor, visitor
from tests.rig.wall import wall

_WEBRTC_GIVEN_UP_S: Final = 3.0
"""By then the page has given WebRTC up, so that its report says why."""

_PROBED_S: Final = 12.0
"""By then the page has tried in the background to come back, in vain."""

_BACK_WITHIN_S: Final = 60.0
_AFTER_SWAP_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class _Block:
    """What is blocked, what plays all the same, and how soon after the click."""

    name: str
    faults: Faults
    rung: str
    within_ms: float


_UDP: Final = _Block("UDP", Faults(udp_blocked=True), "webrtc", 1000)
_MEDIA_PORT: Final = _Block("the media port", Faults(media_blocked=True), "mse", 1200)
_AND_SOCKETS: Final = _Block(
    "the media port and WebSockets", Faults(media_blocked=True, web_through=PORT), "ll-hls", 1500
)


@asynccontextmanager
async def _behind(block: _Block, ground: Ground) -> AsyncIterator[tuple[Stage, Visitor]]:
    """Somebody who is behind it and was never on the page."""
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(wall(ground))
        await stack.enter_async_context(refusing_sockets(stage.network, stage.folder))
        somebody = await stack.enter_async_context(visitor(stage.browser, stage.address))
        stage.network.impose(block.faults)
        yield stage, somebody


async def _visits(ground: Ground, *, block: _Block) -> dict[str, Figure]:
    """A visit, and another a little later."""
    async with _behind(block, ground) as (stage, somebody):
        async with somebody.visit() as visit:
            first = await visit.first_picture_ms()
            rung = await visit.rung()
            await asyncio.sleep(_WEBRTC_GIVEN_UP_S)
            settled = await visit.rung()
            transport = await visit.transport() if settled == "webrtc" else None
            said = (await visit.said())[-1]
            report = await visit.report(stage)
        async with somebody.visit() as visit:
            again = await visit.first_picture_ms()
            begun_with = await visit.rung()
            last = await visit.report(stage)
    return {
        **first,
        "rung": rung,
        "settled": settled,
        "transport": transport,
        "mark": said.mark,
        "why": said.detail,
        "ends": "; ".join(report["ends"]),
        "last": "; ".join(last["ends"]),
        **{f"again_{name}": value for name, value in again.items()},
        "again_rung": begun_with,
    }


async def _lifted(ground: Ground, *, block: _Block) -> dict[str, Figure]:
    """The page is watched from its first picture until some time after it is back on WebRTC."""
    async with _behind(block, ground) as (stage, somebody), somebody.visit() as visit:
        first_at = await visit.picture_at(within_s=10, rung=block.rung)
        await asyncio.sleep(_PROBED_S)
        stage.network.impose(Faults(web_through=PORT if block.faults.web_through else None))
        if block.faults.web_through:
            stage.network.impose(Faults())
        lifted_at = now_ms()
        back_at = await visit.picture_at(within_s=_BACK_WITHIN_S, since_ms=lifted_at, rung="webrtc")
        await asyncio.sleep(_AFTER_SWAP_S)
        gaps = await visit.gaps_ms(since_ms=first_at or 0)
        pictures = await visit.pictures(since_ms=back_at or 0)
        said = (await visit.said())[-1]
        await_all = await visit.pictures(since_ms=first_at or 0)
    return {
        "back_ms": None if back_at is None else back_at - lifted_at,
        "longest_gap_ms": max(gaps),
        "gaps": str([(round(b.at - a.at), round((a.at - (back_at or 0)) / 1000, 1), a.rung) for a, b in pairwise(await_all) if b.at - a.at > 300]),
        "age_ms": pictures[-1].age_ms if pictures else None,
        "mark": said.mark,
    }


BLOCKED_WAYS: Final = (
    Trial(
        name="UDP blocked, the page",
        run=partial(_visits, block=_UDP),
        limits={},
        without={"tcp-candidates": frozenset()},
    ),
    Trial(
        name="media port blocked",
        run=partial(_visits, block=_MEDIA_PORT),
        limits={},
        without={"warming": frozenset()},
    ),
    Trial(
        name="media port and WebSockets blocked",
        run=partial(_visits, block=_AND_SOCKETS),
        limits={},
        without={"warming": frozenset()},
    ),
    Trial(
        name="media port unblocked",
        run=partial(_lifted, block=_MEDIA_PORT),
        limits={},
        without={"probing": frozenset()},
    ),
    Trial(
        name="media port and WebSockets unblocked",
        run=partial(_lifted, block=_AND_SOCKETS),
        limits={},
        without={"probing": frozenset()},
    ),
)
