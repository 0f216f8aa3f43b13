"""A camera as viewers find it: playing, being opened, or known to be gone."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import CameraOffline, NotFound, Unprocessable
from gateway.relay.camera import Camera
from gateway.relay.registry import Registry
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, CameraStatus, Reason, ReasonCode
from tests.relay.units import EPOCH_S, SILENT_STREAM


@pytest.fixture(name="camera")
async def _camera() -> Camera:
    return Camera("yard", SourceSettings("rtsp://192.0.2.10/x"))


def become(camera: Camera, state: CameraState, words: str | None = None) -> None:
    reason = None if words is None else Reason(ReasonCode.NO_ANSWER, words)
    camera.hub.status_changed(CameraStatus(state, EPOCH_S, reason))


@pytest.mark.parametrize("state", [CameraState.LIVE, CameraState.STALLED])
async def test_a_playing_camera_tells_its_tracks_at_once(camera: Camera, state: CameraState) -> None:
    camera.hub.stream_changed(SILENT_STREAM)
    become(camera, state)
    assert await camera.playing() == SILENT_STREAM


async def test_a_viewer_waits_for_a_camera_that_is_being_opened(camera: Camera) -> None:
    waiting = asyncio.create_task(camera.playing())
    await asyncio.sleep(0)
    camera.hub.stream_changed(SILENT_STREAM)
    become(camera, CameraState.LIVE)
    assert await waiting == SILENT_STREAM
    assert camera.hub.events.listeners("status") == []


@pytest.mark.parametrize(
    ("state", "error"), [(CameraState.OFFLINE, CameraOffline), (CameraState.UNSUPPORTED, Unprocessable)]
)
async def test_a_camera_that_turns_out_dead_ends_the_wait_with_its_reason(
    camera: Camera, state: CameraState, error: type[Exception]
) -> None:
    waiting = asyncio.create_task(camera.playing())
    await asyncio.sleep(0)
    become(camera, state, "words for a person")
    with pytest.raises(error, match="words for a person"):
        await waiting


@pytest.mark.parametrize("state", [CameraState.OFFLINE, CameraState.UNSUPPORTED])
async def test_a_dead_camera_without_a_reason_has_words_still(camera: Camera, state: CameraState) -> None:
    become(camera, state)
    with pytest.raises((CameraOffline, Unprocessable), match="camera"):
        await camera.playing()


async def test_the_wait_for_pictures_has_a_deadline(camera: Camera) -> None:
    become(camera, CameraState.CONNECTING)
    with pytest.raises(CameraOffline, match="no pictures yet") as refused:
        await camera.playing(deadline_s=0)
    assert refused.value.retry_after_s is not None


async def test_cameras_are_found_by_name_in_their_order() -> None:
    registry = Registry({name: SourceSettings("rtsp://192.0.2.10/x") for name in ("b", "a", "c/d")})
    assert [camera.name for camera in registry] == ["b", "a", "c/d"]
    assert len(registry) == 3
    assert registry.find("c/d").name == "c/d"
    with pytest.raises(NotFound):
        registry.find("c")


async def test_whoever_waits_for_a_camera_that_is_retired_or_asks_later_is_told_that_there_is_none(
    camera: Camera,
) -> None:
    waiting = asyncio.create_task(camera.playing())
    await asyncio.sleep(0)
    camera.check_there()
    camera.retire()
    with pytest.raises(NotFound):
        await waiting
    camera.hub.stream_changed(SILENT_STREAM)
    become(camera, CameraState.LIVE)
    with pytest.raises(NotFound):
        await camera.playing()
    with pytest.raises(NotFound):
        camera.check_there()


async def test_a_closed_registry_starts_no_camera() -> None:
    registry = Registry({})
    await registry.close()
    camera = registry.add("late", SourceSettings("rtsp://192.0.2.10/x"))
    assert (camera.source.status.state, camera.source.reader_threads) == (CameraState.IDLE, 0)
    assert registry.retire("late") is camera
    assert registry.retire("late") is None
