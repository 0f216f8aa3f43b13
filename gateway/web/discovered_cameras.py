"""Cameras that are there because MediaMTX has them; they come and go with its paths."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from gateway.clock import Clock
from gateway.config import CameraConfig
from gateway.mediamtx.discovery import Discovery
from gateway.mediamtx.lists import ListedPath
from gateway.web.camera_changes import Changes

_log = logging.getLogger(__name__)


class DiscoveredCameras:
    """Keeps `cameras` like MediaMTX's paths; configured ones and those added over the API win."""

    def __init__(
        self,
        changes: Changes,
        *,
        lock: asyncio.Lock,
        cameras: dict[str, CameraConfig],
        taken: Callable[[], Collection[str]],
        camera_of: Callable[[str], CameraConfig],
        clock: Clock,
    ) -> None:
        """`lock` is held while cameras change; `camera_of` says how a path is read."""
        self._changes = changes
        self._lock = lock
        self._cameras = cameras
        self._taken = taken
        self._camera_of = camera_of
        self._clock = clock
        self._discovery = Discovery()

    async def follow(self, paths: Sequence[ListedPath]) -> None:
        """All paths there are now."""
        async with self._lock:
            step = self._discovery.follow(paths, taken=self._taken(), now=self._clock.monotonic())
            for sentence in step.told:
                _log.warning("%s", sentence)
            for name in step.go:
                del self._cameras[name]
                await self._changes.remove(name)
                _log.info("%s: MediaMTX has it no longer", name)
            for name in step.come:
                camera = self._cameras[name] = self._camera_of(name)
                self._changes.add(name, camera)
                _log.info("%s: found at MediaMTX", name)
