"""What a viewer costs the server over LL-HLS and over the WebSocket: a hundred of them on one camera."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final

from bench.cameras import HD, cameras
from bench.context import Bench, cpu_used_s, rotated
from bench.core_load import BUSY_LIMIT, busy_s, own_core
from bench.errors import BenchError
from bench.hls_followers import Followers
from bench.hls_servers import PULLING, chosen, playlist_url
from bench.mse_readers import MseReaders
from bench.results import Results
from bench.servers import Server

NAME: Final = "hls-load"
HLS: Final = "LL-HLS"
MSE: Final = "MSE"


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds, viewers, and the length of each stretch."""

    repeats: int = 3
    viewers: int = 100
    settle_s: float = 6.0
    measure_s: float = 20.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, viewers=5, settle_s=2.0, measure_s=3.0)


def case_name(protocol: str, viewers: int) -> str:
    """How tables call a step."""
    return f"{viewers} {protocol} viewers"


@dataclass(frozen=True, slots=True)
class _Used:
    """What a stretch of time cost: CPU seconds above idle, and how long it really was."""

    all_s: float
    above_idle_s: float
    passed_s: float
    load_share: float


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone on its core; the camera and the viewers on the other."""
    results = Results(NAME, {**asdict(scale), "camera": str(HD)})
    kinds = chosen(bench, results, PULLING)
    async with cameras(HD, 1) as urls:
        for number in range(scale.repeats):
            for kind in rotated(kinds, number):
                async with bench.serving(kind, urls) as server:
                    await _measure(results, server, camera=next(iter(urls)), scale=scale)
                bench.say(f"{NAME}: {kind.name}, round {number + 1} of {scale.repeats}")
    return results


@dataclass(frozen=True, slots=True)
class _Server:
    """The server that is measured, and what share of its core it uses while nobody watches."""

    server: Server
    camera: str
    idle_share: float
    scale: Scale
    results: Results

    async def stretch(self) -> _Used:
        """What it and the core of the load use for a while."""
        begun_s = busy_s(own_core())
        used_s, passed_s = await cpu_used_s(self.server.program, seconds=self.scale.measure_s)
        load_share = (busy_s(own_core()) - begun_s) / passed_s
        if load_share > BUSY_LIMIT:
            self.results.note(
                f"The core that makes the load was busy for {load_share:.0%} of {self.server.name}'s time: too many "
                "viewers for it, so figures may be too good."
            )
        return _Used(used_s, used_s - self.idle_share * passed_s, passed_s, load_share)

    def adder(self, protocol: str) -> Callable[[str, str, float], None]:
        """Adds figures of one protocol."""

        def add(metric: str, unit: str, value: float) -> None:
            case = case_name(protocol, self.scale.viewers)
            self.results.add(value, case=case, metric=metric, unit=unit, subject=self.server.name)

        return add


async def _measure(results: Results, server: Server, *, camera: str, scale: Scale) -> None:
    await asyncio.sleep(scale.settle_s)
    used_s, passed_s = await cpu_used_s(server.program, seconds=scale.measure_s / 2)
    one = _Server(server, camera, used_s / passed_s, scale, results)
    await _follow(one)
    if server.name == "gateway":
        await _read(one)


async def _follow(one: _Server) -> None:
    viewers = one.scale.viewers
    async with Followers() as followers:
        url = playlist_url(one.server, one.camera)
        while len(followers) < viewers:
            await followers.join(url)
        await asyncio.sleep(one.scale.settle_s)
        before = replace(followers.count)
        used = await one.stretch()
        followers.require_all()
        requests = followers.count.requests - before.requests
        parts = followers.count.parts - before.parts
        refused = followers.count.refused - before.refused
    if requests == 0:
        raise BenchError(f"{one.server.name} answered no request of {viewers} viewers.")
    add = one.adder(HLS)
    add("CPU per request", "µs", used.all_s / requests * 1e6)
    _add_viewers(add, used, viewers=viewers)
    add("parts per viewer", "1/s", parts / used.passed_s / viewers)
    add("requests per viewer", "1/s", requests / used.passed_s / viewers)
    add("refused", "", refused)


async def _read(one: _Server) -> None:
    viewers = one.scale.viewers
    async with MseReaders() as readers:
        while len(readers) < viewers:
            await readers.join(one.server.origin, one.camera)
        await asyncio.sleep(one.scale.settle_s)
        begun = readers.messages()
        used = await one.stretch()
        readers.require_all()
        messages = readers.messages() - begun
    if messages == 0:
        raise BenchError(f"The gateway sent nothing to {viewers} MSE viewers.")
    add = one.adder(MSE)
    add("CPU per message", "µs", used.all_s / messages * 1e6)
    _add_viewers(add, used, viewers=viewers)
    add("messages per viewer", "1/s", messages / used.passed_s / viewers)


def _add_viewers(add: Callable[[str, str, float], None], used: _Used, *, viewers: int) -> None:
    add("CPU per viewer", "% of a core", used.above_idle_s / used.passed_s / viewers * 100)
    add("CPU", "% of a core", used.all_s / used.passed_s * 100)
    add("load core busy", "%", used.load_share * 100)
