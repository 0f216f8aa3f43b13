"""Cameras that fail, and what viewers of the others, and the list of cameras, show of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser

from bench.stats import percentile
from tests.rig.figures import Figure, at_least, at_most, exactly
from tests.rig.network import CAMERA, CAMERA_ADDRESS, NEIGHBOUR, Network
from tests.rig.programs import Program, cameras, frame_tap, gateway, running
from tests.rig.scenario import Ground, Trial
from tests.rig.viewer import Viewer, chromium, get_json, now_ms, playing, viewer

_FIRST_PORT: Final = 8600
_SMALL: Final = "320x240@15:gop=1"
_DEADLINE_S: Final = 20.0
_OTHERS: Final = 7
_ALIVE_S: Final = 8
_DEAD_S: Final = 12
"""Long enough for a hanging connection to be given up and another one to be tried."""


class FaultyCameras:
    """Cameras that do as they are told (tests/rig/faulty_cameras.py)."""

    def __init__(self, program: Program, urls: dict[str, str]) -> None:
        self._program = program
        self.urls = urls

    async def tell(self, verb: str, name: str) -> None:
        """Make one camera misbehave, or behave again."""
        await self._program.tell(f"{verb} {name}")
        await self._program.line("^done$", within_s=10)


@asynccontextmanager
async def faulty_cameras(network: Network, *descriptions: str) -> AsyncIterator[FaultyCameras]:
    """Cameras, each on its own port."""
    command = (sys.executable, "-m", "tests.rig.faulty_cameras", CAMERA_ADDRESS, str(_FIRST_PORT), *descriptions)
    async with running(network, CAMERA, *command) as program:
        yield FaultyCameras(program, json.loads((await program.line(r"^\{.*\}$"))[0]))


async def _faults(ground: Ground) -> dict[str, Figure]:
    """Five cameras that fail, each in its own way, beside one that does not."""
    descriptions = [f"{name}:{_SMALL}" for name in ("healthy", "silent", "mute", "breaking")]
    async with faulty_cameras(ground.network, *descriptions, f"user:secret@@locked:{_SMALL}") as faulty:
        await faulty.tell("silence", "silent")
        await faulty.tell("freeze", "mute")
        urls = faulty.urls | {"missing": faulty.urls["healthy"].replace("/healthy", "/nothing")}
        async with contextlib.AsyncExitStack() as stack:
            address = await _start_gateway(stack, ground, urls)
            browser = ground.browser
            await playing(browser, address, "healthy", "breaking")
            healthy, breaking = [await _watching(stack, browser, address, name) for name in ("healthy", "breaking")]
            begun_at = now_ms()
            for _ in range(2):
                await faulty.tell("reset_mid_frame", "breaking")
                await asyncio.sleep(5)
            found = await _reasons(browser, address, wanted=("silent", "locked", "missing", "mute"))
            return {
                **found,
                "breaking_gap_ms": max(await breaking.gaps_ms(since_ms=begun_at)),
                "healthy_gap_ms": max(await healthy.gaps_ms(since_ms=begun_at)),
            }


async def _start_gateway(stack: contextlib.AsyncExitStack, ground: Ground, urls: Mapping[str, str]) -> str:
    started = gateway(ground.network, urls, ground.folder, without=ground.without)
    return (await stack.enter_async_context(started)).address


async def _watching(stack: contextlib.AsyncExitStack, browser: Browser, address: str, camera: str) -> Viewer:
    one = await stack.enter_async_context(viewer(browser, address))
    assert await one.join(camera) is not None, f"{camera} does not play"
    return one


async def _reasons(browser: Browser, address: str, *, wanted: tuple[str, ...]) -> dict[str, Figure]:
    """The reason the gateway gives for each camera, as soon as it gives one for all."""
    end = now_ms() + _DEADLINE_S * 1000
    while True:
        listed = await get_json(browser, f"{address}api/cameras")
        found = {camera["name"]: (camera["reason"] or {}).get("code") for camera in listed["cameras"]}
        if all(found[name] for name in wanted) or now_ms() > end:
            return {name: found[name] for name in wanted}
        await asyncio.sleep(0.25)


async def _one_dead_of_eight(ground: Ground) -> dict[str, Figure]:
    """The other seven's frames as they arrive, in turns while the eighth lives and while it hangs or is gone.

    The eighth's stream comes and goes: it is the one with the fewest frames.
    """
    network, rounds = ground.network, 3 if ground.long else 1
    async with contextlib.AsyncExitStack() as stack:
        others = await stack.enter_async_context(cameras(network, f"cam:320x240@20:gop=2:copies={_OTHERS}"))
        faulty = await stack.enter_async_context(faulty_cameras(network, f"eighth:{_SMALL}"))
        address = await _start_gateway(stack, ground, others | faulty.urls)
        browser = await stack.enter_async_context(chromium(network, NEIGHBOUR, ground.folder))
        await playing(browser, address, *others, *faulty.urls)
        for name in (*others, *faulty.urls):
            await _watching(stack, browser, address, name)
        tap = await stack.enter_async_context(frame_tap(network, NEIGHBOUR))
        alive: list[list[float]] = []
        dead: list[list[float]] = []
        await asyncio.sleep(2)
        await tap.gaps_ms()
        for number in range(rounds):
            await asyncio.sleep(_ALIVE_S)
            alive += (await tap.gaps_ms())[:_OTHERS]
            down, up = (("silence", "freeze"), ("speak", "thaw")) if number % 2 == 0 else (("die",), ("revive",))
            for verb in down:
                await faulty.tell(verb, "eighth")
            await asyncio.sleep(_DEAD_S)
            dead += (await tap.gaps_ms())[:_OTHERS]
            for verb in up:
                await faulty.tell(verb, "eighth")
            await playing(browser, address, "eighth", within_s=60)
            await asyncio.sleep(1)
            await tap.gaps_ms()
        before, during = ([gap for one in streams for gap in one] for streams in (alive, dead))
        return {
            "streams": len(dead) // rounds,
            "frames_each": len(during) // max(1, len(dead)),
            "alive_p99_ms": percentile(before, 0.99),
            "dead_p99_ms": percentile(during, 0.99),
            "p99_ratio": round(percentile(during, 0.99) / percentile(before, 0.99), 3),
            "longest_gap_ms": max(during),
        }


CAMERA_FAULTS: Final = (
    Trial(
        name="camera faults",
        run=_faults,
        limits={
            "silent": exactly("no_answer"),
            "locked": exactly("auth_failed"),
            "missing": exactly("not_found"),
            # FFmpeg's opening ends with the first packet: it can't tell this from a camera that answers nothing.
            "mute": exactly("no_answer"),
            "breaking_gap_ms": at_most(4000),
            "healthy_gap_ms": at_most(500),
        },
        without={"camera-deadlines": frozenset({"silent", "mute"})},
    ),
    Trial(
        name="one dead camera of eight",
        run=_one_dead_of_eight,
        limits={"p99_ratio": at_most(1.10), "longest_gap_ms": at_most(500), "streams": at_least(_OTHERS)},
        without={"camera-threads": frozenset({"longest_gap_ms"})},
    ),
)
