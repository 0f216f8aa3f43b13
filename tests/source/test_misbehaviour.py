"""Cameras that freeze, die, jump and lie: each ends as issue 3 says."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from dataclasses import replace

import av
import pytest

from gateway.demo.digest import Credentials
from gateway.demo.spec import AudioChoice
from gateway.media.units import AccessUnit
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, ReasonCode
from tests.source.recorder import Recorder, supervised
from tests.source.scripted_rtsp import (
    SOUND_ONLY,
    Script,
    hang_up,
    pictures,
    pictures_then_silence,
    pictures_without_keyframe,
    reports_only,
    scripted_server,
)
from tests.support.cameras import demo_camera
from tests.support.gst_camera import gst_camera

CANARY = "canary-secret"


def _source_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("source ")]


def _strictly_grows(units: list[AccessUnit]) -> bool:
    return all(earlier.pts < later.pts for earlier, later in itertools.pairwise(units))


def _follows_real_time(outlet: Recorder, *, began_s: float, tolerance_s: float = 1.0) -> bool:
    passed_s = time.monotonic() - began_s
    timeline_s = (outlet.video[-1].pts - outlet.video[0].pts) / 90_000
    return abs(timeline_s - passed_s) < tolerance_s


async def test_a_frozen_camera_stalls_within_two_seconds_and_is_reconnected_within_five() -> None:
    async with demo_camera() as camera, supervised(SourceSettings(camera.url)) as (supervisor, outlet):
        await outlet.pictures(10)
        began_s = time.monotonic() - 10 / 20
        camera.freeze()
        frozen_s = time.monotonic()
        stalled = await outlet.state(CameraState.STALLED, code=ReasonCode.NO_PICTURES)
        assert time.monotonic() - frozen_s < 3
        assert stalled.since == pytest.approx(time.time(), abs=1)
        connections = camera.server.connection_count
        await outlet.state(CameraState.CONNECTING, code=ReasonCode.NO_PICTURES)
        assert time.monotonic() - frozen_s < 6.5
        assert connections == 1
        assert supervisor.reader_threads <= 2
        camera.thaw()
        await outlet.state(CameraState.LIVE)
        await outlet.pictures(5)
        assert _follows_real_time(outlet, began_s=began_s)
    # The picture FFmpeg's parser had held back was not mistaken for a new one.
    assert outlet.states == [
        CameraState.CONNECTING,
        CameraState.LIVE,
        CameraState.STALLED,
        CameraState.CONNECTING,
        CameraState.LIVE,
    ]
    assert _strictly_grows(outlet.video)


async def test_a_short_freeze_goes_on_on_the_same_connection() -> None:
    async with demo_camera() as camera, supervised(SourceSettings(camera.url)) as (_, outlet):
        await outlet.pictures(5)
        camera.freeze()
        await outlet.state(CameraState.STALLED)
        camera.thaw()
        await outlet.state(CameraState.LIVE)
        await outlet.pictures(5)
    assert outlet.states.count(CameraState.CONNECTING) == 1


async def test_a_camera_that_dies_and_comes_back_goes_on_on_one_timeline() -> None:
    async with (
        demo_camera(audio=AudioChoice.PCMU) as camera,
        supervised(SourceSettings(camera.url)) as (_, outlet),
    ):
        await outlet.pictures(20)
        began_s = time.monotonic() - 1
        await camera.die()
        await outlet.state(CameraState.OFFLINE, code=ReasonCode.REFUSED)
        await camera.revive()
        revived_s = time.monotonic()
        await outlet.state(CameraState.LIVE)
        assert time.monotonic() - revived_s < 3 + 1.0 + 1.0, "3 s, a GOP, and what a busy machine takes"
        await outlet.pictures(20)
        assert _follows_real_time(outlet, began_s=began_s)
    assert [first.keyframe for first in outlet.firsts] == [True, True]
    assert _strictly_grows(outlet.video)
    assert _strictly_grows(outlet.audio)
    # The next connection describes itself anew, before its first picture.
    assert len(outlet.streams) == 2


async def test_an_independent_camera_that_is_killed_and_restarted_plays_again() -> None:
    async with gst_camera() as camera, supervised(SourceSettings(camera.url)) as (_, outlet):
        await outlet.pictures(5)
        await camera.kill()
        await outlet.until(lambda: outlet.states[-1] in (CameraState.CONNECTING, CameraState.OFFLINE))
        await camera.start()
        await outlet.state(CameraState.LIVE)
        await outlet.pictures(5)
    assert _strictly_grows(outlet.video)


@pytest.mark.parametrize("jump_s", [-600.0, -0.5, 600.0])
async def test_timestamps_that_jump_leave_one_growing_timeline(jump_s: float) -> None:
    async with (
        demo_camera(audio=AudioChoice.PCMA, report_interval_s=1.0) as camera,
        supervised(SourceSettings(camera.url)) as (_, outlet),
    ):
        await outlet.pictures(10)
        began_s = time.monotonic() - 0.5
        camera.jump_timestamps(jump_s)
        await outlet.pictures(50)
        assert _follows_real_time(outlet, began_s=began_s)
        heard = len(outlet.audio)
        await outlet.until(lambda: len(outlet.audio) > heard + 10)
        apart_s = outlet.audio[-1].pts / 8000 - outlet.video[-1].pts / 90_000
    assert _strictly_grows(outlet.video)
    assert _strictly_grows(outlet.audio)
    assert abs(apart_s) < 0.5
    assert set(outlet.states) == {CameraState.CONNECTING, CameraState.LIVE}


async def test_a_change_of_resolution_is_told_before_its_first_picture() -> None:
    async with demo_camera() as camera, supervised(SourceSettings(camera.url)) as (_, outlet):
        await outlet.pictures(5)
        await camera.change_resolution(480, 360)
        await outlet.until(lambda: any(stream.video and stream.video.width == 480 for stream in outlet.streams))
        await outlet.pictures(1)
    assert all(first.keyframe for first in outlet.firsts)
    assert len(outlet.firsts) == len(outlet.streams)
    assert CameraState.STALLED not in outlet.states


async def test_a_connection_cut_in_the_middle_of_a_picture_is_replaced() -> None:
    async with demo_camera() as camera, supervised(SourceSettings(camera.url)) as (_, outlet):
        await outlet.pictures(5)
        camera.reset_mid_frame()
        await outlet.state(CameraState.CONNECTING, code=ReasonCode.CLOSED)
        await outlet.state(CameraState.LIVE)
        await outlet.pictures(5)
    assert _strictly_grows(outlet.video)


async def test_the_password_is_sent_and_a_wrong_one_is_said_so() -> None:
    async with demo_camera(credentials=Credentials("user", "pa/ss@word")) as camera:
        right = SourceSettings(camera.url_with("user", "pa%2Fss%40word"))
        async with supervised(right) as (_, outlet):
            await outlet.pictures(3)
        async with supervised(SourceSettings(camera.url_with("user", CANARY))) as (_, outlet):
            status = await outlet.state(CameraState.OFFLINE, code=ReasonCode.AUTH_FAILED)
    assert status.reason is not None
    assert status.reason.message == "Wrong user name or password"


async def test_a_wrong_path_is_said_so() -> None:
    async with demo_camera() as camera, supervised(SourceSettings(camera.url + "-no")) as (_, outlet):
        await outlet.state(CameraState.OFFLINE, code=ReasonCode.NOT_FOUND)


async def test_a_camera_that_answers_nothing_is_said_so_and_tried_again() -> None:
    async with demo_camera() as camera:
        camera.silence()
        began_s = time.monotonic()
        async with supervised(SourceSettings(camera.url)) as (supervisor, outlet):
            status = await outlet.state(CameraState.OFFLINE, code=ReasonCode.NO_ANSWER)
            assert time.monotonic() - began_s < 6.5
            assert status.reason is not None
            assert status.reason.address == f"127.0.0.1:{camera.server.port}"
            camera.speak()
            await outlet.state(CameraState.LIVE)
            assert supervisor.reader_threads == 1


async def test_an_unknown_host_is_said_so() -> None:
    async with supervised(SourceSettings("rtsp://no-such-camera.invalid/x")) as (_, outlet):
        await outlet.state(CameraState.OFFLINE, code=ReasonCode.UNRESOLVED)


async def test_sound_alone_is_no_camera() -> None:
    async with (
        scripted_server(Script(sdp=SOUND_ONLY, after_play=hang_up)) as server,
        supervised(SourceSettings(server.url)) as (_, outlet),
    ):
        await outlet.state(CameraState.UNSUPPORTED, code=ReasonCode.NO_VIDEO)


async def test_a_camera_that_hangs_up_at_once_is_offline() -> None:
    async with (
        scripted_server(Script(after_play=hang_up)) as server,
        supervised(SourceSettings(server.url)) as (_, outlet),
    ):
        await outlet.state(CameraState.OFFLINE, code=ReasonCode.CLOSED)


async def test_a_silent_camera_ends_its_reader_by_ffmpegs_deadline() -> None:
    async with (
        scripted_server(Script(after_play=pictures_then_silence)) as server,
        supervised(SourceSettings(server.url), watched=False) as (supervisor, outlet),
    ):
        await outlet.state(CameraState.OFFLINE)
        assert supervisor.reader_threads == 0


async def test_pictures_without_a_keyframe_are_never_shown() -> None:
    async with (
        scripted_server(Script(after_play=pictures_without_keyframe)) as server,
        supervised(SourceSettings(server.url)) as (_, outlet),
    ):
        with pytest.raises(TimeoutError):
            await outlet.until(lambda: bool(outlet.units), deadline_s=7)
    assert outlet.states == [CameraState.CONNECTING]


async def test_a_reader_that_hangs_costs_two_threads_at_most_and_closing_does_not_wait_for_it() -> None:
    # Sender reports keep FFmpeg's deadline away, so nothing ends these readers but the server.
    async with (
        scripted_server(Script(after_play=reports_only)) as server,
        supervised(SourceSettings(server.url)) as (supervisor, outlet),
    ):
        await outlet.state(CameraState.OFFLINE, code=ReasonCode.NO_ANSWER)
        await outlet.until(lambda: supervisor.reader_threads == 2)
        began_s = time.monotonic()
        await supervisor.close()
        assert time.monotonic() - began_s < 3
        assert len(_source_threads()) == 2
    await _until_no_source_thread()


async def test_a_camera_whose_readers_hung_plays_again() -> None:
    async with (
        scripted_server(Script(after_play=reports_only)) as server,
        supervised(SourceSettings(server.url)) as (supervisor, outlet),
    ):
        await outlet.until(lambda: supervisor.reader_threads == 2)
        server.script = replace(server.script, after_play=pictures)
        await server.drop_connections()
        await outlet.state(CameraState.LIVE)
        await outlet.until(lambda: supervisor.reader_threads == 1)


async def _until_no_source_thread() -> None:
    async with asyncio.timeout(10):
        for thread in threading.enumerate():
            if thread.name.startswith("source "):
                await asyncio.to_thread(thread.join, 10)
    assert _source_threads() == []


async def test_the_password_appears_nowhere(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[object] = []
    async with scripted_server(Script()) as server:
        for statuses in ({"DESCRIBE": "401 Unauthorized"}, {"DESCRIBE": "404 Not Found"}, {"SETUP": "500 Oops"}):
            server.script = Script(statuses=statuses)
            settings = SourceSettings(server.url, substream=server.url)
            async with supervised(settings) as (supervisor, outlet):
                await outlet.state(CameraState.OFFLINE)
                shown += [settings, supervisor, supervisor.status, outlet.statuses, vars(supervisor)]
    assert server.requests
    assert "Authorization" in server.headers("DESCRIBE") or len(server.requests) > 1
    assert CANARY not in repr(shown)
    assert CANARY not in caplog.text
    written = capfd.readouterr()
    assert CANARY not in written.out + written.err
    assert av.logging.get_level() is None
