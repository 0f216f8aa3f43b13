"""Real RTSP from two independent servers through PyAV to an outlet."""

from __future__ import annotations

import asyncio
import io
import itertools
import time
from fractions import Fraction

import av
import pytest

from gateway.demo.spec import AudioChoice, ParameterSets
from gateway.media.annexb import split_annex_b
from gateway.media.capture_clock import ClockSource
from gateway.media.h264 import NalType, nal_type
from gateway.media.units import AccessUnit, AudioCodec, VideoCodec
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, ReasonCode
from gateway.source.supervision import LINGER_S
from tests.source.recorder import supervised
from tests.support.cameras import demo_camera
from tests.support.gst_camera import GstSpec, gst_camera


def _decoded(units: list[AccessUnit]) -> int:
    with av.open(io.BytesIO(b"".join(unit.data for unit in units)), mode="r", format="h264") as container:
        return len(list(container.decode(video=0)))


def _strictly_grows(units: list[AccessUnit]) -> bool:
    return all(earlier.pts < later.pts for earlier, later in itertools.pairwise(units))


def _begins_with_parameter_sets(unit: AccessUnit) -> bool:
    kinds = [nal_type(nal_unit) for nal_unit in split_annex_b(unit.data)]
    slices = kinds.index(NalType.IDR_SLICE)
    return {NalType.SPS, NalType.PPS} <= set(kinds[:slices])


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_demo_camera_plays(transport: str) -> None:
    async with demo_camera(audio=AudioChoice.OPUS) as camera:
        settings = SourceSettings(camera.url, transport="udp" if transport == "udp" else "tcp")
        async with supervised(settings) as (_, outlet):
            pictures = await outlet.pictures(45)
            await outlet.until(lambda: len(outlet.audio) > 20)
    assert pictures[0].keyframe
    assert outlet.order[:4] == ["connecting", "stream", "live", "units"]
    assert _strictly_grows(outlet.video)
    assert _strictly_grows(outlet.audio)
    assert all(_begins_with_parameter_sets(unit) for unit in pictures if unit.keyframe)
    assert _decoded(pictures) == len(pictures)
    video, audio = outlet.streams[0].video, outlet.streams[0].audio
    assert video is not None
    assert (video.codec, video.width, video.height) == (VideoCodec.H264, 320, 240)
    assert audio is not None
    assert (audio.codec, audio.clock_rate) == (AudioCodec.OPUS, 48_000)


@pytest.mark.parametrize("config_interval", [-1, 0])
async def test_a_gstreamer_camera_plays(config_interval: int) -> None:
    async with (
        gst_camera(GstSpec(config_interval=config_interval, audio="pcma")) as camera,
        supervised(SourceSettings(camera.url)) as (_, outlet),
    ):
        pictures = await outlet.pictures(45)
        await outlet.until(lambda: len(outlet.audio) > 5)
    assert all(_begins_with_parameter_sets(unit) for unit in pictures if unit.keyframe)
    assert _decoded(pictures) == len(pictures)
    assert _strictly_grows(outlet.video)
    assert outlet.streams[0].audio is not None
    assert outlet.streams[0].audio.codec is AudioCodec.PCMA


@pytest.mark.parametrize("sets", [ParameterSets.SDP_ONLY, ParameterSets.IN_BAND_ONLY])
async def test_parameter_sets_may_come_either_way(sets: ParameterSets) -> None:
    async with demo_camera(parameter_sets=sets) as camera, supervised(SourceSettings(camera.url)) as (_, outlet):
        pictures = await outlet.pictures(30)
    assert all(_begins_with_parameter_sets(unit) for unit in pictures if unit.keyframe)
    assert _decoded(pictures) == len(pictures)


async def test_pictures_are_dated_by_the_cameras_reports() -> None:
    async with (
        demo_camera(report_interval_s=0.5) as camera,
        supervised(SourceSettings(camera.url)) as (supervisor, outlet),
    ):
        await outlet.pictures(60)
        unit = outlet.video[-1]
        behind_s = time.time() - unit.captured_at
        estimate = supervisor.estimate
    assert estimate is not None
    assert estimate.source is ClockSource.CAMERA
    assert 0 <= behind_s < 0.5
    dates = [unit.captured_at for unit in outlet.video]
    assert dates == sorted(dates)


async def test_the_frame_rate_is_measured() -> None:
    async with (
        demo_camera(fps=Fraction(25), gop_s=0.5) as camera,
        supervised(SourceSettings(camera.url)) as (_, outlet),
    ):
        await outlet.until(lambda: any(stream.video and abs(stream.video.fps - 25) < 1 for stream in outlet.streams))


