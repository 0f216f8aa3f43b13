"""Each way a demo camera can misbehave, as a client sees it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.demo.spec import AudioChoice, ParameterSets
from tests.demo.ffmpeg_client import ffprobe, pyav_client
from tests.demo.rtsp_client import RtpPacket, RtspClient, h264_nal_types, rtsp_client
from tests.support.cameras import demo_camera

_SPS, _PPS, _IDR = 7, 8, 5


def _signed_difference(later: int, earlier: int) -> int:
    return (later - earlier + (1 << 31)) % (1 << 32) - (1 << 31)


async def _read_until_it_ends(client: RtspClient) -> None:
    while True:
        await client.interleaved()


async def test_frozen_camera_sends_nothing_but_answers_until_it_thaws() -> None:
    async with demo_camera(report_interval_s=0.05) as camera, rtsp_client(camera.url) as client:
        await client.play()
        await client.rtp()
        camera.freeze()
        assert (await client.request("GET_PARAMETER")).status == 200
        # What had been sent before the freeze came before that answer: now silence, reports included.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.interleaved()
        camera.thaw()
        assert (await client.rtp()).payload


async def test_camera_frozen_from_the_start_plays_without_a_packet() -> None:
    async with demo_camera() as camera, rtsp_client(camera.url) as client:
        camera.freeze()
        assert (await client.play()).status == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.interleaved()
        assert (await client.request("OPTIONS")).status == 200


async def test_dead_camera_resets_refuses_and_comes_back_on_its_port() -> None:
    async with demo_camera() as camera:
        url = camera.url
        async with rtsp_client(url) as client:
            await client.play()
            await client.rtp()
            await camera.die()
            with pytest.raises(ConnectionResetError):
                await client.end()
        with pytest.raises(ConnectionRefusedError):
            async with rtsp_client(url):
                pass
        await camera.revive()
        assert camera.url == url
        assert (await ffprobe(url))[0]["codec_name"] == "h264"


async def test_parameter_sets_only_in_the_sdp_still_decode() -> None:
    async with demo_camera(parameter_sets=ParameterSets.SDP_ONLY, gop_s=0.2) as camera:
        async with rtsp_client(camera.url) as client:
            assert "sprop-parameter-sets=" in (await client.request("DESCRIBE")).body
            await client.play()
            types = [h264_nal_types(await client.access_unit()) for _ in range(9)]
        async with pyav_client(camera.url) as viewer:
            assert await viewer.frames(5)
    assert not {_SPS, _PPS} & {kind for unit in types for kind in unit}
    assert sum(_IDR in unit for unit in types) >= 2


async def test_parameter_sets_only_in_band_come_before_every_keyframe() -> None:
    async with demo_camera(parameter_sets=ParameterSets.IN_BAND_ONLY, gop_s=0.2) as camera:
        async with rtsp_client(camera.url) as client:
            assert "sprop-parameter-sets=" not in (await client.request("DESCRIBE")).body
            await client.play()
            types = [h264_nal_types(await client.access_unit()) for _ in range(9)]
        async with pyav_client(camera.url) as viewer:
            assert await viewer.frames(5)
    keyframes = [unit for unit in types if _IDR in unit]
    assert len(keyframes) >= 2
    assert all(unit[:2] == [_SPS, _PPS] for unit in keyframes)


@pytest.mark.parametrize("seconds", [-30.0, 3600.0])
async def test_timestamps_of_picture_and_sound_jump_together(seconds: float) -> None:
    async with demo_camera(audio=AudioChoice.PCMU) as camera, rtsp_client(camera.url) as client:
        await client.play(tracks=2)
        video, audio = await client.rtp(0), await client.rtp(2)
        camera.jump_timestamps(seconds)
        later_video = await _first_after_jump(client, channel=0, before=video)
        later_audio = await _first_after_jump(client, channel=2, before=audio)
    assert _signed_difference(later_video.timestamp, video.timestamp) / 90_000 == pytest.approx(seconds, abs=1)
    assert _signed_difference(later_audio.timestamp, audio.timestamp) / 8_000 == pytest.approx(seconds, abs=1)


async def _first_after_jump(client: RtspClient, *, channel: int, before: RtpPacket) -> RtpPacket:
    for _ in range(200):
        packet = await client.rtp(channel)
        if abs(_signed_difference(packet.timestamp, before.timestamp)) > 90_000:
            return packet
    raise AssertionError("The timestamps did not jump.")


async def test_resolution_changes_in_mid_stream_with_new_parameter_sets_in_band() -> None:
    async with demo_camera(parameter_sets=ParameterSets.SDP_ONLY) as camera, pyav_client(camera.url) as viewer:
        before = await viewer.frames(3)
        await camera.change_resolution(192, 128)
        sizes = {(frame.width, frame.height) for frame in before}
        async with asyncio.timeout(10):
            while (192, 128) not in sizes:
                sizes |= {(frame.width, frame.height) for frame in await viewer.frames(1)}
        (announced,) = await ffprobe(camera.url)
    assert sizes == {(320, 240), (192, 128)}
    assert (announced["width"], announced["height"]) == (192, 128)


async def test_reset_in_mid_frame_leaves_half_a_packet() -> None:
    async with demo_camera() as camera, rtsp_client(camera.url) as client:
        await client.play()
        await client.access_unit()
        camera.reset_mid_frame()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await _read_until_it_ends(client)
        await camera.until_clients(0)
        async with rtsp_client(camera.url) as again:
            await again.play()
            assert _IDR in h264_nal_types(await again.access_unit())


async def test_silent_camera_accepts_and_says_nothing_until_it_speaks() -> None:
    async with demo_camera() as camera:
        camera.silence()
        async with rtsp_client(camera.url) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.request("OPTIONS")
        camera.speak()
        async with rtsp_client(camera.url) as client:
            assert (await client.request("OPTIONS")).status == 200
