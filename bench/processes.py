"""Starts the programs that are measured, each on its core, and ends them by their process id, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.errors import BenchError

_STOP_DEADLINE_S: Final = 10.0
_POLL_S: Final = 0.1
_LAST_WORDS: Final = 600


@dataclass(frozen=True, slots=True)
class Program:
    """A running program and where its output goes."""

    name: str
    pid: int
    log: Path
    process: asyncio.subprocess.Process

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def last_words(self) -> str:
        """The end of what it printed, for an error message."""
        text = self.log.read_text(encoding="utf-8", errors="replace").strip()
        return text[-_LAST_WORDS:] or "it printed nothing"

    def require_running(self) -> None:
        """Raises BenchError when it has ended."""
        if not self.running:
            raise BenchError(f"{self.name} ended with status {self.process.returncode}: {self.last_words()}")

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, within_s: float, what: str) -> None:
        """Wait until `ready` says so; raises BenchError when the program ends first or takes too long."""
        try:
            async with asyncio.timeout(within_s):
                while not await ready():
                    self.require_running()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise BenchError(
                f"{self.name} was started, but {what} did not happen within {within_s:g} s: {self.last_words()}"
            ) from None


def check_cores(*, server: int, load: int) -> None:
    """Raises BenchError when this machine does not let us pin programs to two such cores."""
    choose = "the server and what loads it need a core each: choose them by --server-core and --load-core."
    usable = os.sched_getaffinity(0)
    missing = sorted({server, load} - usable)
    if missing:
        raise BenchError(
            f"Core {missing[0]} can't be used here (usable: {', '.join(map(str, sorted(usable)))}); {choose}"
        )
    if server == load:
        raise BenchError(f"Core {server} can't be used for both: {choose}")
    if shutil.which("taskset") is None:
        raise BenchError("taskset is not installed (Debian's package util-linux has it).")


@asynccontextmanager
async def running(
    command: Sequence[str],
    *,
    name: str,
    core: int,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Program]:
    """A program on one core for the length of the block; its output is kept in `folder`."""
    log = folder / f"{name.replace(' ', '-')}.log"
    with log.open("wb") as output:
        try:
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we end it in our order.
            process = await asyncio.create_subprocess_exec(
                *("taskset", "--cpu-list", str(core), *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise BenchError(f"{name} can't be started: {error.strerror or error}.") from None
    try:
        yield Program(name, process.pid, log, process)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_DEADLINE_S):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError) as error:
        # Interrupted again, or too slow: it must not outlive us either way.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise


async def output_of(*command: str, deadline_s: float = 15.0) -> str | None:
    """What a command prints, None when it can't be run or says nothing in time."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(deadline_s):
            out, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode(errors="replace").strip() or None
