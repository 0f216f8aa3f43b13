"""How old pictures are without a peer connection: hls.js on both servers, and fragments over the WebSocket."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import quote, urljoin

import aiohttp

from bench.browser import chromium
from bench.cameras import HD, cameras
from bench.context import Bench, rotated
from bench.errors import BenchError
from bench.hls_servers import PACKAGING, PULLING, chosen, playlist_url
from bench.player_viewer import PlayerViewer
from bench.results import Results
from bench.servers import Server
from bench.stats import Picture, gaps, percentile

NAME: Final = "hls-latency"
HLS: Final = "LL-HLS"
MSE: Final = "MSE"
LONG: Final = "LL-HLS, watched on"
_SETTLING_S: Final = 4.0
_LOOK_S: Final = 30.0
_HOLD_BACK: Final = re.compile(r"PART-HOLD-BACK=([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Scale:
    """How often each server is watched, for how long once its viewer has settled, and how long once more at the end."""

    repeats: int = 5
    watch_s: float = 20.0
    long_s: float = 600.0


FULL: Final = Scale()
QUICK: Final = Scale(repeats=1, watch_s=3.0, long_s=5.0)


@dataclass(frozen=True, slots=True)
class _Subject:
    server: Server
    viewer: PlayerViewer
    case: str
    player: str
    url: str
    hold_back_ms: float


async def run(bench: Bench, scale: Scale) -> Results:
    """All servers run on the same live camera and are watched in turns, one viewer at a time.

    MediaMTX packages all the time; the gateway begins anew with each viewer.
    """
    results = Results(NAME, {**asdict(scale), "camera": str(HD)})
    kinds = chosen(bench, results, {**PACKAGING, "gateway": PULLING["gateway"]})
    async with cameras(HD, 1) as urls, bench.serving_all(kinds, urls) as servers, chromium() as browser:
        (camera,) = urls
        subjects: list[_Subject] = []
        for server in servers:
            viewer = await PlayerViewer.open(browser, server)
            await viewer.load_players()
            hold_back_ms = await _part_hold_back_ms(playlist_url(server, camera))
            subjects.append(_Subject(server, viewer, HLS, "hls", playlist_url(server, camera), hold_back_ms))
            if server.name == "gateway":
                socket = server.origin.replace("http", "ws", 1) + f"/api/ws?src={quote(camera)}"
                subjects.append(_Subject(server, viewer, MSE, "mse", socket, 0.0))
        for subject in subjects:
            # A browser's very first decoder is slow; nobody's click is its first.
            await subject.viewer.join_player(subject.player, subject.url)
            await subject.viewer.leave()
        for number in range(scale.repeats):
            for subject in rotated(subjects, number):
                await asyncio.sleep(bench.chance.random() * HD.gop_s)
                await _measure(results, subject, watch_s=scale.watch_s)
            bench.say(f"{NAME}: round {number + 1} of {scale.repeats}")
        for subject in subjects:
            if subject.server.name == "gateway" and subject.case == HLS:
                await _watch_on(bench, results, subject, seconds=scale.long_s)
    return results


async def _part_hold_back_ms(url: str) -> float:
    """What the server asks its viewers to keep from the newest part."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.get(url) as response:
            text = await response.text()
            child = urljoin(str(response.url), text.split()[-1])
        async with session.get(child) as response:
            found = _HOLD_BACK.search(await response.text())
    if found is None:
        raise BenchError(f"{url} has no PART-HOLD-BACK: it is not low-latency.")
    return float(found[1]) * 1000


async def _measure(results: Results, subject: _Subject, *, watch_s: float) -> None:
    viewer = subject.viewer

    def add(metric: str, unit: str, value: float) -> None:
        results.add(value, case=subject.case, metric=metric, unit=unit, subject=subject.server.name)

    try:
        first_ms = await viewer.join_player(subject.player, subject.url)
    except BenchError as error:
        await viewer.leave()
        add("joins without a picture", "", 1)
        results.note(f"{subject.server.name}, {subject.case}: a join is missing. {error}")
        return
    add("joins without a picture", "", 0)
    await asyncio.sleep(_SETTLING_S)
    before = await viewer.take_played()
    await asyncio.sleep(watch_s)
    played = await viewer.take_played()
    await viewer.leave()
    add("first picture", "ms", first_ms)
    p50_ms = _add_ages(results, subject, case=subject.case, pictures=played.pictures)
    if subject.hold_back_ms:
        add("p50 above PART-HOLD-BACK", "ms", p50_ms - subject.hold_back_ms)
    add("pictures", "1/s", len(played.pictures) / watch_s)
    add("stalls while joining", "", before.stalls)
    add("stalls", "", played.stalls - before.stalls)


def _add_ages(results: Results, subject: _Subject, *, case: str, pictures: list[Picture]) -> float:
    if len(pictures) < 2:
        raise BenchError(f"{subject.server.name}'s pictures stopped over {case}.")
    ages = [picture.latency_ms for picture in pictures]
    p50_ms = percentile(ages, 0.5)
    between = gaps([picture.at_ms for picture in pictures])
    for metric, value in (
        ("p50", p50_ms),
        ("p95", percentile(ages, 0.95)),
        ("gap between pictures p99", percentile(between, 0.99)),
        ("longest gap between pictures", max(between)),
    ):
        results.add(value, case=case, metric=metric, unit="ms", subject=subject.server.name)
    return p50_ms


async def _watch_on(bench: Bench, results: Results, subject: _Subject, *, seconds: float) -> None:
    """One viewer for long: does it ever stop?"""
    viewer = subject.viewer
    await viewer.join_player(subject.player, subject.url)
    await asyncio.sleep(_SETTLING_S)
    begun = await viewer.take_played()
    pictures: list[Picture] = []
    stalls = begun.stalls
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        await asyncio.sleep(min(_LOOK_S, left))
        played = await viewer.take_played()
        pictures += played.pictures
        stalls = played.stalls
        bench.say(f"{NAME}: watching on, {stalls - begun.stalls} stalls, {max(0.0, end - loop.time()):.0f} s left")
    await viewer.leave()
    _add_ages(results, subject, case=LONG, pictures=pictures)
    results.add(stalls - begun.stalls, case=LONG, metric="stalls", unit="", subject=subject.server.name)
