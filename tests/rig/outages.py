"""Links that are gone for a while, and when a viewer in Chromium has pictures again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from tests.rig.faults import Faults
from tests.rig.figures import Figure, Limit, at_least, at_most, exactly
from tests.rig.network import OTHER_VIEWER_ADDRESS
from tests.rig.scenario import CAMERA, MANY_PACKETS, SMALL, Scenario, Stage, watching
from tests.rig.viewer import Viewer, now_ms

_SEQUENCE_NUMBERS: Final = 1 << 16
_WRAPS_WITHIN_S: Final = 60.0


async def _short_outage(stage: Stage) -> dict[str, Figure]:
    async with watching(stage) as one:
        stage.network.set_uplink(up=False)
        await asyncio.sleep(5)
        stage.network.set_uplink(up=True)
        returned_at = now_ms()
        back_ms = await one.live_after(returned_at, within_s=5)
        return {"back_ms": back_ms, "plis": (await one.figures()).get("plis")}


async def _long_outage(stage: Stage) -> dict[str, Figure]:
    """A viewer that does nothing but restart ICE, so that the gateway alone is judged."""
    async with watching(stage) as one:
        before = await one.figures()
        stage.network.set_uplink(up=False)
        await asyncio.sleep(18)
        restarting = asyncio.create_task(one.restart(CAMERA, within_s=15))
        await asyncio.sleep(2)
        stage.network.set_uplink(up=True)
        back_ms = await one.live_after(now_ms(), within_s=8)
        await restarting
        return {"back_ms": back_ms, **_identity(before, await one.figures())}


def _identity(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Figure]:
    """Whether it is the same connection, and how many ICE generations it has seen."""
    return {
        "connections": after["connections"],
        "ice_generations": 1 + (before["ufrag"] != after["ufrag"]),
    }


class _Return(Enum):
    """What is left of the way a viewer had when its network is back."""

    SAME = auto()
    OTHER_ADDRESS = auto()
    WAY_GONE = auto()
    """Only an ICE restart finds another."""


async def _page_comes_back(stage: Stage, *, how: _Return, wrapped: bool = False) -> dict[str, Figure]:
    """The page's own element, which has to notice and to act by itself.

    `wrapped`: only after the sequence numbers began again, when SRTP counts a rollover that no packet carries.
    """
    network = stage.network
    async with watching(stage, page=True) as one:
        if wrapped:
            await _until_wrapped(one)
        before = await one.figures()
        network.set_uplink(up=False)
        await asyncio.sleep(20)
        if how is _Return.OTHER_ADDRESS:
            network.move_viewer(OTHER_VIEWER_ADDRESS)
        elif how is _Return.WAY_GONE:
            network.impose(Faults(blocked_source=before["localPort"]))
        network.set_uplink(up=True)
        returned_at = now_ms()
        back_ms = await one.live_after(returned_at, within_s=15)
        # What was sent into the dead network arrives now, too late.
        await asyncio.sleep(4)
        gaps = await one.gaps_ms(since_ms=returned_at + (back_ms or 0))
        return {
            "back_ms": back_ms,
            "longest_gap_afterwards_ms": max(gaps),
            "packets_before": before["received"],
            **_identity(before, await one.figures()),
        }


async def _until_wrapped(one: Viewer) -> None:
    """Returns when the viewer was sent more packets than there are sequence numbers."""
    async with asyncio.timeout(_WRAPS_WITHIN_S):
        while (await one.figures())["received"] < _SEQUENCE_NUMBERS:  # noqa: ASYNC110  statistics come by asking
            await asyncio.sleep(0.5)


_BACK: Final = {"back_ms": at_most(3000), "connections": exactly(1)}


def _page(
    what: str,
    *,
    without: str,
    how: _Return = _Return.SAME,
    wrapped: bool = False,
    limits: Mapping[str, Limit] | None = None,
    camera: str = SMALL,
) -> Scenario:
    """The page's own element after 20 s; where it can't go on, it makes another connection."""
    return Scenario(
        name=f"link down 20 s{what}, the page",
        run=partial(_page_comes_back, how=how, wrapped=wrapped),
        limits=_BACK | dict(limits or {}),
        without=without,
        breaks=frozenset({"connections"}),
        camera=camera,
    )


OUTAGES: Final = (
    Scenario(
        name="link down 5 s",
        run=_short_outage,
        limits={"back_ms": at_most(2000)},
        without="patience",
        breaks=frozenset({"back_ms"}),
    ),
    Scenario(
        name="link down 20 s",
        run=_long_outage,
        limits=_BACK | {"ice_generations": exactly(2)},
        without="ice-restart",
        breaks=frozenset({"back_ms"}),
    ),
    _page("", without="patience", limits={"longest_gap_afterwards_ms": at_most(1000)}),
    _page(" and another address", how=_Return.OTHER_ADDRESS, without="path-following"),
    _page(" and the way gone", how=_Return.WAY_GONE, without="ice-restart", limits={"ice_generations": exactly(2)}),
    _page(
        " after a rollover",
        wrapped=True,
        without="absence",
        limits={"packets_before": at_least(_SEQUENCE_NUMBERS)},
        camera=MANY_PACKETS,
    ),
)
