"""All cameras by name, started staggered so that many do not connect in the same instant."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.errors import NotFound
from gateway.relay.camera import Camera
from gateway.source.settings import SourceSettings

_STAGGER_S = 0.05
_IN_THE_FIRST_INSTANT = 4


class Registry:
    """The configured cameras."""

    def __init__(self, cameras: Mapping[str, SourceSettings], *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._cameras = {
            name: Camera(
                name, settings, clock=clock, start_delay_s=max(0, place - _IN_THE_FIRST_INSTANT + 1) * _STAGGER_S
            )
            for place, (name, settings) in enumerate(cameras.items())
        }
        self._clock = clock
        self._closed = False

    def start(self) -> None:
        """Begin to read all cameras."""
        for camera in self._cameras.values():
            camera.start()

    def add(self, name: str, settings: SourceSettings) -> Camera:
        """One more camera, which is read from now on; its name must be new."""
        camera = self._cameras[name] = Camera(name, settings, clock=self._clock)
        if not self._closed:
            camera.start()
        return camera

    def retire(self, name: str) -> Camera | None:
        """One less, which nobody finds from now on; it is still to be closed.  None if there is none of that name."""
        camera = self._cameras.pop(name, None)
        if camera is not None:
            camera.retire()
        return camera

    async def close(self) -> None:
        """Stop all cameras at once, and start none any more; takes as long as the slowest, which is bounded."""
        self._closed = True
        await asyncio.gather(*(camera.close() for camera in self._cameras.values()))

    def find(self, name: str) -> Camera:
        """The camera of that name; raises NotFound."""
        camera = self._cameras.get(name)
        if camera is None:
            raise NotFound.camera(name)
        return camera

    def __iter__(self) -> Iterator[Camera]:
        """All cameras in the order of the configuration."""
        return iter(self._cameras.values())

    def __len__(self) -> int:
        """How many cameras are configured."""
        return len(self._cameras)
