"""Viewers that only measure: the same parts at the gateway and through nginx, in a process of their own.

`python -m bench.edge_probes` is that process; `Probes` is for whoever starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.errors import BenchError
from bench.hls_viewers import Fetch, HlsCrowd, Site

_JOIN_S: Final = 1.0
_STARTS_S: Final = 20.0
_AHEAD: Final = -10
"""What they are measured by must not wait for the core that the others keep busy."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where some of them watch; `cert` is what TLS is checked by, None for plain HTTP."""

    port: int
    cert: Path | None
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Added:
    """For each part and each viewer through nginx: milliseconds more than the same part took directly.

    `way`: from asking for it to having it.  `in_hand`: until it was there at all, its being listed included.
    """

    way: list[float]
    in_hand: list[float]


def added(direct: Sequence[Fetch], through: Sequence[Fetch]) -> Added:
    """Compares with the median of those who fetched a part directly (pure)."""
    by_part: dict[int, list[Fetch]] = {}
    for fetch in direct:
        by_part.setdefault(fetch.part, []).append(fetch)
    usual = {
        part: (median([one.ms for one in fetches]), median([one.had_s for one in fetches]))
        for part, fetches in by_part.items()
    }
    found = Added([], [])
    for fetch in through:
        if fetch.part in usual:
            ms, had_s = usual[fetch.part]
            found.way.append(fetch.ms - ms)
            found.in_hand.append((fetch.had_s - had_s) * 1000)
    return found


class Probes:
    """A running process of them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, word: str) -> Any:
        """What it answers to a line; raises BenchError when it has ended."""
        reader, writer = self._process.stdout, self._process.stdin
        if reader is None or writer is None:
            raise BenchError("The measuring viewers have no pipes.")
        with contextlib.suppress(ConnectionError):
            writer.write(f"{word}\n".encode())
            await writer.drain()
        line = await reader.readline()
        if not line:
            raise BenchError("The measuring viewers ended by themselves.")
        answer = json.loads(line)
        if isinstance(answer, dict) and "failed" in answer:
            raise BenchError(f"A measuring viewer gave up: {answer['failed']}")
        return answer

    async def begin(self) -> bool:
        """They measure from now on; whether they go before others on their core."""
        return bool(await self.say("go"))

    async def end(self) -> dict[str, list[Fetch]]:
        """What they fetched, by target."""
        answer = await self.say("stop")
        return {name: [Fetch(*fetch) for fetch in fetches] for name, fetches in answer.items()}


@asynccontextmanager
async def probing(targets: Mapping[str, Target]) -> AsyncIterator[Probes]:
    """All of them watch when the block begins."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.edge_probes"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    try:
        probes = Probes(process)
        told = {
            name: [target.port, None if target.cert is None else str(target.cert), list(target.paths)]
            for name, target in targets.items()
        }
        async with asyncio.timeout(_STARTS_S):
            await probes.say(json.dumps(told))
        yield probes
    finally:
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _serve() -> None:
    told = json.loads(await _line())
    prioritised = _prioritise()
    crowds = {
        name: HlsCrowd(Site(port, None if cert is None else ssl.create_default_context(cafile=cert)), paths)
        for name, (port, cert, paths) in told.items()
    }
    await asyncio.gather(*(crowd.join(over_s=_JOIN_S) for crowd in crowds.values()))
    _answer(crowds, answer=True)
    await _line()
    for crowd in crowds.values():
        crowd.measure()
    _answer(crowds, answer=prioritised)
    await _line()
    _answer(
        crowds,
        answer={
            name: [[one.part, one.asked_s, one.had_s] for one in crowd.seen.fetches] for name, crowd in crowds.items()
        },
    )
    await asyncio.gather(*(crowd.leave() for crowd in crowds.values()))


def _answer(crowds: Mapping[str, HlsCrowd], *, answer: object) -> None:
    failure = next((crowd.seen.failures[0] for crowd in crowds.values() if crowd.seen.failures), None)
    print(json.dumps(answer if failure is None else {"failed": failure}), flush=True)


async def _line() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        raise SystemExit(0)
    return line


def _prioritise() -> bool:
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _AHEAD)
    except PermissionError:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(_serve())
