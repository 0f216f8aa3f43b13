"""Follows a playlist over HTTP and checks all that is served: playlists, waiting, parts, and dates by the picture."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin

import aiohttp
import av

from bench.errors import BenchError
from bench.hls_followers import edge_of
from tests.hls.checker import Checker, MediaPlaylist
from tests.hls.mp4 import track_runs
from tests.support.cameras import CLOCK_MODULUS, frame_clock_ms

_DELTA_EVERY: Final = 7
_VIDEO: Final = 1
_TICKS_HZ: Final = 90_000
_ROUNDING_S: Final = 2e-5


@dataclass(slots=True)
class Followed:
    """What came of one playlist; `wrong` are sentences, `date_errors_s` a segment's date less its picture's clock."""

    playlists: int = 0
    deltas: int = 0
    parts: int = 0
    wrong: list[str] = field(default_factory=list)
    date_errors_s: list[float] = field(default_factory=list)


async def follow(session: aiohttp.ClientSession, url: str, *, seconds: float) -> Followed:
    """Follow the camera whose multivariant playlist is at `url`; raises BenchError when it can't be followed."""
    async with session.get(url) as response:
        text = await response.text()
        if response.status != 200:
            raise BenchError(f"{url} refused a viewer: {response.status} {text[:200]}")
        media = urljoin(str(response.url), text.split()[-1])
    return await _Follower(session, media).run(seconds)


class _Follower:
    def __init__(self, session: aiohttp.ClientSession, media: str) -> None:
        self._session = session
        self._media = media
        self._checker = Checker()
        self._found = Followed()
        self._inits: dict[str, bytes] = {}
        self._dated_msn = -1

    async def run(self, seconds: float) -> Followed:
        loop = asyncio.get_running_loop()
        text = await self._playlist("")
        known = self._checker.observe(text, at=loop.time())
        self._dated_msn = known.all_segments[-1].msn
        end = loop.time() + seconds
        while loop.time() < end:
            edge = edge_of(text)
            # The hinted part is asked for beside the playlist, as a player does.
            uri = known.hints[0]
            hinted = asyncio.create_task(self._part(uri))
            try:
                text = await self._playlist(f"?_HLS_msn={edge.msn}&_HLS_part={edge.part}")
                known = self._checker.observe(text, at=loop.time())
                self._require_held(text, msn=edge.msn, part=edge.part)
                await self._look_at_part(known, uri, await hinted)
            finally:
                hinted.cancel()
            if self._checker.playlists % _DELTA_EVERY == 0:
                await self._look_at_delta(text, msn=edge.msn, part=edge.part)
        self._found.playlists = self._checker.playlists
        self._found.wrong += self._checker.wrong
        return self._found

    def _require(self, holds: bool, sentence: str) -> None:  # noqa: FBT001  a condition, not an option
        if not holds and sentence not in self._found.wrong:
            self._found.wrong.append(sentence)

    async def _playlist(self, query: str) -> str:
        async with self._session.get(self._media + query) as response:
            text = await response.text()
            if response.status != 200:
                raise BenchError(f"A playlist was refused: {response.status} {text[:200]}")
            return text

    async def _part(self, uri: str) -> bytes:
        async with self._session.get(urljoin(self._media, uri)) as response:
            data = await response.read()
            if response.status != 200:
                raise BenchError(f"A hinted part was refused: {response.status}")
            return data

    def _require_held(self, text: str, *, msn: int, part: int) -> None:
        now = edge_of(text)
        self._require((now.msn, now.part) > (msn, part), "6.2.5.2: a playlist came without what it was asked for")

    async def _look_at_delta(self, text: str, *, msn: int, part: int) -> None:
        delta = await self._playlist(f"?_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES")
        if edge_of(delta).hint == edge_of(text).hint:
            # Else another part came meanwhile, and they are of two states.
            self._checker.observe_delta(delta, full=text)
            self._found.deltas += 1

    async def _look_at_part(self, known: MediaPlaylist, uri: str, data: bytes) -> None:
        self._found.parts += 1
        places = [(segment, place) for segment in known.all_segments for place in range(len(segment.parts))]
        found = next(((one, place) for one, place in places if one.parts[place].uri == uri), None)
        self._require(found is not None, "4.4.5.3: a hinted part came and is not listed")
        if found is None:
            return
        segment, place = found
        listed = segment.parts[place]
        duration_s = sum(track_runs(data)[_VIDEO].durations) / _TICKS_HZ
        self._require(abs(duration_s - listed.duration_s) <= _ROUNDING_S, "4.4.4.9: a part is not as long as it says")
        if place == 0 and listed.independent and segment.msn > self._dated_msn:
            self._dated_msn = segment.msn
            await self._look_at_date(segment.map_uri, segment.date_s, data)

    async def _look_at_date(self, map_uri: str | None, date_s: float | None, part: bytes) -> None:
        if map_uri is None or date_s is None:
            return
        if map_uri not in self._inits:
            self._inits = {map_uri: await self._part(map_uri)}
        shown_ms = await asyncio.to_thread(_clock_of, self._inits[map_uri] + part)
        self._require(shown_ms is not None, "a part that is independent shows no picture by itself")
        if shown_ms is None:
            return
        behind_ms = (date_s * 1000 - shown_ms) % CLOCK_MODULUS
        if behind_ms > CLOCK_MODULUS / 2:
            behind_ms -= CLOCK_MODULUS
        self._found.date_errors_s.append(behind_ms / 1000)


def _clock_of(movie: bytes) -> int | None:
    """What the clock in its first picture shows, in unix milliseconds mod 2^32; None without a picture."""
    with av.open(io.BytesIO(movie), mode="r", format="mp4") as container:
        first = next(container.decode(video=0), None)
        return None if first is None else frame_clock_ms(first)
