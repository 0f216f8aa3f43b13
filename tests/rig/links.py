"""Links that are bad, narrow, blocked or moved, and what a viewer in Chromium sees over them."""

from __future__ import annotations

import asyncio
import statistics
from functools import partial
from itertools import pairwise
from typing import Any, Final

from bench.stats import percentile
from tests.rig.faults import Faults
from tests.rig.figures import Figure, at_least, at_most, exactly
from tests.rig.network import GATEWAY_ADDRESSES_6, GATEWAY_SECOND_ADDRESS, NAT_ADDRESSES, NEIGHBOUR, Network
from tests.rig.programs import frame_tap
from tests.rig.scenario import CAMERA, FOUR_MEGABIT, Scenario, Stage, watching
from tests.rig.tun_relay import Character
from tests.rig.viewer import Picture, Viewer, chromium, now_ms, viewer

_JOINS: Final = 3
_SLOW_BPS: Final = 2_000_000


async def _udp_blocked(stage: Stage) -> dict[str, Figure]:
    # A browser's first decoder is slow: that join does not count.
    async with watching(stage):
        pass
    stage.network.impose(Faults(udp_blocked=True))
    return await _joins(stage)


async def _asked_at(stage: Stage, *, address: str) -> dict[str, Figure]:
    """One of the gateway's addresses is all that viewers can reach, and not the one it would answer from by itself."""
    stage.network.impose(Faults(media_only_to=address))
    return await _joins(stage)


async def _joins(stage: Stage) -> dict[str, Figure]:
    """The slowest of a few joins, and over what they came."""
    times: list[float | None] = []
    figures: dict[str, Any] = {}
    for _ in range(_JOINS):
        async with viewer(stage.browser, stage.address) as one:
            times.append(await one.join(CAMERA, within_s=5))
            figures = await one.figures()
    return {
        "slowest_ms": None if None in times else max(time for time in times if time is not None),
        "protocol": figures.get("protocol"),
        "asked_at": figures.get("remoteAddress"),
    }


async def _rebinding(stage: Stage) -> dict[str, Figure]:
    network = stage.network
    network.rebind(Faults(nat_address=NAT_ADDRESSES[0]))
    gaps: list[float] = []
    async with watching(stage) as one:
        for address in NAT_ADDRESSES[1:]:
            network.rebind(Faults(nat_address=address))
            changed_at = now_ms()
            await asyncio.sleep(4.5)
            gaps.append(max(await one.gaps_ms(since_ms=changed_at)))
    return {"longest_gap_ms": max(gaps), "other_gap_ms": min(gaps)}


async def _poor(stage: Stage, *, character: Character, faults: Faults) -> dict[str, Figure]:
    """A line that is slow or unsteady for a while, then with `faults` besides for as long as the issue asks."""
    stage.network.shape(character)
    async with watching(stage) as one:
        before = await one.figures()
        begun_at = now_ms()
        for wrong, share in ((Faults(), 0.25), (faults, 1.0)):
            stage.network.impose(wrong)
            await asyncio.sleep((60 if stage.long else 10) * share)
        gaps = await one.gaps_ms(since_ms=begun_at)
        figures = await one.figures()
    return {
        "longest_gap_ms": max(gaps),
        "first_picture_ms": one.first_picture_ms,
        "plis": figures["plis"] - before["plis"],
        "plis_joining": before["plis"],
        "retransmitted": figures.get("retransmitted"),
        "nacks": figures.get("nacks"),
        "freezes": figures.get("freezes"),
        "lost": figures.get("lost"),
        "state": figures["state"],
        "round_trip_ms": figures.get("roundTripMs"),
    }


async def _narrow_link(stage: Stage) -> dict[str, Figure]:
    """Five joins, at different places of the group of pictures: the later, the larger the first burst."""
    stage.network.limit(rate_bps=20_000_000, queue_bytes=64 * 1024)
    missing = lost = 0
    times: list[float] = []
    for _ in range(5):
        async with viewer(stage.browser, stage.address) as one:
            first_ms = await one.join(CAMERA)
            # Until the burst is over.
            await asyncio.sleep(1.3)
            figures = await one.figures()
        if first_ms is None:
            return {"first_picture_ms": None, "nacks": None}
        times.append(first_ms)
        missing += figures["nacks"]
        lost += figures["lost"]
    return {"first_picture_ms": statistics.median(times), "nacks": missing, "lost": lost}


async def _slow_tcp(stage: Stage) -> dict[str, Figure]:
    """A camera of 4 Mb/s over ICE-TCP on a line of 2 Mb/s, and a neighbour who watches it over a good one.

    Of the neighbour the arrival of frames is judged: two browsers on one machine make each other late.
    """
    network, seconds = stage.network, 40 if stage.long else 15
    async with (
        chromium(network, NEIGHBOUR, stage.folder) as browser,
        viewer(browser, stage.address) as fast,
        frame_tap(network, NEIGHBOUR) as tap,
    ):
        network.impose(Faults(udp_blocked=True))
        network.limit(rate_bps=_SLOW_BPS, queue_bytes=64 * 1024)
        assert await fast.join(CAMERA) is not None, "the neighbour does not see the camera"
        async with watching(stage) as slow:
            begun_at = now_ms()
            await tap.gaps_ms()
            await asyncio.sleep(seconds)
            fast_gaps, *_ = await tap.gaps_ms()
            pictures = await slow.pictures(since_ms=begun_at)
            figures = await slow.figures()
            gaps = await slow.gaps_ms(since_ms=begun_at)
    third = seconds * 1000 / 3
    early, late = (_age(pictures, since=begun_at + begin, until=begun_at + begin + third) for begin in (0, 2 * third))
    return {
        "protocol": figures.get("protocol"),
        "age_ms": late,
        "age_growth_ms": late - early if early is not None and late is not None else None,
        "longest_gap_ms": max(gaps),
        "pictures_per_s": len(pictures) / seconds,
        "keyframes": figures.get("keyframes"),
        "nacks": figures.get("nacks"),
        "lost": figures.get("lost"),
        "neighbour_gap_p99_ms": percentile(fast_gaps, 0.99),
        "neighbour_gap_max_ms": max(fast_gaps),
    }