async def test_a_late_opening_begins_with_a_keyframe() -> None:
    async with demo_camera(gop_s=1.5) as camera, supervised(SourceSettings(camera.url)) as (_, first):
        await first.pictures(8)
        async with supervised(SourceSettings(camera.url)) as (_, second):
            assert (await second.pictures(1))[0].keyframe


async def test_a_camera_on_demand_opens_for_its_first_viewer_and_closes_after_its_last() -> None:
    async with demo_camera() as camera:
        settings = SourceSettings(camera.url, on_demand=True)
        async with supervised(settings, watched=False) as (supervisor, outlet):
            assert supervisor.status.state is CameraState.IDLE
            assert supervisor.reader_threads == 0
            supervisor.set_watched(watched=True)
            await outlet.pictures(3)
            supervisor.set_watched(watched=False)
            await outlet.until(lambda: outlet.states[-1] is CameraState.IDLE, deadline_s=LINGER_S + 5)
    assert outlet.states == [CameraState.CONNECTING, CameraState.LIVE, CameraState.IDLE]


async def test_a_viewer_who_comes_gets_what_had_waited() -> None:
    async with (
        demo_camera() as camera,
        supervised(SourceSettings(camera.url), watched=False) as (supervisor, outlet),
    ):
        await outlet.pictures(5)
        supervisor.set_watched(watched=True)
        pictures = await outlet.pictures(10)
    assert _strictly_grows(outlet.video)
    assert max(later.pts - earlier.pts for earlier, later in itertools.pairwise(pictures)) < 90_000 / 10


async def test_pictures_out_of_order_keep_both_their_times() -> None:
    async with (
        demo_camera(b_frames=2, profile="main") as camera,
        supervised(SourceSettings(camera.url)) as (_, outlet),
    ):
        pictures = await outlet.pictures(30)
    assert outlet.states == [CameraState.CONNECTING, CameraState.LIVE]
    video = outlet.streams[0].video
    assert video is not None
    assert video.b_frames, "known before the first picture, for WebRTC must not be tried"
    assert all(unit.pts >= unit.dts for unit in pictures)
    assert all(earlier.dts < later.dts for earlier, later in itertools.pairwise(pictures))
    assert [unit.pts for unit in pictures] != sorted(unit.pts for unit in pictures)


async def test_what_cannot_be_shown_says_what_to_change() -> None:
    async with (
        demo_camera(codec=VideoCodec.H265, profile="main") as camera,
        supervised(SourceSettings(camera.url)) as (_, outlet),
    ):
        status = await outlet.state(CameraState.UNSUPPORTED, code=ReasonCode.CODEC)
    assert status.reason is not None
    assert "Switch" in status.reason.message
    assert status.retry_at is not None
    assert 40 < status.retry_at - status.since < 80
    assert CameraState.LIVE not in outlet.states
    assert outlet.units == []
    # So that the API can say what the camera sends.
    assert outlet.streams[-1].video is not None


async def test_the_substream_is_shown_where_the_main_stream_cannot_be() -> None:
    async with (
        demo_camera(codec=VideoCodec.H265) as main,
        demo_camera() as sub,
        supervised(SourceSettings(main.url, substream=sub.url)) as (_, outlet),
    ):
        pictures = await outlet.pictures(10)
    assert _decoded(pictures) == 10
    assert outlet.states == [CameraState.CONNECTING, CameraState.LIVE]


async def test_aac_does_not_keep_the_pictures_away() -> None:
    async with demo_camera(audio=AudioChoice.AAC) as camera, supervised(SourceSettings(camera.url)) as (_, outlet):
        await outlet.pictures(5)
        await outlet.until(lambda: len(outlet.audio) > 5)
    audio = outlet.streams[0].audio
    assert audio is not None
    assert (audio.codec, audio.codec_string) == (AudioCodec.AAC, "mp4a.40.2")
    assert audio.config


async def test_nothing_is_delivered_after_close() -> None:
    async with demo_camera() as camera:
        async with supervised(SourceSettings(camera.url)) as (supervisor, outlet):
            await outlet.pictures(3)
            began = asyncio.get_running_loop().time()
            await supervisor.close()
            took_s = asyncio.get_running_loop().time() - began
            count = len(outlet.units)
            await supervisor.close()
        assert supervisor.reader_threads == 0
    assert len(outlet.units) == count
    assert took_s < 3
