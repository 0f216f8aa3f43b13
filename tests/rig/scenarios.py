"""Links that fail, and what a viewer in Chromium sees of it: each scenario measures, its limits judge."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import Any, Final, Protocol

from playwright.async_api import Browser

from tests.rig.faults import MEDIA_PORTS, Faults
from tests.rig.figures import Figure, Limit, at_least, at_most, exactly, percentile
from tests.rig.network import ATTACKER, GATEWAY_ADDRESS, NAT_ADDRESSES, OTHER_VIEWER_ADDRESS, VIEWER_ADDRESS, Network
from tests.rig.programs import HTTP_PORT, running
from tests.rig.tun_relay import Character
from tests.rig.viewer import Viewer, now_ms, viewer

SMALL: Final = "cam:640x360@30:gop=2:bitrate=1M"
FOUR_MEGABIT: Final = "cam:1280x720@30:gop=2:bitrate=4M"

_CAMERA: Final = "cam"
_SETTLE_S: Final = 2.0
_FLOOD_PER_S: Final = 3000
_AFTERMATH_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario plays; `long` is the length the issue asks for, else one for every day."""

    network: Network
    browser: Browser
    address: str
    long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`without` names the protection (tests/rig/crippled.py) that the limits need."""

    name: str
    run: Callable[[Stage], Awaitable[dict[str, Figure]]]
    limits: Mapping[str, Limit]
    without: str
    camera: str = SMALL


class Play(Protocol):
    """Plays a scenario and returns what was not as it should be."""

    async def __call__(self, scenario: Scenario, *, without: str | None = None, long: bool = False) -> list[str]:
        """On a gateway as it is, or on one `without` a protection."""


async def _settled(one: Viewer) -> float:
    """Join and leave the burst of the first seconds behind; the first picture's milliseconds."""
    first_ms = await one.join(_CAMERA)
    assert first_ms is not None, "there was no picture even before anything was wrong"
    await asyncio.sleep(_SETTLE_S)
    return first_ms


async def _udp_blocked(stage: Stage) -> dict[str, Figure]:
    stage.network.impose(Faults(udp_blocked=True))
    times: list[float] = []
    figures: dict[str, Any] = {}
    for _ in range(3):
        async with viewer(stage.browser, stage.address) as one:
            first_ms = await one.join(_CAMERA, within_s=5)
            figures = await one.figures()
        if first_ms is None:
            return {"first_picture_ms": None, "protocol": None}
        times.append(first_ms)
    return {
        "first_picture_ms": statistics.median(times),
        "slowest_ms": max(times),
        "protocol": figures.get("protocol"),
    }


async def _short_outage(stage: Stage) -> dict[str, Figure]:
    async with viewer(stage.browser, stage.address) as one:
        await _settled(one)
        stage.network.set_uplink(up=False)
        await asyncio.sleep(5)
        stage.network.set_uplink(up=True)
        returned_at = now_ms()
        back_ms = await one.live_after(returned_at, within_s=5)
        return {"back_ms": back_ms, "plis": (await one.figures()).get("plis")}


async def _long_outage(stage: Stage) -> dict[str, Figure]:
    """A viewer that does nothing but restart ICE, so that the gateway alone is judged."""
    async with viewer(stage.browser, stage.address) as one:
        await _settled(one)
        before = await one.figures()
        stage.network.set_uplink(up=False)
        await asyncio.sleep(18)
        restarting = asyncio.create_task(one.restart(_CAMERA, within_s=15))
        await asyncio.sleep(2)
        stage.network.set_uplink(up=True)
        returned_at = now_ms()
        back_ms = await one.live_after(returned_at, within_s=8)
        await restarting
        after = await one.figures()
        return {
            "back_ms": back_ms,
            "connections": after["connections"],
            "ice_generations": 1 + (before["ufrag"] != after["ufrag"]),
        }


class _Return(Enum):
    """What is left of the way a viewer had when its network is back."""

    SAME = auto()
    OTHER_ADDRESS = auto()
    WAY_GONE = auto()


async def _page_after_long_outage(stage: Stage) -> dict[str, Figure]:
    return await _page_comes_back(stage, _Return.SAME)


async def _page_at_another_address(stage: Stage) -> dict[str, Figure]:
    return await _page_comes_back(stage, _Return.OTHER_ADDRESS)


async def _page_whose_way_is_gone(stage: Stage) -> dict[str, Figure]:
    """Only an ICE restart finds another."""
    return await _page_comes_back(stage, _Return.WAY_GONE)


