"""Links that carry less than the camera sends, or lose much of it at times: the page's rung, words and pictures."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from tests.rig.faults import Faults
from tests.rig.figures import Figure, percentile
from tests.rig.interruptions import watched
from tests.rig.programs import cameras
from tests.rig.scenario import CAMERA, FOUR_MEGABIT, Ground, Trial
from tests.rig.viewer import now_ms
from tests.rig.visit import Shown, Visit
from tests.rig.wall import wall, wall_of

_NARROW_BPS: Final = 1_600_000
_QUEUE_BYTES: Final = 64 * 1024
_NARROW_S: Final = 40.0
_WIDE_AGAIN_S: Final = 60.0
_SUBSTREAM: Final = "sub:640x360@30:gop=2:bitrate=500k"


async def _narrow(ground: Ground, *, substream: bool) -> dict[str, Figure]:
    """A camera of 4 Mb/s on 1.6 Mb/s, with a small one beside it or without, and then on a wide line again."""
    network = ground.network
    async with cameras(network, FOUR_MEGABIT, _SUBSTREAM) as urls:
        camera = {"source": urls[CAMERA], "substream": urls["sub"]} if substream else urls[CAMERA]
        async with wall_of(ground, {CAMERA: camera}) as stage, watched(stage) as visit:
            network.limit(rate_bps=_NARROW_BPS, queue_bytes=_QUEUE_BYTES)
            begun_at = now_ms()
            await asyncio.sleep(_NARROW_S)
            during = await visit.pictures(since_ms=begun_at)
            gaps = await visit.gaps_ms(since_ms=begun_at)
            rungs = list(dict.fromkeys(one.rung for one in during))
            said = [one for one in await visit.said() if one.at >= begun_at]
            network.unlimit()
            wide_at = now_ms()
            late = [one for one in during if one.at > wide_at - 20_000]
            back_at = await _smooth(visit, wide_at)
            mark = (await visit.said())[-1]
            rung = await visit.rung()
            report = await visit.report(stage)
        network.heal()
    ages = [one.age_ms for one in late if one.age_ms is not None]
    return {
        "rungs": " ".join(rungs),
        "late_rung": late[-1].rung if late else None,
        "late_pictures_per_s": len(late) / 20,
        "age_p90_ms": percentile(ages, 0.9) if ages else None,
        "longest_gap_ms": max(gaps),
        "said": " / ".join(dict.fromkeys(one.title or f"[{one.mark}: {one.detail}]" for one in said)),
        "back_ms": None if back_at is None else back_at - wide_at,
        "back_rung": rung,
        "mark": mark.mark,
        "ends": "; ".join(report["ends"]),
    }


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
        "rungs": " ".join(dict.fromkeys(one.rung for one in shown)),
        "connections": connections,
        "longest_gap_ms": max(gaps),
        "calm_gap_ms": max(calm),
        "back_ms": None if back_at is None else back_at - over_at,
        "rung": rung,
        "said": " / ".join(dict.fromkeys(one.title or f"[{one.mark}: {one.detail}]" for one in said)),
        "ends": "; ".join(report["ends"]),
    }


NARROW_WAYS: Final = (
    Trial(name="1.6 Mb/s for 4 Mb/s", run=partial(_narrow, substream=False), limits={}, without={}),
    Trial(name="1.6 Mb/s for 4 Mb/s with a substream", run=partial(_narrow, substream=True), limits={}, without={}),
    Trial(
        name="bursts of loss, 40 % for 2 s",
        run=partial(_bursts, loss=0.4, on_s=2.0, off_s=6.0, count=4),
        limits={},
        without={},
    ),
    Trial(
        name="a long burst of loss, 40 % for 20 s",
        run=partial(_bursts, loss=0.4, on_s=20.0, off_s=10.0, count=1),
        limits={},
        without={},
    ),
)
