"""That FFmpeg's options do what they are there for, seen from the other end of the wire."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import av
import pytest

from gateway.source import connection
from gateway.source.connection import (
    READ_TIMEOUT_S,
    audio_stream,
    describe_audio,
    describe_video,
    open_container,
    video_stream,
)
from tests.source.scripted_rtsp import SDP, Script, pictures_without_keyframe, scripted_server

OPEN_WITHIN_S = 7.0


def _open_and_close(url: str) -> None:
    open_container(url, "tcp").close()


@pytest.mark.parametrize("method", ["OPTIONS", "PLAY"])
async def test_a_server_that_stays_silent_ends_by_ffmpegs_deadline(method: str) -> None:
    async with scripted_server(Script(silent={method})) as server:
        began = time.monotonic()
        with pytest.raises(av.FFmpegError):
            await asyncio.to_thread(_open_and_close, server.url)
        assert READ_TIMEOUT_S <= time.monotonic() - began < OPEN_WITHIN_S


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port whose queue of connections is full, so that the kernel answers nothing to another one."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_black_hole_ends_by_ffmpegs_deadline(black_hole: int) -> None:
    began = time.monotonic()
    with pytest.raises((TimeoutError, OSError)):
        await asyncio.to_thread(_open_and_close, f"rtsp://127.0.0.1:{black_hole}/cam")
    assert 1 < time.monotonic() - began < OPEN_WITHIN_S


async def test_a_closed_port_ends_at_once(unused_tcp_port: int) -> None:
    began = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(_open_and_close, f"rtsp://127.0.0.1:{unused_tcp_port}/cam")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(("transport", "expected"), [("tcp", "RTP/AVP/TCP"), ("udp", "RTP/AVP/UDP")])
async def test_the_transport_is_the_one_asked_for(transport: str, expected: str) -> None:
    async with scripted_server(Script(statuses={"SETUP": "461 Unsupported transport"})) as server:
        with pytest.raises(av.FFmpegError):
            await asyncio.to_thread(open_container, server.url, "udp" if transport == "udp" else "tcp")
        offered = server.headers("SETUP")["Transport"]
    assert offered.startswith(expected)


async def test_only_video_and_sound_are_set_up() -> None:
    sdp = SDP + "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=1\r\n"
    async with scripted_server(Script(sdp=sdp, after_play=pictures_without_keyframe)) as server:
        await asyncio.to_thread(_open_and_close, server.url)
        assert [method for method, _ in server.requests].count("SETUP") == 1


async def test_opening_needs_one_picture_and_loses_none() -> None:
    """The small probe applies, and what was probed is kept (`fflags=nobuffer` would throw it away)."""

    def first_timestamps(url: str) -> list[int | None]:
        with open_container(url, "tcp") as container:
            packets = container.demux(video=0)
            return [next(packets).dts for _ in range(2)]

    async with scripted_server(Script(after_play=pictures_without_keyframe)) as server:
        began = time.monotonic()
        first, second = await asyncio.to_thread(first_timestamps, server.url)
        assert time.monotonic() - began < 3
    assert first in (None, 0)
    assert second == 3000


async def test_a_session_name_that_is_not_utf_8_does_not_matter() -> None:
    async with scripted_server(Script(after_play=pictures_without_keyframe)) as server:
        server.script.sdp = SDP.replace("s=x", "s=T\xfcr")
        await asyncio.to_thread(_open_and_close, server.url)


async def test_the_stream_that_passes_most_rungs_is_heard() -> None:
    sdp = SDP + "".join(
        f"m=audio 0 RTP/AVP {number}\r\na=rtpmap:{number} {codec}\r\na=control:trackID={number}\r\n"
        for number, codec in ((97, "L16/44100/2"), (8, "PCMA/8000"), (98, "opus/48000/2"))
    )

    def heard(url: str) -> tuple[str, str, int]:
        with open_container(url, "tcp") as container:
            video, audio = video_stream(container), audio_stream(container)
            assert video is not None
            assert audio is not None
            source = describe_audio(audio)
            assert source is not None
            return describe_video(video).codec, source.codec, source.clock_rate

    async with scripted_server(Script(sdp=sdp, after_play=pictures_without_keyframe)) as server:
        assert await asyncio.to_thread(heard, server.url) == ("h264", "opus", 48_000)


def test_udp_gets_a_larger_buffer_for_keyframes() -> None:
    assert "buffer_size" not in connection.options("tcp")
    assert int(connection.options("udp")["buffer_size"]) >= 1 << 20
