"""A gateway from its first line to its exit code: runs until a signal, with the demo's cameras if it is asked to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack

from gateway.app import Gateway
from gateway.config import CameraConfig, CameraUrl, Config
from gateway.demo.process import spawn_demo_cameras
from gateway.errors import ConfigError
from gateway.teardown import ExitDeadline, StopSignal
from gateway.web.slow_clients import allow_many_connections


def run(config: Config, *, demo: bool = False) -> int:
    """Run until stopped by a signal; returns the exit code.  `demo` brings its own cameras."""
    deadline = ExitDeadline()
    asyncio.run(_run(config, deadline, demo=demo))
    return 0


async def _run(config: Config, deadline: ExitDeadline, *, demo: bool) -> None:
    stop = StopSignal(deadline)
    if demo:
        await _run_demo(config, stop)
    else:
        await _serve(config, stop)
    deadline.done = True


async def _run_demo(config: Config, stop: StopSignal) -> None:
    async with AsyncExitStack() as stack:

        async def spawn() -> Mapping[str, str]:
            return (await stack.enter_async_context(await spawn_demo_cameras())).urls

        try:
            urls = await stop.outruns(spawn())
        except RuntimeError as error:
            raise ConfigError(str(error)) from None
        if urls is not None:
            cameras = {name: CameraConfig(source=CameraUrl(url)) for name, url in urls.items()}
            await _serve(config.model_copy(update={"cameras": cameras}), stop)


async def _serve(config: Config, stop: StopSignal) -> None:
    """Run a gateway until it is to stop."""
    allow_many_connections()
    gateway = Gateway(config, environment=os.environ)
    if await stop.outruns(gateway.__aenter__()) is None:
        return
    try:
        _say_where(gateway)
        await stop.wait()
    finally:
        await gateway.__aexit__()


def _say_where(gateway: Gateway) -> None:
    print(f"camera-gateway: watch {len(gateway.registry)} cameras at {gateway.address}", flush=True)  # noqa: T201
    for line in gateway.entrance.greeting(gateway.address):
        print(f"camera-gateway: {line}", flush=True)  # noqa: T201
