"""Real cameras read with and without FFmpeg's parser, at the same time: the same pictures, only earlier."""

from __future__ import annotations

import asyncio
import base64
import itertools
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import pytest

from gateway.demo.spec import AudioChoice, ParameterSets
from gateway.media.annexb import split_annex_b
from gateway.source.connection import audio_stream, open_container, video_stream
from gateway.source.pictures import Allowance, Picture, Pictures
from tests.source.scripted_rtsp import Script, scripted_server
from tests.support.cameras import DemoCamera, demo_camera

DEADLINE_S = 20.0
FPS = Fraction(30)
INTERVAL_S = 1 / 30
GOP_S = 1 / 3
BITRATE_BPS = 1_500_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture and when it was there, in monotonic seconds."""

    picture: Picture
    at_s: float

    @property
    def nal_units(self) -> list[bytes]:
        """Without parameter sets: the assembler puts them back where the parser took them away."""
        return [one for one in split_annex_b(self.picture.data) if one[0] & 0x1F not in (7, 8)]


def _read(
    url: str,
    allowance: Allowance,
    enough: Callable[[list[Taken]], bool],
    *,
    watched: Callable[[int], bool] = lambda early: True,
    transport: Literal["tcp", "udp"] = "tcp",
) -> list[Taken]:
    """Pictures until there are `enough`; `watched` is asked with the number of early ones so far."""
    taken: list[Taken] = []
    early = 0
    ends_s = time.monotonic() + DEADLINE_S
    with open_container(url, transport) as container:
        video, audio = video_stream(container), audio_stream(container)
        assert video is not None
        pictures = Pictures(container, allowance, name="cam", h264=True)
        for packet in container.demux([video, audio] if audio is not None else [video]):
            assert time.monotonic() < ends_s, f"only {len(taken)} pictures, {early} of them early"
            if packet.stream_index != video.index:
                continue
            for picture in pictures.take(packet, watched=watched(early)):
                taken.append(Taken(picture, time.monotonic()))
                early += picture.early
            if enough(taken):
                break
        pictures.close()
    return taken


def _early(count: int) -> Callable[[list[Taken]], bool]:
    return lambda taken: sum(one.picture.early for one in taken) >= count


def _pictures(count: int) -> Callable[[list[Taken]], bool]:
    return lambda taken: len(taken) >= count


async def _both(
    camera: DemoCamera,
    enough: Callable[[list[Taken]], bool],
    *,
    watched: Callable[[int], bool] = lambda early: True,
    transport: Literal["tcp", "udp"] = "tcp",
) -> tuple[list[Taken], list[Taken]]:
    """What two connections give: one that is never read without the parser, one that may be until it has `enough`."""
    done = threading.Event()

    def quick() -> list[Taken]:
        try:
            return _read(camera.url, Allowance(1), enough, watched=watched, transport=transport)
        finally:
            done.set()

    def plain() -> list[Taken]:
        last: list[Taken] = []

        def ended(taken: list[Taken]) -> bool:
            """Two pictures more than the other."""
            if done.is_set():
                last.append(taken[-1])
            return len(last) > 2

        return _read(camera.url, Allowance(0), ended, transport=transport)

    first, second = await asyncio.gather(asyncio.to_thread(plain), asyncio.to_thread(quick))
    return first, second


def _same(plain: list[Taken], quick: list[Taken]) -> list[tuple[Taken, Taken]]:
    """Pairs of the same picture, of which none is missing from where both have begun to where one ends."""
    place = {tuple(one.nal_units): index for index, one in enumerate(plain)}
    start = next(index for index, one in enumerate(quick) if tuple(one.nal_units) in place)
    offset = place[tuple(quick[start].nal_units)] - start
    pairs = [(plain[index + offset], quick[index]) for index in range(start, len(quick)) if index + offset < len(plain)]
    assert all(one.nal_units == other.nal_units for one, other in pairs)
    assert all(one.picture.keyframe == other.picture.keyframe for one, other in pairs)
    assert len(pairs) > 60
    return pairs


@pytest.mark.parametrize(("transport", "audio"), [("tcp", AudioChoice.AAC), ("udp", AudioChoice.NONE)])
async def test_pictures_are_the_same_only_an_interval_earlier(
    transport: Literal["tcp", "udp"], audio: AudioChoice
) -> None:
    async with demo_camera(fps=FPS, gop_s=GOP_S, bitrate_bps=BITRATE_BPS, audio=audio, report_interval_s=0.3) as camera:
        plain, quick = await _both(camera, _early(40), transport=transport)
    pairs = [pair for pair in _same(plain, quick) if pair[1].picture.early]
    assert len(pairs) > 25
    gained_s = sorted(one.at_s - other.at_s for one, other in pairs)
    assert 0.5 * INTERVAL_S < gained_s[len(gained_s) // 2] < 3 * INTERVAL_S
    assert all(other.picture.reported_at is not None for _, other in pairs)
    steps = [
        [
            (later[side].picture.pts or 0) - (earlier[side].picture.pts or 0)
            for earlier, later in itertools.pairwise(pairs)
        ]
        for side in (0, 1)
    ]
    assert all(abs(one - other) < 300 for one, other in zip(*steps, strict=True))


async def test_the_parser_comes_back_when_nobody_watches_and_goes_again_for_the_next_viewer() -> None:
    unwatched_packets = 0

    def is_watched(early: int) -> bool:
        """Until there were ten early pictures; again after sixty packets more."""
        nonlocal unwatched_packets
        unwatched_packets += early >= 10
        return not 0 < unwatched_packets <= 60

    async with demo_camera(fps=FPS, gop_s=GOP_S, bitrate_bps=BITRATE_BPS) as camera:
        plain, quick = await _both(camera, _early(30), watched=is_watched)
    _same(plain, quick)
    early = [one.picture.early for one in quick]
    first = early.index(True)
    back = early.index(False, first)
    again = early.index(True, back + 1)
    assert back - first >= 10
    assert again - back >= 10
    assert all(early[again:])


@pytest.mark.parametrize(
    "why", ["not allowed", "not watched", "parameter sets only in the SDP", "no regular keyframes"]
)
async def test_the_parser_stays(why: str) -> None:
    sets = ParameterSets.SDP_ONLY if why.startswith("parameter") else ParameterSets.EVERYWHERE
    gop_s = 30.0 if why.startswith("no regular") else GOP_S
    allowance = Allowance(0 if why == "not allowed" else 1)
    async with demo_camera(fps=FPS, gop_s=gop_s, bitrate_bps=BITRATE_BPS, parameter_sets=sets) as camera:
        taken = await asyncio.to_thread(
            _read, camera.url, allowance, _pictures(60), watched=lambda early: why != "not watched"
        )
    assert not any(one.picture.early for one in taken)
    assert allowance.take() is (why != "not allowed")


async def test_the_allowance_is_given_back() -> None:
    allowance = Allowance(1)
    async with demo_camera(fps=FPS, gop_s=GOP_S, bitrate_bps=BITRATE_BPS) as camera:
        taken = await asyncio.to_thread(_read, camera.url, allowance, _early(1))
    assert taken[-1].picture.early
    assert allowance.take()
    assert not allowance.take()
    allowance.give_back()
    assert allowance.take()


def _payloads(nal_unit: bytes) -> list[bytes]:
    """RFC 6184 sections 5.6 and 5.8."""
    if len(nal_unit) <= 1000:
        return [nal_unit]
    parts = [nal_unit[begin : begin + 998] for begin in range(1, len(nal_unit), 998)]
    last = len(parts) - 1
    indicator, kind = nal_unit[0] & 0x60 | 28, nal_unit[0] & 0x1F
    return [
        bytes((indicator, kind | 0x80 * (index == 0) | 0x40 * (index == last))) + part
        for index, part in enumerate(parts)
    ]


def _script(pictures: list[list[bytes]]) -> Callable[[asyncio.StreamWriter], AsyncIterator[None]]:
    """Sends these pictures, each a list of NAL units, by interleaved RTP, faster than their timestamps say."""

    async def play(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        sequence = 0
        for number, nal_units in enumerate(pictures):
            for payload in (payload for nal_unit in nal_units for payload in _payloads(nal_unit)):
                header = struct.pack(">BBHII", 0x80, 96, sequence & 0xFFFF, 90_000 + number * 3000, 0x1234)
                writer.write(struct.pack(">cBH", b"$", 0, len(header) + len(payload)) + header + payload)
                sequence += 1
            yield
            await asyncio.sleep(0.002)
        await asyncio.Event().wait()

    return play


SETS = split_annex_b(base64.b64decode("AAAAAWdCwB7aAoC/5cBagwMDUoAAAAMAgAAAGUeLF1AAAAABaM4PIA=="))


def _slice(number: int, size: int, *, key: bool = False, first: bool = True) -> bytes:
    """What FFmpeg's parser reads of a slice is good; `number` makes it differ from others."""
    head = b"\x65\x88\x84" if key else b"\x41\x9a\x02" if first else b"\x41\x0a\x9a"
    return head + b"\x55" + struct.pack(">H", 0x5555 + number) + b"\x55" * (size - 6)


