"""Links that carry less than the camera sends, or lose much of it at times: the page's rung, words and pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from bench.stats import percentile
from tests.rig.faults import Faults
from tests.rig.figures import Figure, at_least, at_most, exactly
from tests.rig.interruptions import watched
from tests.rig.scenario import FOUR_MEGABIT, Ground, Trial
from tests.rig.viewer import now_ms
from tests.rig.visit import Said, Shown, Visit
from tests.rig.wall import wall

_NARROW_BPS: Final = 1_600_000
_QUEUE_BYTES: Final = 64 * 1024
_NARROW_S: Final = 40.0
_WIDE_AGAIN_S: Final = 60.0
_LATE_S: Final = 20.0
"""The end of it: what it has come to by then."""


async def _narrow(ground: Ground) -> dict[str, Figure]:
    """A camera of 4 Mb/s on 1.6 Mb/s, and then on a wide line again."""
    network = ground.network
    async with wall(ground, FOUR_MEGABIT) as stage, watched(stage) as visit:
        network.limit(rate_bps=_NARROW_BPS, queue_bytes=_QUEUE_BYTES)
        begun_at = now_ms()
        await asyncio.sleep(_NARROW_S)
        during = await visit.pictures(since_ms=begun_at)
        gaps = await visit.gaps_ms(since_ms=begun_at)
        said = await visit.said()
        network.unlimit()
        wide_at = now_ms()
        back_at = await _smooth(visit, wide_at)
        mark = (await visit.said())[-1].mark
        report = await visit.report(stage)
    late = [one for one in during if one.at > wide_at - _LATE_S * 1000]
    ages = [one.age_ms for one in late if one.age_ms is not None]
    return {
        "rungs": _rungs(during),
        "late_rung": late[-1].rung if late else None,
        "late_pictures_per_s": len(late) / _LATE_S,
        "age_p90_ms": percentile(ages, 0.9) if ages else None,
        "longest_gap_ms": max(gaps),
        "told": " / ".join(dict.fromkeys(one.detail for one in said if one.title and one.at > begun_at)),
        "titles": " / ".join(dict.fromkeys(one.title for one in said if one.title)),
        "why": _why(said),
        "back_ms": None if back_at is None else back_at - wide_at,
        "mark": mark,
        **_ends(report),
    }


def _rungs(pictures: Sequence[Shown]) -> str:
    """In the order in which they came first."""
    return " ".join(dict.fromkeys(one.rung for one in pictures))


def _why(said: Sequence[Said]) -> str:
    """The last reason that was given for a lower rung."""
    reasons = [one.detail for one in said if one.mark and not one.title]
    return f"{reasons[-1].partition('. ')[0]}." if reasons else ""


def _ends(report: Mapping[str, Any]) -> dict[str, Figure]:
    """Why tries ended, and why the first of WebRTC did."""
    ends = list(report["ends"])
    return {"ends": "; ".join(ends), "end": next((end for end in ends if end.startswith("webrtc:")), "")}


async def _smooth(visit: Visit, since_ms: float) -> float | None:
    """When three seconds of fresh WebRTC begin."""
    while now_ms() - since_ms < _WIDE_AGAIN_S * 1000:
        await asyncio.sleep(0.5)
        now = now_ms()
        found = [one for one in await visit.pictures(since_ms=now - 3000) if _good(one)]
        if len(found) >= 80:
            return found[0].at
    return None


def _good(one: Shown) -> bool:
    return one.rung == "webrtc" and one.age_ms is not None and one.age_ms < 500


async def _bursts(ground: Ground, *, loss: float, on_s: float, off_s: float, count: int) -> dict[str, Figure]:
    network = ground.network
    async with wall(ground) as stage, watched(stage) as visit:
        begun_at = now_ms()
        over_at = begun_at
        calm: list[float] = []
        for _ in range(count):
            network.impose(Faults(loss_down=loss))
            await asyncio.sleep(on_s)
            network.impose(Faults())
            over_at = now_ms()
            await asyncio.sleep(off_s)
            # What was lost last may be missed for a moment.
            calm.append(max(await visit.gaps_ms(since_ms=over_at + 1500)))
        back_at = await _smooth(visit, now_ms())
        shown = await visit.pictures(since_ms=begun_at)
        gaps = await visit.gaps_ms(since_ms=begun_at)
        said = [one for one in await visit.said() if one.at >= begun_at]
        connections = await visit.connections()
        rung = await visit.rung()
        report = await visit.report(stage)
    return {
        "rungs": _rungs(shown),
        "connections": connections,
        "longest_gap_ms": max(gaps),
        "calm_gap_ms": max(calm),
        "back_ms": None if back_at is None else back_at - over_at,
        "rung": rung,
        "titles": " / ".join(dict.fromkeys(one.title for one in said if one.title)),
        "why": _why(said),
        "mark": said[-1].mark if said else "",
        **_ends(report),
    }


_TOO_MANY: Final = "webrtc: too many packets are lost"
_WHY: Final = "The network loses too many packets for WebRTC."

NARROW_WAYS: Final = (
    Trial(
        name="1.6 Mb/s for 4 Mb/s, the page",
        run=_narrow,
        limits={
            "late_rung": exactly("mse"),
            "late_pictures_per_s": at_least(3),
            "age_p90_ms": at_most(6000),
            "longest_gap_ms": at_most(5000),
            "told": exactly("The network loses too many packets — looking for another way."),
            "why": exactly(_WHY),
            "end": exactly(_TOO_MANY),
            "back_ms": at_most(_WIDE_AGAIN_S * 1000),
            "mark": exactly(""),
        },
        without={
            "fallback-word": frozenset({"why", "end"}),
            "loss-word": frozenset({"told"}),
            "severe-gate": frozenset({"longest_gap_ms"}),
        },
    ),
    Trial(
        name="bursts of loss, 40 % for 2 s, the page",
        run=partial(_bursts, loss=0.4, on_s=2.0, off_s=6.0, count=4),
        limits={
            "rungs": exactly("webrtc"),
            "connections": exactly(1),
            "longest_gap_ms": at_most(1500),
            "calm_gap_ms": at_most(500),
            "titles": exactly(""),
            "why": exactly(""),
        },
        without={"retransmission": frozenset({"longest_gap_ms"})},
    ),
    Trial(
        name="a burst of loss, 40 % for 20 s, the page",
        run=partial(_bursts, loss=0.4, on_s=20.0, off_s=10.0, count=1),
        limits={
            "rungs": exactly("webrtc mse"),
            "longest_gap_ms": at_most(6000),
            "calm_gap_ms": at_most(500),
            "why": exactly(_WHY),
            "end": exactly(_TOO_MANY),
            "back_ms": at_most(_WIDE_AGAIN_S * 1000),
            "rung": exactly("webrtc"),
            "mark": exactly(""),
        },
        # Either would do without the other.
        without={"both-loss-words": frozenset({"end"})},
    ),
)
