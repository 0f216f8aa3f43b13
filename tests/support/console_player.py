"""Players that are programs: FFmpeg and GStreamer, watched by what they print of each picture."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

_END_DEADLINE_S: Final = 10.0
_KEPT_LINES: Final = 30


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a player says that a picture was shown, and how large pictures are from now on."""

    picture: re.Pattern[str]
    size: re.Pattern[str]


FFMPEG: Final = Dialect(re.compile(r"showinfo.* n: *\d+ pts:"), re.compile(r"showinfo.* n: *\d+ pts:.* s:(\d+)x(\d+)"))
GSTREAMER: Final = Dialect(
    re.compile(r":pictures: last-message = chain"),
    # The pad's property and the event before it say the same; properties are told late, so either may go missing.
    re.compile(r"pictures.*caps.*video/x-raw.*width\\?=\\?\(int\\?\)(\d+).*height\\?=\\?\(int\\?\)(\d+)"),
)


def ffmpeg_command(url: str) -> tuple[str, ...]:
    """FFmpeg that decodes and throws away, as fast as pictures come."""
    return ("ffmpeg", "-hide_banner", "-nostats", "-i", url, "-map", "0:v", "-vf", "showinfo", "-f", "null", "-")


def gstreamer_command(url: str) -> tuple[str, ...]:
    """GStreamer's playbin3, which takes hlsdemux2, at the stream's own pace."""
    sinks = ("video-sink=fakesink name=pictures silent=false sync=true", "audio-sink=fakesink sync=true")
    return ("gst-launch-1.0", "-v", "playbin3", f"uri={url}", *sinks)


class ConsolePlayer:
    """Use `console_player`; it starts and ends one."""

    def __init__(self, process: asyncio.subprocess.Process, dialect: Dialect) -> None:
        self._process = process
        self._dialect = dialect
        self._lines: list[str] = []
        self.pictures = 0
        self.size = (0, 0)

    async def more_pictures(self, count: int, *, within_s: float, size: tuple[int, int] | None = None) -> None:
        """Returns after so many more pictures, of a certain size if need be; TimeoutError says what was printed."""
        left = count
        try:
            async with asyncio.timeout(within_s):
                while left > 0:
                    left -= await self._next() and size in (None, self.size)
        except TimeoutError:
            raise TimeoutError(f"{self.pictures} pictures, {self.size}:\n" + "".join(self._lines)) from None

    async def _next(self) -> bool:
        """Whether the next line tells of a picture."""
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode(errors="replace")
        assert line, "the player ended and said only:\n" + "".join(self._lines)
        if found := self._dialect.size.search(line):
            self.size = (int(found[1]), int(found[2]))
        shown = self._dialect.picture.search(line) is not None
        self.pictures += shown
        if not shown:
            self._lines = [*self._lines[1 - _KEPT_LINES :], line]
        return shown


@asynccontextmanager
async def console_player(command: tuple[str, ...], dialect: Dialect) -> AsyncIterator[ConsolePlayer]:
    """A running player; ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
    )
    try:
        yield ConsolePlayer(process, dialect)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        async with asyncio.timeout(_END_DEADLINE_S):
            await process.communicate()
