"""A link that carries a camera's substream and not its main stream: what the page shows, says and reports."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from bench.stats import percentile
from tests.rig.figures import Figure, at_least, at_most, exactly
from tests.rig.interruptions import watched
from tests.rig.programs import KEY, cameras
from tests.rig.scenario import CAMERA, FOUR_MEGABIT, Ground, Stage, Trial
from tests.rig.viewer import get_json, now_ms
from tests.rig.visit import Shown
from tests.rig.wall import wall_of

_SMALLER: Final = "smaller:640x360@30:gop=2:bitrate=500k"
_SMALLER_FPS: Final = 30
_NARROW_BPS: Final = 1_600_000
_QUEUE_BYTES: Final = 64 * 1024
_HELPED_WITHIN_S: Final = 8.0
_NARROW_S: Final = 45.0
_LOOK_S: Final = 8.0
"""Pictures are counted for so long after the gateway must have helped; then it tries the main stream for once."""

_WIDE_AGAIN_S: Final = 75.0
_SETTLED_S: Final = 15.0


async def _narrow(ground: Ground) -> dict[str, Figure]:
    """A camera of 4 Mb/s with a substream of 500 kb/s on 1.6 Mb/s, and then on a wide line again."""
    network = ground.network
    async with cameras(network, FOUR_MEGABIT, _SMALLER) as urls:
        camera = {CAMERA: {"source": urls[CAMERA], "substream": urls["smaller"]}}
        async with wall_of(ground, camera) as stage, watched(stage) as visit:
            network.limit(rate_bps=_NARROW_BPS, queue_bytes=_QUEUE_BYTES)
            begun_at = now_ms()
            await asyncio.sleep(_HELPED_WITHIN_S)
            first_gaps = await visit.gaps_ms(since_ms=begun_at)
            helped_at = now_ms()
            await asyncio.sleep(_LOOK_S)
            helped = await visit.pictures(since_ms=helped_at)
            session = await _session(stage)
            said = (await visit.said())[-1]
            await asyncio.sleep(_NARROW_S - _HELPED_WITHIN_S - _LOOK_S)
            during = await visit.pictures(since_ms=begun_at)
            gaps = await visit.gaps_ms(since_ms=helped_at)
            connections = await visit.connections()
            network.unlimit()
            wide_at = now_ms()
            back_at = await _main_again(stage, wide_at)
            await asyncio.sleep(_SETTLED_S)
            mark = (await visit.said())[-1].mark
            calm = await visit.gaps_ms(since_ms=now_ms() - 10_000)
            ages = [one.age_ms for one in helped if one.age_ms is not None]
            switches = await _switches(stage)
            report = await visit.report(stage)
            network.heal()
    return {
        "rungs": " ".join(dict.fromkeys(one.rung for one in during)),
        "connections": connections,
        "pictures_per_s": _rate(helped),
        "age_p90_ms": percentile(ages, 0.9) if ages else None,
        "first_gap_ms": max(first_gaps),
        "longest_gap_ms": max(gaps),
        "rendition": session.get("rendition"),
        "rendition_reason": session.get("rendition_reason"),
        "said": f"{said.mark}: {said.detail.partition(' — ')[0]}",
        "back_ms": None if back_at is None else back_at - wide_at,
        "mark": mark,
        "calm_gap_ms": max(calm),
        "switches_down": switches.get("substream"),
        "reported": "; ".join(report["renditions"]),
        "ends": "; ".join(report["ends"]),
    }


def _rate(pictures: list[Shown]) -> float:
    return len(pictures) / _LOOK_S


async def _sessions(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = await get_json(stage.browser, f"{stage.address}api/sessions", key=KEY)
    return found


async def _session(stage: Stage) -> dict[str, Any]:
    sessions: list[dict[str, Any]] = (await _sessions(stage))["sessions"]
    return sessions[-1] if sessions else {}


async def _switches(stage: Stage) -> dict[str, int]:
    found: dict[str, int] = (await _sessions(stage))["transport"]["renditions"]
    return found


async def _main_again(stage: Stage, since_ms: float) -> float | None:
    """When three seconds of the main stream begin."""
    began: float | None = None
    while now_ms() - since_ms < _WIDE_AGAIN_S * 1000:
        await asyncio.sleep(0.5)
        if (await _session(stage)).get("rendition") != "main":
            began = None
        elif began is None:
            began = now_ms()
        elif now_ms() - began > 3000:
            return began
    return None


_REASON: Final = "The network is too narrow for the full picture"

SUBSTREAM: Final = (
    Trial(
        name="1.6 Mb/s for 4 Mb/s with a substream of 500 kb/s, the page",
        run=_narrow,
        limits={
            "rungs": exactly("webrtc"),
            "connections": exactly(1),
            "pictures_per_s": at_least(0.8 * _SMALLER_FPS),
            "age_p90_ms": at_most(1000),
            "first_gap_ms": at_most(3000),
            # The main stream has been tried in vain.
            "longest_gap_ms": at_most(4500),
            "rendition": exactly("substream"),
            "rendition_reason": exactly(_REASON),
            "said": exactly(f"SD: {_REASON}"),
            "back_ms": at_most(_WIDE_AGAIN_S * 1000),
            "mark": exactly(""),
            "calm_gap_ms": at_most(500),
            "switches_down": at_most(4),
            "reported": exactly(f"substream: {_REASON}; main"),
            "ends": exactly(""),
        },
        without={
            "substream": frozenset({"rungs", "pictures_per_s", "rendition", "reported"}),
            "very-narrow": frozenset({"first_gap_ms"}),
        },
    ),
)
