"""What joining costs: CPU of one join, and fifty in a second beside viewers that are already watching."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import aiohttp

from bench.cameras import FULL_HD, cameras
from bench.context import Bench, cpu_used_s, rotated
from bench.errors import BenchError
from bench.procfs import cpu_s
from bench.results import Results
from bench.servers import Server, ServerKind
from bench.stats import percentile
from bench.tap import Tap
from bench.viewers import CONNECT_DEADLINE_S, Crowd, post_offer

NAME: Final = "joins"
_SUBJECTS: Final = ("gateway", "mediamtx", "go2rtc")
_LONGEST_LINE: Final = 1 << 24
_OFFERS_DEADLINE_S: Final = 60.0
_SETTLING_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds; joins one after another; joins of the storm; viewers watching meanwhile; length of the calm before."""

    repeats: int = 3
    single_joins: int = 40
    storm_joins: int = 50
    storm_s: float = 1.0
    watching: int = 10
    calm_s: float = 15.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, single_joins=3, storm_joins=4, watching=2, calm_s=3.0)


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone on its core."""
    results = Results(NAME, {**asdict(scale), "camera": str(FULL_HD)})
    kinds = bench.kinds(_SUBJECTS, results)
    async with cameras(FULL_HD, 1) as urls:
        for number in range(scale.repeats):
            for kind in rotated(kinds, number):
                what = f"{NAME}: {kind.name}, round {number + 1} of {scale.repeats}"
                measuring = _measure(bench, results, kind, scale=scale, urls=urls)
                await bench.attempt(results, what, measuring)
    return results


async def _measure(bench: Bench, results: Results, kind: ServerKind, *, scale: Scale, urls: Mapping[str, str]) -> None:
    (camera,) = urls
    async with bench.serving(kind, urls) as server:
        await _single(results, server, camera=camera, scale=scale)
        await _storm(results, server, camera=camera, scale=scale)


async def _single(results: Results, server: Server, *, camera: str, scale: Scale) -> None:
    """Joins and leaves, taken alone and with the first second of watching; what goes on anyway is taken off."""
    url = server.whep_url(camera)
    async with Crowd() as crowd:
        unwatched = await _share(server, seconds=scale.calm_s / 3)
        alone_s, waited_ms = await _join_cost(server, crowd, url, joins=scale.single_joins, stay_s=0, share=unwatched)
        await crowd.join_counting(url)
        await asyncio.sleep(_SETTLING_S)
        one_viewer = await _share(server, seconds=scale.calm_s / 3)
        await crowd.leave(crowd.viewers)
        staying_s, _ = await _join_cost(server, crowd, url, joins=scale.single_joins, stay_s=1.0, share=one_viewer)
    for metric, value in (
        ("CPU per join", alone_s * 1000),
        ("CPU per join with its first second, beyond a second of watching", staying_s * 1000),
        ("answer median", percentile(waited_ms, 0.5)),
    ):
        results.add(value, case="one after another", metric=metric, unit="ms", subject=server.name)


async def _share(server: Server, *, seconds: float) -> float:
    used_s, passed_s = await cpu_used_s(server.program, seconds=seconds)
    return used_s / passed_s


async def _join_cost(
    server: Server, crowd: Crowd, url: str, *, joins: int, stay_s: float, share: float
) -> tuple[float, list[float]]:
    """CPU seconds per join beyond `share` of a core, and the waiting times for answers in ms."""
    begun, used_before = time.monotonic(), cpu_s(server.program.pid)
    waited_ms = []
    for _ in range(joins):
        viewer = await crowd.join(url)
        waited_ms.append(viewer.waited_s * 1000)
        await asyncio.sleep(stay_s)
        await crowd.leave([viewer])
    if not stay_s:
        # What leaving costs may come after the answer to it.
        await asyncio.sleep(_SETTLING_S)
    used_s = cpu_s(server.program.pid) - used_before - share * (time.monotonic() - begun)
    return used_s / joins, waited_ms


async def _storm(results: Results, server: Server, *, camera: str, scale: Scale) -> None:
    case = f"{scale.storm_joins} in {scale.storm_s:g} s"
    url = server.whep_url(camera)
    async with AsyncExitStack() as stack:
        crowd = await stack.enter_async_context(Crowd())
        taps = []
        for _ in range(scale.watching):
            tap = Tap(await crowd.join(url))
            stack.callback(tap.close)
            taps.append(tap)
        storm = await stack.enter_async_context(_storm_process(scale.storm_joins))
        await asyncio.sleep(_SETTLING_S)
        calm_from = time.time()
        await asyncio.sleep(scale.calm_s)
        storm_from, used_before = time.time(), cpu_s(server.program.pid)
        waited_ms, sessions, refused = await storm.break_loose(url, seconds=scale.storm_s)
        storm_until, used_s = time.time(), cpu_s(server.program.pid) - used_before
        await _end_sessions(sessions)

    def add(value: float, metric: str, unit: str = "ms") -> None:
        results.add(value, case=case, metric=metric, unit=unit, subject=server.name)

    if waited_ms:
        add(percentile(waited_ms, 0.5), "answer median")
        add(percentile(waited_ms, 0.95), "answer p95")
    add(refused, "joins that failed", "")
    add((storm_until - storm_from) * 1000, "all connected after")
    add(used_s / (storm_until - storm_from) * 100, "CPU during", "% of a core")
    for metric, since_s, until_s in (
        ("frame gap p99 before", calm_from, storm_from),
        ("frame gap p99 during", storm_from, storm_until),
    ):
        gaps_ms = [gap for tap in taps for gap in tap.times.gaps_ms(since_s=since_s, until_s=until_s)]
        if not gaps_ms:
            raise BenchError(f"{server.name}: viewers that were watching got no frames.")
        add(percentile(gaps_ms, 0.99), metric)


class _Storm:
    """The viewers of bench.storm, waiting for their answers."""

    def __init__(self, process: asyncio.subprocess.Process, offers: list[str]) -> None:
        self._process = process
        self._offers = offers

    async def break_loose(self, url: str, *, seconds: float) -> tuple[list[float], list[str], int]:
        """Posts all offers within `seconds`; returns waiting times in ms, sessions to end, and how many failed."""
        waited_ms: list[float] = []
        sessions: list[str] = []
        failed = 0
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as client:

            async def join(number: int) -> None:
                nonlocal failed
                await asyncio.sleep(number * seconds / len(self._offers))
                try:
                    answer = await post_offer(client, url, self._offers[number])
                except (BenchError, aiohttp.ClientError, TimeoutError):
                    failed += 1
                    return
                waited_ms.append(answer.waited_s * 1000)
                if answer.session_url is not None:
                    sessions.append(answer.session_url)
                await self._pass_on({"number": number, "sdp": answer.sdp})

            await asyncio.gather(*(join(number) for number in range(len(self._offers))))
            async with asyncio.timeout(CONNECT_DEADLINE_S * 2):
                for _ in range(len(waited_ms)):
                    message = await _read(self._process)
                    failed += not message["connected"]
        return waited_ms, sessions, failed

    async def _pass_on(self, message: dict[str, Any]) -> None:
        if (pipe := self._process.stdin) is not None:
            pipe.write((json.dumps(message) + "\n").encode())
            await pipe.drain()


@asynccontextmanager
async def _storm_process(count: int) -> AsyncIterator[_Storm]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.storm", str(count)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_OFFERS_DEADLINE_S):
            message = await _read(process)
        yield _Storm(process, message["offers"])
    except TimeoutError:
        raise BenchError(f"{count} viewers did not come to their end in time; is this machine busy?") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _read(process: asyncio.subprocess.Process) -> Any:
    line = await process.stdout.readline() if process.stdout is not None else b""
    if not line:
        raise BenchError("The process with the joining viewers ended; why is printed above.")
    return json.loads(line)


async def _end_sessions(urls: list[str]) -> None:
    async with aiohttp.ClientSession() as client:
        for url in urls:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with asyncio.timeout(5), client.delete(url):
                    pass