def _age(pictures: list[Picture], *, since: float, until: float) -> float | None:
    """The 90th percentile of the ages of those that were shown in a stretch of time."""
    ages = [one.age_ms for one in pictures if since <= one.at < until and one.age_ms is not None]
    return percentile(ages, 0.9) if ages else None


async def _heavy_loss(stage: Stage) -> dict[str, Figure]:
    network = stage.network
    async with watching(stage, socket=True) as one:
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
        recovered_ms = await _full_rate_after(one, now_ms(), within_s=15)
        return {
            "fallback_ms": told[0]["at"] - begun_at if told else None,
            "reason": told[0]["value"]["reason"] if told else None,
            "packets_per_s": (after["received"] - before["received"]) / 5,
            "retransmitted": after["retransmitted"] - before["retransmitted"],
            "recovered_ms": recovered_ms,
        }


async def _full_rate_after(one: Viewer, since_ms: float, *, within_s: float) -> float | None:
    """Milliseconds until a whole second without a gap above 150 ms begins."""
    while now_ms() - since_ms < within_s * 1000:
        await asyncio.sleep(0.25)
        pictures = await one.pictures(since_ms=now_ms() - 1000)
        times = [picture.at for picture in pictures]
        if len(times) >= 25 and max(b - a for a, b in pairwise(times)) < 150:
            return times[0] - since_ms
    return None


def _scenario_asked_at(name: str, address: str) -> Scenario:
    return Scenario(
        name=name,
        run=partial(_asked_at, address=address),
        limits={"slowest_ms": at_most(1000), "protocol": exactly("udp"), "asked_at": exactly(address)},
        without="answer-address",
        breaks=frozenset({"protocol"}),
        prepare=Network.add_addresses,
    )


UDP_BLOCKED: Final = Scenario(
    name="UDP blocked",
    run=_udp_blocked,
    limits={"slowest_ms": at_most(400), "protocol": exactly("tcp")},
    without="tcp-candidates",
    breaks=frozenset({"slowest_ms", "protocol"}),
)
REBINDING: Final = Scenario(
    name="NAT rebinding",
    run=_rebinding,
    limits={"longest_gap_ms": at_most(3000)},
    without="path-following",
    breaks=frozenset({"longest_gap_ms"}),
)
_NO_FREEZE: Final = {"longest_gap_ms": at_most(1000), "plis": exactly(0), "retransmitted": at_least(1)}
RANDOM_LOSS: Final = Scenario(
    name="5 % loss, RTT 50 ms",
    run=partial(_poor, character=Character(delay_s=0.025), faults=Faults(loss=0.05)),
    limits=_NO_FREEZE,
    without="retransmission",
    breaks=frozenset({"longest_gap_ms", "retransmitted"}),
)
LINKS: Final = (
    UDP_BLOCKED,
    _scenario_asked_at("a second address", GATEWAY_SECOND_ADDRESS),
    _scenario_asked_at("IPv6", GATEWAY_ADDRESSES_6[1]),
    REBINDING,
    RANDOM_LOSS,
    Scenario(
        name="jitter 40 ms, 3 % overtaken, then 2 % loss too",
        run=partial(_poor, character=Character(delay_s=0.02, jitter_s=0.04, reorder=0.03), faults=Faults(loss=0.02)),
        limits=_NO_FREEZE,
        without="retransmission",
        breaks=frozenset({"longest_gap_ms", "retransmitted"}),
    ),
    Scenario(
        name="RTT 600 ms",
        run=partial(_poor, character=Character(delay_s=0.3), faults=Faults()),
        limits={"longest_gap_ms": at_most(1000), "state": exactly("connected")},
        without="patience",
        breaks=frozenset({"longest_gap_ms", "state"}),
    ),
    Scenario(
        name="20 Mb/s, queue 64 KiB",
        run=_narrow_link,
        limits={"nacks": exactly(0), "lost": exactly(0)},
        without="pacing",
        breaks=frozenset({"nacks", "lost"}),
        camera=FOUR_MEGABIT,
    ),
    Scenario(
        name="2 Mb/s by TCP",
        run=_slow_tcp,
        limits={
            "protocol": exactly("tcp"),
            "age_ms": at_most(3000),
            "age_growth_ms": at_most(1000),
            "nacks": exactly(0),
            "lost": exactly(0),
            "keyframes": at_least(3),
            "neighbour_gap_p99_ms": at_most(100),
            "neighbour_gap_max_ms": at_most(500),
        },
        without="skipping",
        breaks=frozenset({"nacks", "lost"}),
        camera=FOUR_MEGABIT,
    ),
    Scenario(
        name="35 % loss",
        run=_heavy_loss,
        limits={
            "fallback_ms": at_most(12_000),
            "reason": exactly("loss"),
            "retransmitted": exactly(0),
            "recovered_ms": at_most(12_000),
        },
        without="loss-gate",
        breaks=frozenset({"fallback_ms", "reason", "retransmitted"}),
    ),
)