async def _page_comes_back(stage: Stage, how: _Return) -> dict[str, Figure]:
    """The page's own element, which has to notice and to act by itself."""
    network = stage.network
    async with viewer(stage.browser, stage.address) as one:
        first_ms = await one.show(_CAMERA)
        assert first_ms is not None, "the page showed no picture even before anything was wrong"
        await asyncio.sleep(_SETTLE_S)
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
        after = await one.figures()
        return {
            "first_picture_ms": first_ms,
            "back_ms": back_ms,
            "longest_gap_afterwards_ms": max(gaps),
            "connections": after["connections"],
            "ice_generations": 1 + (before["ufrag"] != after["ufrag"]),
        }


async def _rebinding(stage: Stage) -> dict[str, Figure]:
    network = stage.network
    network.rebind(Faults(nat_address=NAT_ADDRESSES[0]))
    gaps: list[float] = []
    async with viewer(stage.browser, stage.address) as one:
        await _settled(one)
        for address in NAT_ADDRESSES[1:]:
            network.rebind(Faults(nat_address=address))
            changed_at = now_ms()
            await asyncio.sleep(4.5)
            gaps.append(max(await one.gaps_ms(since_ms=changed_at)))
    return {"longest_gap_ms": max(gaps), "other_gap_ms": min(gaps)}


async def _random_loss(stage: Stage) -> dict[str, Figure]:
    network = stage.network
    network.shape(Character(delay_s=0.025))
    async with viewer(stage.browser, stage.address) as one:
        await _settled(one)
        network.impose(Faults(loss=0.05))
        begun_at = now_ms()
        await asyncio.sleep(60 if stage.long else 10)
        gaps = await one.gaps_ms(since_ms=begun_at)
        figures = await one.figures()
    return {
        "longest_gap_ms": max(gaps),
        "plis": figures.get("plis"),
        "retransmitted": figures.get("retransmitted"),
        "nacks": figures.get("nacks"),
        "freezes": figures.get("freezes"),
        "lost": figures.get("lost"),
    }


async def _narrow_link(stage: Stage) -> dict[str, Figure]:
    """Five joins, at different places of the group of pictures: the later, the larger the first burst."""
    stage.network.limit(rate_bps=20_000_000, queue_bytes=64 * 1024)
    missing = lost = 0
    times: list[float] = []
    for _ in range(5):
        async with viewer(stage.browser, stage.address) as one:
            first_ms = await one.join(_CAMERA)
            # Until the burst is over.
            await asyncio.sleep(1.3)
            figures = await one.figures()
        if first_ms is None:
            return {"first_picture_ms": None, "nacks": None}
        times.append(first_ms)
        missing += figures["nacks"]
        lost += figures["lost"]
    return {"first_picture_ms": statistics.median(times), "nacks": missing, "lost": lost}


async def _long_way(stage: Stage) -> dict[str, Figure]:
    stage.network.shape(Character(delay_s=0.3))
    async with viewer(stage.browser, stage.address) as one:
        first_ms = await _settled(one)
        begun_at = now_ms()
        await asyncio.sleep(60 if stage.long else 15)
        gaps = await one.gaps_ms(since_ms=begun_at)
        figures = await one.figures()
    return {
        "first_picture_ms": first_ms,
        "longest_gap_ms": max(gaps),
        "state": figures["state"],
        "round_trip_ms": figures.get("roundTripMs"),
    }


async def _heavy_loss(stage: Stage) -> dict[str, Figure]:
    network = stage.network
    async with viewer(stage.browser, stage.address) as one:
        first_ms = await one.join(_CAMERA, socket=True)
        assert first_ms is not None, "there was no picture even before anything was wrong"
        await asyncio.sleep(_SETTLE_S)
        network.impose(Faults(loss_down=0.35))
        begun_at = now_ms()
        told: list[dict[str, Any]] = []
        while not told and now_ms() - begun_at < 15_000:
            await asyncio.sleep(0.2)
            told = await one.messages("fallback")
        before = await one.figures()
        await asyncio.sleep(5)
        after = await one.figures()
        network.heal()
        healed_at = now_ms()
        recovered_ms = await _full_rate_after(one, healed_at, within_s=15)
        return {
            "fallback_ms": told[0]["at"] - begun_at if told else None,
            "reason": told[0]["value"]["reason"] if told else None,
            "packets_per_s": (after["received"] - before["received"]) / 5,
            "retransmitted": after["retransmitted"] - before["retransmitted"],
            "recovered_ms": recovered_ms,
        }


