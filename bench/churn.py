"""Whether joins and leaves leave anything behind: memory, descriptors, threads and tasks over thousands of them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from bench.cameras import HD, cameras
from bench.context import Bench, rotated
from bench.errors import BenchError
from bench.procfs import open_descriptors, resident_bytes, thread_count
from bench.results import Results
from bench.servers import GatewayServer, Launch, Server, ServerKind
from bench.viewers import Crowd

NAME: Final = "churn"
_SUBJECTS: Final = ("gateway", "mediamtx", "go2rtc")
_MIB: Final = 1 << 20
_TESTIMONY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds; joins before anything is counted; joins of a stretch, and stretches; joins at once; rest between."""

    repeats: int = 1
    warm_up: int = 200
    joins: int = 500
    stretches: int = 4
    at_once: int = 4
    rest_s: float = 3.0


FULL: Final = Scale()
QUICK: Final = Scale(warm_up=4, joins=4, stretches=2, at_once=2, rest_s=1.0)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a server holds while nobody watches; `tasks` None where it can't be known."""

    memory_bytes: int
    descriptors: int
    threads: int
    tasks: int | None


class WitnessedGateway(GatewayServer):
    """The gateway, started so that it can be asked for the number of its tasks."""

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        launch = super().prepare(folder, cameras)
        arguments = launch.command[launch.command.index("gateway") + 1 :]
        return replace(launch, command=(sys.executable, "-m", "bench.witness", str(_testimony(folder)), *arguments))


def _testimony(folder: Path) -> Path:
    return folder / "tasks"


def case_name(joins: int) -> str:
    """How tables call all joins together."""
    return f"{joins} joins"


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone on its core."""
    results = Results(NAME, {**asdict(scale), "camera": str(HD)})
    kinds = [WitnessedGateway() if kind.name == "gateway" else kind for kind in bench.kinds(_SUBJECTS, results)]
    async with cameras(HD, 1) as urls:
        for number in range(scale.repeats):
            for kind in rotated(kinds, number):
                what = f"{NAME}: {kind.name}, round {number + 1} of {scale.repeats}"
                await bench.attempt(results, what, _measure(bench, results, kind, scale=scale, urls=urls))
    return results


async def _measure(bench: Bench, results: Results, kind: ServerKind, *, scale: Scale, urls: Mapping[str, str]) -> None:
    (camera,) = urls
    async with bench.serving(kind, urls) as server:
        folder = bench.folder / kind.name if isinstance(kind, WitnessedGateway) else None
        await _churn(results, server, folder, url=server.whep_url(camera), scale=scale)


async def _churn(results: Results, server: Server, folder: Path | None, *, url: str, scale: Scale) -> None:
    await _join_and_leave(server, url, joins=scale.warm_up, at_once=scale.at_once)
    await asyncio.sleep(scale.rest_s)
    first = newest = await _holdings(server, folder)
    for number in range(1, scale.stretches + 1):
        await _join_and_leave(server, url, joins=scale.joins, at_once=scale.at_once)
        await asyncio.sleep(scale.rest_s)
        newest = await _holdings(server, folder)
        results.add(
            newest.memory_bytes / _MIB,
            case=f"after {number * scale.joins}",
            metric="memory",
            unit="MiB",
            subject=server.name,
        )
    joins = scale.joins * scale.stretches
    for metric, unit, value in (
        ("memory per 100 joins", "MiB", (newest.memory_bytes - first.memory_bytes) / _MIB / joins * 100),
        ("further descriptors", "", newest.descriptors - first.descriptors),
        ("further threads", "", newest.threads - first.threads),
        ("further tasks", "", None if newest.tasks is None or first.tasks is None else newest.tasks - first.tasks),
    ):
        if value is not None:
            results.add(value, case=case_name(joins), metric=metric, unit=unit, subject=server.name)


async def _join_and_leave(server: Server, url: str, *, joins: int, at_once: int) -> None:
    """Its connections for signalling are closed at the end too."""
    left = iter(range(joins))
    async with Crowd() as crowd:

        async def lane() -> None:
            for _ in left:
                viewer = await crowd.join(url)
                await crowd.leave([viewer])
                server.program.require_running()

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(lane())


async def _holdings(server: Server, folder: Path | None) -> Holdings:
    pid = server.program.pid
    tasks = None if folder is None else await _tasks(pid, _testimony(folder))
    return Holdings(resident_bytes(pid), open_descriptors(pid), thread_count(pid), tasks)


async def _tasks(pid: int, file: Path) -> int:
    _forget(file)
    os.kill(pid, signal.SIGUSR1)
    try:
        async with asyncio.timeout(_TESTIMONY_S):
            while (tasks := _testified(file)) is None:  # noqa: ASYNC110  another process writes it
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise BenchError(f"The gateway did not say within {_TESTIMONY_S:g} s how many tasks it has.") from None
    return tasks


def _forget(file: Path) -> None:
    file.unlink(missing_ok=True)


def _testified(file: Path) -> int | None:
    return int(file.read_text(encoding="ascii")) if file.exists() else None
