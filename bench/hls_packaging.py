"""What packaging costs that nobody watches: CPU of each camera beyond pulling it, and memory beside the media."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urljoin

import aiohttp

from bench.cameras import FULL_HD, cameras
from bench.context import Bench, cpu_used_s, rotated
from bench.errors import BenchError
from bench.hls_servers import PACKAGING, PULLING, chosen, playlist_url
from bench.procfs import resident_bytes
from bench.results import Results
from bench.servers import Server, ServerKind

NAME: Final = "hls-packaging"
_MIB: Final = 1 << 20
_BANDWIDTH: Final = re.compile(r"AVERAGE-BANDWIDTH=(\d+)")
_SEGMENT: Final = re.compile(r"(#EXT-X-GAP\n)?#EXTINF:([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds; cameras; how long a server runs before it is measured, which fills its window, and while it is."""

    repeats: int = 3
    cameras: int = 10
    settle_s: float = 40.0
    measure_s: float = 60.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, cameras=2, settle_s=6.0, measure_s=3.0)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A server's CPU over a stretch of time, and its resident memory at both ends."""

    cpu_share: float
    before_bytes: int
    after_bytes: int
    passed_s: float


async def run(bench: Bench, scale: Scale) -> Results:
    """Servers in turns, each alone: first pulling all cameras only, then packaging them too."""
    results = Results(NAME, {**asdict(scale), "camera": str(FULL_HD)})
    names = [kind.name for kind in chosen(bench, results, PACKAGING)]
    async with cameras(FULL_HD, scale.cameras) as urls:
        for number in range(scale.repeats):
            for name in rotated(names, number):
                async with bench.serving(PULLING[name], urls) as server:
                    pulling = await _stretch(server, scale)
                packaging, media_bytes = await _packaged(bench, PACKAGING[name], urls, scale=scale)
                _add(results, name, scale=scale, pulling=pulling, packaging=packaging, media_bytes=media_bytes)
                bench.say(f"{NAME}: {name}, round {number + 1} of {scale.repeats}")
    return results


async def _packaged(bench: Bench, kind: ServerKind, urls: Mapping[str, str], *, scale: Scale) -> tuple[_Stretch, float]:
    async with bench.serving(kind, urls) as server:
        stretch = await _stretch(server, scale)
        # Only now: being asked makes a viewer.
        media_bytes = await listed_bytes(playlist_url(server, next(iter(urls))))
    return stretch, media_bytes


async def _stretch(server: Server, scale: Scale) -> _Stretch:
    await asyncio.sleep(scale.settle_s)
    before = resident_bytes(server.program.pid)
    used_s, passed_s = await cpu_used_s(server.program, seconds=scale.measure_s)
    return _Stretch(used_s / passed_s, before, resident_bytes(server.program.pid), passed_s)


def _add(
    results: Results, name: str, *, scale: Scale, pulling: _Stretch, packaging: _Stretch, media_bytes: float
) -> None:
    each = scale.cameras
    grown = packaging.after_bytes - packaging.before_bytes
    for metric, unit, value in (
        ("CPU of pulling", "% of a core", pulling.cpu_share / each * 100),
        ("CPU of packaging", "% of a core", (packaging.cpu_share - pulling.cpu_share) / each * 100),
        ("CPU of both", "% of a core", packaging.cpu_share / each * 100),
        ("memory of packaging", "MiB", (packaging.after_bytes - pulling.after_bytes) / each / _MIB),
        ("media in the playlist", "MiB", media_bytes / _MIB),
        ("memory growth", "MiB/min", grown / each / _MIB / packaging.passed_s * 60),
    ):
        results.add(value, case=f"{each} cameras, each", metric=metric, unit=unit, subject=name)


async def listed_bytes(url: str) -> float:
    """About how many bytes of media the playlist of a camera lists, by its own bandwidth; raises BenchError."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.get(url) as response:
            text, base = await response.text(), str(response.url)
        found = _BANDWIDTH.search(text)
        if response.status != 200 or found is None:
            raise BenchError(f"{url} has no playlist that says its bandwidth: {response.status} {text[:200]}")
        async with session.get(urljoin(base, text.split()[-1])) as response:
            return listed_s(await response.text()) * int(found[1]) / 8


def listed_s(playlist: str) -> float:
    """Seconds of media in a playlist's segments, without gaps (pure)."""
    return sum(float(seconds) for gap, seconds in _SEGMENT.findall(playlist) if not gap)
