"""Cameras that come and go with MediaMTX's paths."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.config import CameraConfig, CameraUrl
from gateway.mediamtx.discovery import GRACE_S
from gateway.mediamtx.lists import ListedPath
from gateway.web.camera_changes import Changes
from gateway.web.discovered_cameras import DiscoveredCameras
from tests.webrtc.stage import HandClock


async def test_a_path_that_is_gone_takes_its_camera_along_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    clock, cameras, seen = HandClock(), dict[str, CameraConfig](), list[str]()

    async def remove(name: str) -> None:
        assert name not in cameras
        seen.append(f"-{name}")

    discovered = DiscoveredCameras(
        Changes(add=lambda name, _: seen.append(f"+{name}"), remove=remove),
        lock=asyncio.Lock(),
        cameras=cameras,
        taken=lambda: ["gate"],
        camera_of=lambda path: CameraConfig(source=CameraUrl(f"rtsp://mediamtx:8554/{path}")),
        clock=clock,
    )
    paths = [ListedPath(name, ready=True, has_source=True) for name in ("yard", "gate", "~no")]
    with caplog.at_level(logging.INFO):
        await discovered.follow(paths)
        clock.advance(GRACE_S)
        await discovered.follow([])
        assert (seen, list(cameras)) == (["+yard"], ["yard"])
        clock.advance(1)
        await discovered.follow([])
    assert (seen, list(cameras)) == (["+yard", "-yard"], [])
    assert [line.partition(":")[0] for line in caplog.messages] == [
        "MediaMTX's path '~no' is no camera here",
        "yard",
        "yard",
    ]