async def _strangers(stage: Stage) -> dict[str, Figure]:
    """A quiet time, then every kind of nonsense, then a flood of it, half of all that in the viewer's name."""
    seconds = 10 if stage.long else 4
    port = int(stage.address.rstrip("/").rpartition(":")[2]) - HTTP_PORT + MEDIA_PORTS[0]
    async with viewer(stage.browser, stage.address) as one:
        await _settled(one)
        known = await one.figures()
        about = {
            "gateway": [GATEWAY_ADDRESS, port],
            "viewer": [VIEWER_ADDRESS, known["localPort"]],
            "users": f"{known['ufrag']}:{known['ownUfrag']}",
        }
        figures: dict[str, Figure] = {}
        command = (sys.executable, "-m", "tests.rig.strangers", json.dumps(about))
        async with running(stage.network, ATTACKER, *command) as attacker:
            await attacker.line("ready")
            tasks = {
                "quiet": None,
                "whispers": f"whisper {seconds}",
                "connections": "connect",
                "flood": f"flood {_FLOOD_PER_S} {seconds}",
            }
            for name, task in tasks.items():
                begun_at = now_ms()
                if task is None:
                    await asyncio.sleep(seconds)
                else:
                    await attacker.tell(task)
                    figures[f"{name}_packets"] = int((await attacker.line(r"done (\d+)"))[1])
                # What a task leaves behind (connections, queues) counts too.
                await asyncio.sleep(_AFTERMATH_S)
                gaps = await one.gaps_ms(since_ms=begun_at)
                figures[f"{name}_gap_p99_ms"] = percentile(gaps, 0.99)
                figures[f"{name}_gap_max_ms"] = max(gaps)
        after = await one.figures()
        return figures | {
            "longest_gap_ms": max(float(figures[f"{name}_gap_max_ms"] or 0) for name in tasks),
            "state": after["state"],
            "connections": after["connections"],
        }


async def _full_rate_after(one: Viewer, since_ms: float, *, within_s: float) -> float | None:
    """Milliseconds until a whole second without a gap above 100 ms begins."""
    while now_ms() - since_ms < within_s * 1000:
        await asyncio.sleep(0.25)
        pictures = await one.pictures(since_ms=now_ms() - 1000)
        times = [picture.at for picture in pictures]
        if len(times) >= 25 and max(b - a for a, b in pairwise(times)) < 150:
            return times[0] - since_ms
    return None


STRANGERS: Final = Scenario(
    name="strangers",
    run=_strangers,
    limits={"state": exactly("connected"), "connections": exactly(1), "longest_gap_ms": at_most(500)},
    without="validation",
)
UDP_BLOCKED: Final = Scenario(
    name="UDP blocked",
    run=_udp_blocked,
    limits={"first_picture_ms": at_most(400), "protocol": exactly("tcp")},
    without="tcp-candidates",
)
SHORT_OUTAGE: Final = Scenario(
    name="link down 5 s", run=_short_outage, limits={"back_ms": at_most(2000)}, without="patience"
)
LONG_OUTAGE: Final = Scenario(
    name="link down 20 s",
    run=_long_outage,
    limits={"back_ms": at_most(3000), "connections": exactly(1), "ice_generations": exactly(2)},
    without="ice-restart",
)
PAGE_AFTER_LONG_OUTAGE: Final = Scenario(
    name="link down 20 s, the page",
    run=_page_after_long_outage,
    limits={"back_ms": at_most(3000), "longest_gap_afterwards_ms": at_most(1000), "connections": exactly(1)},
    without="patience",
)
PAGE_AT_ANOTHER_ADDRESS: Final = Scenario(
    name="link down 20 s and another address, the page",
    run=_page_at_another_address,
    limits={"back_ms": at_most(3000), "connections": exactly(1)},
    without="path-following",
)
PAGE_WHOSE_WAY_IS_GONE: Final = Scenario(
    name="link down 20 s and the way gone, the page",
    run=_page_whose_way_is_gone,
    limits={"back_ms": at_most(3000), "connections": exactly(1), "ice_generations": exactly(2)},
    without="ice-restart",
)
REBINDING: Final = Scenario(
    name="NAT rebinding", run=_rebinding, limits={"longest_gap_ms": at_most(3000)}, without="path-following"
)
RANDOM_LOSS: Final = Scenario(
    name="5 % loss, RTT 50 ms",
    run=_random_loss,
    limits={"longest_gap_ms": at_most(1000), "plis": exactly(0), "retransmitted": at_least(1)},
    without="retransmission",
)
NARROW_LINK: Final = Scenario(
    name="20 Mb/s, queue 64 KiB",
    run=_narrow_link,
    limits={"nacks": exactly(0), "lost": exactly(0)},
    without="pacing",
    camera=FOUR_MEGABIT,
)
LONG_WAY: Final = Scenario(
    name="RTT 600 ms",
    run=_long_way,
    limits={"state": exactly("connected"), "longest_gap_ms": at_most(1000)},
    without="patience",
)
HEAVY_LOSS: Final = Scenario(
    name="35 % loss",
    run=_heavy_loss,
    limits={
        "fallback_ms": at_most(12_000),
        "reason": exactly("loss"),
        "retransmitted": exactly(0),
        "recovered_ms": at_most(12_000),
    },
    without="loss-gate",
)
