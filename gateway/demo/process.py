"""Demo cameras in a process of their own, so that encoding takes no Python time from the gateway's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from typing import TYPE_CHECKING, Final, Self, cast

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence
    from types import TracebackType

_log = logging.getLogger(__name__)

_START_DEADLINE_S: Final = 30.0
_STOP_DEADLINE_S: Final = 5.0


class DemoProcess:
    """A running child; `urls` maps each camera's name to its address.  The child ends when this process does."""

    def __init__(self, process: Process, urls: dict[str, str]) -> None:
        self._process = process
        self._closing = False
        self.urls = urls
        self._watch = asyncio.create_task(self._report_end(), name="demo-cameras-end")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    async def close(self) -> None:
        """Ends the child; kills it after 5 seconds."""
        self._closing = True
        await _end(self._process)
        await self._watch

    async def _report_end(self) -> None:
        status = await self._process.wait()
        if not self._closing:
            _log.error("The demo cameras' process ended by itself with status %d; restart the demo", status)


async def spawn_demo_cameras(host: str = "127.0.0.1", *, port: int = 0, arguments: Sequence[str] = ()) -> DemoProcess:
    """Starts `python -m gateway.demo` and waits until its cameras can be opened.

    `arguments` are further options of that command.  Raises RuntimeError when it ends or says nothing in 30 seconds;
    why is on standard error, which it shares.
    """
    command = (sys.executable, "-m", "gateway.demo", "--child", "--host", host, "--port", str(port), *arguments)
    # The child's end of this pipe closes with our process, however that ends; that is its sign to end too.
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        urls = await _read_urls(process)
    except BaseException:
        await _end(process)
        raise
    return DemoProcess(process, urls)


async def _read_urls(process: Process) -> dict[str, str]:
    output = cast("asyncio.StreamReader", process.stdout)
    try:
        async with asyncio.timeout(_START_DEADLINE_S):
            line = await output.readline()
    except TimeoutError:
        raise RuntimeError(f"The demo cameras did not start within {_START_DEADLINE_S:g} seconds.") from None
    if not line:
        raise RuntimeError("The demo cameras could not be started; the reason is printed above.")
    return {str(name): str(url) for name, url in json.loads(line).items()}


async def _end(process: Process) -> None:
    cast("asyncio.StreamWriter", process.stdin).close()
    try:
        async with asyncio.timeout(_STOP_DEADLINE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
