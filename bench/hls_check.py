"""Whether playlists keep to the specification: an hour of every pace on a driven clock, and real cameras over HTTP."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Final

import aiohttp

from bench.context import Bench
from bench.errors import BenchError
from bench.hls_followed import Followed, follow
from bench.hls_servers import PULLING, playlist_url
from bench.hls_streams import Accidents, Findings, check_stream
from bench.results import Results
from gateway.demo.process import spawn_demo_cameras
from tests.hls.streams import AAC, OPUS, Stream

NAME: Final = "hls-check"
FPS: Final = (30, 25, 24, 15, 12, 7)
_GOPS_S: Final = (0.5, 1.0, 2.0, 4.0, 10.0)
_AUDIO: Final = (None, AAC, OPUS)
_AWAY: Final = Accidents(every_s=40.0, away_s=7.0)
_RESIZED: Final = Accidents(every_s=30.0, away_s=0.0)
_REAL: Final = {
    30: (2.0, "aac"),
    25: (1.0, "opus"),
    24: (10.0, "none"),
    15: (0.5, "aac"),
    12: (4.0, "none"),
    7: (2.0, "opus"),
}
_SUBJECT: Final = "gateway"


@dataclass(frozen=True, slots=True)
class Scale:
    """Minutes of made-up streams for each frame rate, and of real cameras over HTTP; `repeats` are rounds of both."""

    repeats: int = 1
    minutes: float = 60.0
    real_minutes: float = 10.0


FULL: Final = Scale()
QUICK: Final = Scale(minutes=0.5, real_minutes=0.2)


async def run(bench: Bench, scale: Scale) -> Results:
    """First the made-up streams, then all real cameras at once."""
    results = Results(NAME, asdict(scale))
    for _ in range(scale.repeats):
        for fps in FPS:
            findings = await asyncio.to_thread(_check_pace, fps, seed=bench.chance.randrange(1 << 16), scale=scale)
            _add_made_up(results, fps, findings)
            bench.say(f"{NAME}: {fps} fps, {findings.playlists} playlists, {len(findings.wrong)} complaints")
        await _check_real(bench, results, scale)
    return results


def _check_pace(fps: int, *, seed: int, scale: Scale) -> Findings:
    """So many minutes in all: every kind of group and sound, steady and wavering, with and without accidents."""
    steady = [(gop_s, audio, None) for gop_s, audio in itertools.product(_GOPS_S, _AUDIO)]
    broken = [(2.0, audio, accident) for audio, accident in itertools.product(_AUDIO, (_AWAY, _RESIZED))]
    kinds = steady + broken
    found = Findings()
    for number, (gop_s, audio, accidents) in enumerate(kinds):
        jitter_s = min(0.02, 0.3 / fps) * (number % 2 == seed % 2)
        stream = Stream(fps=float(fps), gop_s=gop_s, jitter_s=jitter_s, audio=audio, seed=seed + number)
        # Longer than the camera's first group of pictures, whatever was asked for.
        seconds = max(scale.minutes * 60 / len(kinds), 2 * gop_s)
        what = f"GOP {gop_s:g} s, {audio.codec if audio else 'no sound'}, {accidents or 'no accidents'}"
        found.add(check_stream(stream, seconds=seconds, accidents=accidents), of=what)
    return found


def _add_made_up(results: Results, fps: int, found: Findings) -> None:
    for metric, unit, value in (
        ("streamed", "min", found.streamed_s / 60),
        ("playlists", "", found.playlists),
        ("discontinuities", "", found.discontinuities),
        ("complaints", "", len(found.wrong)),
        ("longest part", "% of the part target", found.longest_share * 100),
        ("shortest part", "% of the part target", found.shortest_share * 100),
        ("date off the capture clock", "ms", found.date_error_s * 1000),
    ):
        results.add(value, case=made_up_case(fps), metric=metric, unit=unit, subject=_SUBJECT)
    for sentence in found.wrong:
        results.note(f"{fps} fps, {sentence}.")


def made_up_case(fps: int) -> str:
    """How tables call the made-up streams of a frame rate."""
    return f"made up, {fps} fps"


def real_case(fps: int) -> str:
    """How tables call the real camera of a frame rate."""
    return f"real, {fps} fps"


async def _check_real(bench: Bench, results: Results, scale: Scale) -> None:
    timeout = aiohttp.ClientTimeout(total=60)
    async with (
        _real_cameras() as urls,
        bench.serving(PULLING[_SUBJECT], urls) as server,
        aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as group,
    ):
        tasks = {
            fps: group.create_task(
                follow(session, playlist_url(server, _name(fps)), seconds=scale.real_minutes * 60), name=_name(fps)
            )
            for fps in FPS
        }
    for fps, task in tasks.items():
        _add_real(results, fps, task.result())


def _name(fps: int) -> str:
    return f"cam{fps}"


@asynccontextmanager
async def _real_cameras() -> AsyncIterator[Mapping[str, str]]:
    """One camera of each pace, with groups of pictures and sound of every kind."""
    arguments: list[str] = []
    for fps, (gop_s, audio) in _REAL.items():
        arguments += ("--camera", f"{_name(fps)}:320x240@{fps}:gop={gop_s:g}:audio={audio}")
    try:
        process = await spawn_demo_cameras(arguments=arguments)
    except RuntimeError as error:
        raise BenchError(str(error)) from None
    async with process:
        yield process.urls


def _add_real(results: Results, fps: int, found: Followed) -> None:
    for metric, unit, value in (
        ("playlists", "", float(found.playlists)),
        ("parts", "", float(found.parts)),
        ("complaints", "", float(len(found.wrong))),
        ("date off the capture clock", "ms", max((abs(error) for error in found.date_errors_s), default=0.0) * 1000),
    ):
        results.add(value, case=real_case(fps), metric=metric, unit=unit, subject=_SUBJECT)
    for sentence in found.wrong:
        results.note(f"{fps} fps over HTTP: {sentence}.")
