"""What every benchmark is given: servers, cores, a place for files, chance that can be repeated."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.errors import BenchError
from bench.processes import Program
from bench.procfs import core_ticks, cpu_s
from bench.results import Results
from bench.servers import KINDS, Server, ServerKind, serving

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bench:
    """`wanted` are the servers named by the person who measures; `chance` is seeded."""

    wanted: Sequence[str]
    server_core: int
    load_core: int
    folder: Path
    chance: random.Random

    def say(self, text: str) -> None:
        """Progress, on standard error."""
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def kinds(self, names: Sequence[str], results: Results) -> list[ServerKind]:
        """Those of `names` that are wanted and can be started here; what is missing becomes a note."""
        found = []
        for name in names:
            kind = KINDS[name]
            problem = kind.missing()
            if name not in self.wanted:
                continue
            if problem is None:
                found.append(kind)
            else:
                results.note(problem)
        if not found:
            raise BenchError(f"There is nothing to measure: of {', '.join(names)} none was asked for or is installed.")
        return found

    async def attempt(self, results: Results, what: str, measuring: Awaitable[None]) -> None:
        """One part of a long measurement: when it fails, the others still count."""
        try:
            await measuring
        except BenchError as error:
            self.say(f"{what}: {error}")
            results.fail(f"{what} could not be measured: {error}")
        else:
            self.say(what)

    async def load_share(self, *, seconds: float) -> float:
        """How busy (0…1) the core of cameras and viewers is while `seconds` pass."""
        busy, total = core_ticks(self.load_core)
        await asyncio.sleep(seconds)
        busy_later, total_later = core_ticks(self.load_core)
        return (busy_later - busy) / max(1, total_later - total)

    @asynccontextmanager
    async def serving(self, kind: ServerKind, cameras: Mapping[str, str]) -> AsyncIterator[Server]:
        """One server, alone on its core."""
        async with serving(kind, cameras, core=self.server_core, folder=self.folder) as server:
            yield server

    @asynccontextmanager
    async def serving_all(self, kinds: Sequence[ServerKind], cameras: Mapping[str, str]) -> AsyncIterator[list[Server]]:
        """Several servers at once, to be watched in turns."""
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(self.serving(kind, cameras)) for kind in kinds]


async def cpu_used_s(program: Program, *, seconds: float) -> tuple[float, float]:
    """CPU time a program used while `seconds` passed, and how long that really was."""
    loop = asyncio.get_running_loop()
    begun, used = loop.time(), cpu_s(program.pid)
    await asyncio.sleep(seconds)
    program.require_running()
    return cpu_s(program.pid) - used, loop.time() - begun


def rotated(items: Sequence[T], by: int) -> list[T]:
    """The same in turn: A B C, then B C A, so that none always follows the same other."""
    by %= len(items) or 1
    return [*items[by:], *items[:by]]
