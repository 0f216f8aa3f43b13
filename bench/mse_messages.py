"""CPU per picture and MSE viewer, in the gateway's process alone: python -m bench.mse_messages"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from bench.made_up_camera import FPS, STREAM, made_up_pictures
from bench.mse_readers import MseReaders
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.clock import SYSTEM_CLOCK
from gateway.media.units import AccessUnit
from gateway.relay.hub import Hub
from gateway.relay.registry import Registry
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, CameraStatus
from gateway.web.gatekeeper import OPEN, Gatekeeper
from gateway.web.site import Site
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.port import MediaPort
from gateway.webrtc.room import Caps
from gateway.webrtc.sessions import Sessions

_VIEWERS: Final = 100
_ROUNDS: Final = 5
_ROUND_S: Final = 3
_BITRATE_BPS: Final = 2_000_000


async def _serve() -> None:
    port = MediaPort(clock=SYSTEM_CLOCK)
    await port.open(0)
    registry = Registry({"cam": SourceSettings("rtsp://192.0.2.10/x")}, clock=SYSTEM_CLOCK)
    addresses = Addresses(port, ("127.0.0.1",))
    await addresses.start()
    sessions = Sessions(port, addresses, Caps(_VIEWERS, _VIEWERS), clock=SYSTEM_CLOCK)
    keeper = Gatekeeper(OPEN)
    keeper.set_cameras(["cam"], configured=["cam"])
    app = build_app(registry, sessions, keeper, clock=SYSTEM_CLOCK, folder=static_dir())
    hub = registry.find("cam").hub
    hub.status_changed(CameraStatus(CameraState.LIVE, time.time()))
    hub.stream_changed(STREAM)
    pictures = made_up_pictures(_BITRATE_BPS, captured_at=lambda _: time.time())
    hub.deliver([next(pictures) for _ in range(FPS)])
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await Site(runner, "127.0.0.1", 0, tls=None).start()
    try:
        await _measure(hub, pictures, runner.addresses[0][1])
    finally:
        await runner.cleanup()
        await sessions.close()
        await port.close()
        await addresses.close()
        await registry.close()


async def _measure(hub: Hub, pictures: Iterator[AccessUnit], port: int) -> None:
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.mse_messages", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    # As in `hls-load`: the gateway has a core to itself.
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])
    os.sched_setaffinity(client.pid, cores[-1:])
    if client.stdin is None or client.stdout is None:
        raise RuntimeError("the client has no pipes")
    # All of them watch.
    await client.stdout.readline()
    # What the pictures themselves cost, with nobody there, is in the first figure and not in the second.
    costs = sorted([await _round(hub, pictures) for _ in range(_ROUNDS)])
    client.stdin.write(b"stop\n")
    print((await client.stdout.readline()).decode().strip())
    await client.wait()
    await asyncio.sleep(1)
    alone = await _round(hub, pictures)
    for label, cost in (("all", costs), ("above what nobody costs", [cost - alone for cost in costs])):
        each = [cost / (_ROUND_S * FPS) / _VIEWERS * 1e6 for cost in cost]
        print(f"{label:<28}{each[0]:>8.1f} µs at best, {each[len(each) // 2]:.1f} median, per picture and viewer")


async def _round(hub: Hub, pictures: Iterator[AccessUnit]) -> float:
    """CPU seconds of this process while a camera sends for a while."""
    loop = asyncio.get_running_loop()
    before, begun = time.process_time(), loop.time()
    for number in range(_ROUND_S * FPS):
        await asyncio.sleep(begun + number / FPS - loop.time())
        hub.deliver([next(pictures)])
    await asyncio.sleep(0.1)
    return time.process_time() - before


async def _watch(port: int) -> None:
    async with MseReaders() as readers:
        for _ in range(_VIEWERS):
            await readers.join(f"http://127.0.0.1:{port}", "cam")
        print("ready", flush=True)
        begun = readers.messages()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        readers.require_all()
        print(f"{readers.messages() - begun} messages to {_VIEWERS} viewers", flush=True)


if __name__ == "__main__":
    asyncio.run(_watch(int(sys.argv[1])) if len(sys.argv) > 1 else _serve())
