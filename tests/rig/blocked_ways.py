"""Ways that are blocked for good or for a while, and by which rung a visitor of the page sees pictures, how soon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.rig.faults import Faults
from tests.rig.figures import Figure, at_most, exactly
from tests.rig.middlebox import HANGING, PASSING, REFUSING, middlebox
from tests.rig.scenario import Ground, Stage, Trial
from tests.rig.viewer import now_ms
from tests.rig.visit import Visitor, visitor
from tests.rig.wall import wall

_WEBRTC_GIVEN_UP_S: Final = 3.0
"""By then the page has given WebRTC up, so that its report says why."""

_PROBED_S: Final = 12.0
"""By then the page has tried in the background to come back, in vain."""

_BACK_WITHIN_S: Final = 60.0
_AGAIN_WITHIN_MS: Final = 600
_NO_MEDIA: Final = "webrtc: The gateway's media port did not answer."
_AFTER_SWAP_S: Final = 3.0


_NOTHING: Final = Faults()


@dataclass(frozen=True, slots=True)
class _Block:
    """What is blocked, what plays all the same, and how soon; `lifted` is the network when the block is."""

    faults: Faults
    rung: str
    within_ms: float
    lifted: Faults = _NOTHING


_UDP: Final = _Block(Faults(udp_blocked=True), "webrtc", 1000)
_MEDIA_PORT: Final = _Block(Faults(media_blocked=True), "mse", 1200)
_AND_SOCKETS: Final = _Block(
    Faults(media_blocked=True, web_through=REFUSING),
    "ll-hls",
    1500,
    lifted=Faults(web_through=PASSING),
)
_AND_NO_ANSWER: Final = _Block(
    Faults(media_blocked=True, web_through=HANGING),
    "ll-hls",
    900,
    lifted=Faults(web_through=PASSING),
)


@asynccontextmanager
async def _behind(block: _Block, ground: Ground) -> AsyncIterator[tuple[Stage, Visitor]]:
    """Somebody who is behind it and was never on the page."""
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(wall(ground))
        await stack.enter_async_context(middlebox(stage.network, stage.folder))
        somebody = await stack.enter_async_context(visitor(stage.browser, stage.address))
        stage.network.impose(block.faults)
        yield stage, somebody


async def _glance(ground: Ground, *, block: _Block) -> dict[str, Figure]:
    """A visit that ends with its first picture."""
    async with _behind(block, ground) as (_, somebody), somebody.visit() as visit:
        return {**await visit.first_picture_ms(), "rung": await visit.rung()}


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
            in_vain = await visit.connections()
            begun_with = await visit.rung()
    return {
        **first,
        "rung": rung,
        "settled": settled,
        "transport": transport,
        "mark": said.mark,
        "why": said.detail,
        "ends": "; ".join(report["ends"]),
        **{f"again_{name}": value for name, value in again.items()},
        "again_rung": begun_with,
        "again_in_vain": in_vain,
    }


async def _lifted(ground: Ground, *, block: _Block) -> dict[str, Figure]:
    """The page is watched from its first picture until some time after it is back on WebRTC."""
    async with _behind(block, ground) as (stage, somebody), somebody.visit() as visit:
        first_at = await visit.picture_at(within_s=10, rung=block.rung)
        await asyncio.sleep(_PROBED_S)
        stage.network.impose(block.lifted)
        lifted_at = now_ms()
        back_at = await visit.picture_at(within_s=_BACK_WITHIN_S, since_ms=lifted_at, rung="webrtc")
        await asyncio.sleep(_AFTER_SWAP_S)
        longest, longest_at = max(await visit.gaps(since_ms=first_at or 0))
        pictures = await visit.pictures(since_ms=back_at or 0)
        said = (await visit.said())[-1]
    return {
        "back_ms": None if back_at is None else back_at - lifted_at,
        "longest_gap_ms": longest,
        "longest_gap_after_lifting_ms": longest_at - lifted_at,
        "age_ms": pictures[-1].age_ms if pictures else None,
        "mark": said.mark,
    }


def _visit_trial(name: str, block: _Block, mark: str, *, why: str, without: Mapping[str, frozenset[str]]) -> Trial:
    found = {"rung": exactly(block.rung), "first_picture_ms": at_most(block.within_ms), "mark": exactly(mark)}
    told = {"ends": exactly(why)}
    again = {"again_rung": exactly(block.rung), "again_first_picture_ms": at_most(_AGAIN_WITHIN_MS)}
    vain = {"again_in_vain": exactly(0)} if block.rung != "webrtc" else {}
    return Trial(name=name, run=partial(_visits, block=block), limits=found | told | again | vain, without=without)


def _lifted_trial(name: str, block: _Block) -> Trial:
    return Trial(
        name=name,
        run=partial(_lifted, block=block),
        limits={
            "back_ms": at_most(_BACK_WITHIN_S * 1000),
            "longest_gap_ms": at_most(500),
            "age_ms": at_most(500),
            "mark": exactly(""),
        },
        without={"probing": frozenset({"back_ms"}), "background": frozenset({"longest_gap_ms"})},
    )


_LATE: Final = {"warming": frozenset({"first_picture_ms"}), "failure-memory": frozenset({"again_in_vain"})}

AT_A_GLANCE: Final = Trial(
    name="media port blocked, at a glance",
    run=partial(_glance, block=_MEDIA_PORT),
    limits={"rung": exactly(_MEDIA_PORT.rung), "first_picture_ms": at_most(_MEDIA_PORT.within_ms)},
    without={"warming": frozenset({"first_picture_ms"})},
)

BLOCKED_WAYS: Final = (
    AT_A_GLANCE,
    _visit_trial(
        "UDP blocked, the page", _UDP, "TCP", why="", without={"tcp-candidates": frozenset({"rung", "again_rung"})}
    ),
    _visit_trial("media port blocked", _MEDIA_PORT, "MSE", why=_NO_MEDIA, without=_LATE),
    _visit_trial(
        "media port and WebSockets blocked",
        _AND_SOCKETS,
        "LL-HLS",
        why=f"{_NO_MEDIA}; mse: The WebSocket did not open.",
        without=_LATE,
    ),
    _visit_trial(
        "media port blocked, WebSockets without an answer",
        _AND_NO_ANSWER,
        "LL-HLS",
        why=f"{_NO_MEDIA}; mse: The WebSocket did not open.",
        without={**_LATE, "hastening": frozenset({"first_picture_ms"})},
    ),
    _lifted_trial("media port unblocked", _MEDIA_PORT),
    _lifted_trial("media port and WebSockets unblocked", _AND_SOCKETS),
)
