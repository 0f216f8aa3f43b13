"""Demo cameras seen by FFmpeg, as the gateway sees them."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from fractions import Fraction
from itertools import pairwise

import pytest

from gateway.demo.digest import Credentials
from gateway.demo.spec import AudioChoice
from gateway.media.units import VideoCodec
from tests.demo.ffmpeg_client import ffprobe, pyav_client
from tests.support.cameras import clock_age_ms, demo_camera, frame_clock_ms

_LOGIN = Credentials("viewer", "s3cret:with@signs")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffprobe_sees_what_the_spec_says(transport: str) -> None:
    async with demo_camera(fps=Fraction(25), audio=AudioChoice.OPUS) as camera:
        video, audio = await ffprobe(camera.url, transport=transport)
    assert (video["codec_name"], video["profile"]) == ("h264", "Constrained Baseline")
    assert (video["width"], video["height"], video["avg_frame_rate"]) == (320, 240, "25/1")
    assert video["has_b_frames"] == 0
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == ("opus", "48000", 2)


@pytest.mark.parametrize(
    ("choice", "codec", "rate"),
    [
        (AudioChoice.PCMU, "pcm_mulaw", "8000"),
        (AudioChoice.PCMA, "pcm_alaw", "8000"),
        (AudioChoice.AAC, "aac", "48000"),
    ],
)
async def test_each_kind_of_sound_is_understood(choice: AudioChoice, codec: str, rate: str) -> None:
    async with demo_camera(audio=choice) as camera, pyav_client(camera.url) as client:
        stream = client.container.streams.audio[0]
        assert (stream.codec_context.name.removesuffix("float"), str(stream.codec_context.sample_rate)) == (codec, rate)
        sounds = [frame for packet in await client.packets(60, kind="audio") for frame in packet.decode()]
    # A chime rings within these 1.2 seconds, quietly.
    loudest = max(abs(frame.to_ndarray().astype(float)).max() for frame in sounds)
    full_scale = 1.0 if codec == "aac" else 32768.0
    assert 0.01 < loudest / full_scale < 0.2


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_clock_strip_tells_the_time_of_capture(transport: str) -> None:
    async with demo_camera() as camera, pyav_client(camera.url, transport=transport) as client:
        frames = await client.frames(25)
        now_s = time.time()
    strips = [frame_clock_ms(frame) for frame in frames]
    assert 0 <= clock_age_ms(strips[-1], now_s=now_s) < 1000
    # Pictures are 50 ms apart, and so are their clocks; a busy machine may skip some.
    gaps = [later - earlier for earlier, later in pairwise(strips)]
    assert all(abs(gap - 50 * round(gap / 50)) <= 1 for gap in gaps)
    assert min(gaps) >= 49


async def test_pts_and_clock_strip_move_together() -> None:
    async with demo_camera() as camera, pyav_client(camera.url) as client:
        # FFmpeg gives a stream's first picture no timestamp, whatever the camera.
        _, first, *_, last = await client.frames(30)
        assert first.pts is not None
        assert last.pts is not None
        elapsed_ms = (last.pts - first.pts) / 90
    strips = [frame_clock_ms(frame) for frame in (first, last)]
    assert strips[1] - strips[0] == pytest.approx(elapsed_ms, abs=2)


async def test_sender_report_gives_ffmpeg_the_time_of_capture() -> None:
    async with demo_camera() as camera, pyav_client(camera.url) as client:
        packet, *_ = await client.packets(4)
        (frame,) = packet.decode()
        capture_us, _ = struct.unpack("=qi4x", bytes(packet.get_sidedata("prft")))
    assert frame_clock_ms(frame) == pytest.approx(capture_us / 1000 % (1 << 32), abs=3)


async def test_two_clients_share_one_encoder_and_the_first_begins_with_a_keyframe() -> None:
    async with demo_camera(gop_s=30) as camera, pyav_client(camera.url) as first:
        (early,) = await first.packets(1)
        async with pyav_client(camera.url, transport="udp"):
            assert camera.camera.receiver_count == 2
            before = await first.packets(5)
        after = await first.packets(5)
    assert early.is_keyframe
    assert not any(packet.is_keyframe for packet in before + after), "a second client must not cost a keyframe"


async def test_right_password_opens_and_wrong_one_does_not() -> None:
    async with demo_camera(credentials=_LOGIN) as camera:
        good = camera.url_with("viewer", "s3cret%3Awith%40signs")
        bad = camera.url_with("viewer", "guess")
        assert len(await ffprobe(good)) == 1
        with pytest.raises(AssertionError, match="401 Unauthorized"):
            await ffprobe(bad)


async def test_unknown_path_is_404() -> None:
    async with demo_camera() as camera:
        with pytest.raises(AssertionError, match="404 Not Found"):
            await ffprobe(camera.url + "-not")


async def test_h265_camera_is_h265() -> None:
    async with demo_camera(codec=VideoCodec.H265) as camera:
        (video,) = await ffprobe(camera.url)
    assert (video["codec_name"], video["width"], video["height"]) == ("hevc", 320, 240)


async def test_b_frames_come_out_of_order() -> None:
    async with demo_camera(profile="main", b_frames=2) as camera, pyav_client(camera.url) as client:
        packets = await client.packets(15)
    times = [packet.pts for packet in packets if packet.pts is not None]
    assert times != sorted(times)


async def test_asked_for_bitrate_is_given() -> None:
    bitrate_bps = 1_500_000
    async with demo_camera(bitrate_bps=bitrate_bps) as camera, pyav_client(camera.url) as client:
        await client.packets(20)
        # Three GOPs of 20 pictures: one second each.
        size = sum(packet.size for packet in await client.packets(60))
    assert size * 8 / 3 == pytest.approx(bitrate_bps, rel=0.15)


def _capture_cpu_s() -> float:
    (ident,) = [thread.ident for thread in threading.enumerate() if thread.name == "demo-cam"]
    assert ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(ident))


async def test_camera_encodes_only_while_somebody_plays() -> None:
    async with demo_camera(width=1280, height=720, fps=Fraction(50)) as camera:
        async with pyav_client(camera.url) as client:
            before_s = _capture_cpu_s()
            await client.packets(20)
            spent_s = _capture_cpu_s() - before_s
        await camera.until_clients(0)
        before_s = _capture_cpu_s()
        await asyncio.sleep(0.4)
        # At most the picture that was being encoded when the client left.
        assert _capture_cpu_s() - before_s < spent_s / 4