def _group(start: int, length: int) -> list[list[bytes]]:
    keyframe = [*SETS, _slice(start, 6500, key=True)]
    return [keyframe, *([_slice(start + index, 2500)] for index in range(1, length))]


async def _scripted(pictures: list[list[bytes]], count: int) -> tuple[list[Taken], bool]:
    """What is taken of them, and whether the allowance was free in the end."""
    allowance = Allowance(1)
    async with scripted_server(Script(after_play=_script(pictures))) as server:
        taken = await asyncio.to_thread(_read, server.url, allowance, _pictures(count))
    return taken, allowance.take()


async def test_a_picture_with_a_slice_more_costs_the_rest_of_its_group_and_the_parser_comes_back() -> None:
    pictures = [picture for start in range(0, 100, 10) for picture in _group(start, 10)]
    pictures[73].append(_slice(173, 2500, first=False))
    taken, free = await _scripted(pictures, 91)
    assert free
    numbers = [
        next(index for index, nal_units in enumerate(pictures) if one.nal_units[0] in nal_units) for one in taken
    ]
    assert numbers == [*range(74), *range(80, 97)]
    assert [index for index, one in zip(numbers, taken, strict=True) if one.picture.early] == list(range(60, 74))


async def test_a_group_longer_than_foretold_costs_its_end_and_the_parser_comes_back() -> None:
    pictures = [*_group(0, 10), *_group(10, 10), *_group(20, 20), *_group(40, 10), *_group(50, 10)]
    taken, free = await _scripted(pictures, 45)
    assert free
    numbers = [
        next(index for index, nal_units in enumerate(pictures) if one.nal_units[0] in nal_units) for one in taken
    ]
    assert numbers == [*range(30), *range(40, 55)]
    assert not any(one.picture.early for one in taken)
