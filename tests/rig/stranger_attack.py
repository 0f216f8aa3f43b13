"""Strangers at the media port, and what a viewer in Chromium notices of them."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Final

from bench.stats import percentile
from tests.rig.faults import MEDIA_PORTS, WEB_PORTS
from tests.rig.figures import Figure, at_most, exactly
from tests.rig.network import ATTACKER, GATEWAY_ADDRESS, VIEWER_ADDRESS
from tests.rig.programs import running
from tests.rig.scenario import Scenario, Stage, watching
from tests.rig.viewer import now_ms

_FLOOD_PER_S: Final = 3000
_AFTERMATH_S: Final = 1.0


async def _strangers(stage: Stage) -> dict[str, Figure]:
    """A quiet time, then every kind of nonsense, then a flood of it, half of all that in the viewer's name."""
    seconds = 10 if stage.long else 4
    port = int(stage.address.rstrip("/").rpartition(":")[2]) - WEB_PORTS[0] + MEDIA_PORTS[0]
    async with watching(stage) as one:
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


STRANGERS: Final = Scenario(
    name="strangers",
    run=_strangers,
    limits={"state": exactly("connected"), "connections": exactly(1), "longest_gap_ms": at_most(500)},
    without="validation",
    breaks=frozenset({"longest_gap_ms"}),
)
