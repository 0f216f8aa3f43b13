"""Starts demo cameras: one for a test, or the three of the demo on one port."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from gateway.demo.camera import DEFAULT_REPORT_INTERVAL_S, Camera
from gateway.demo.rtsp_server import RtspServer
from gateway.demo.spec import DEMO_CAMERAS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from gateway.demo.rtsp_connection import ServerSettings
    from gateway.demo.spec import CameraSpec


class DemoCameras:
    """Several cameras behind one RTSP server in this event loop; `urls` maps each name to its address."""

    def __init__(self, server: RtspServer, cameras: Sequence[Camera]) -> None:
        self.server = server
        self.cameras = {camera.spec.name: camera for camera in cameras}
        self.urls = {path: server.url(path) for camera in cameras for path in camera.spec.paths}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the server, its connections and every camera's thread."""
        await self.server.close()
        for camera in self.cameras.values():
            await camera.close()


async def start_demo_cameras(
    host: str = "127.0.0.1",
    *,
    port: int = 0,
    specs: Sequence[CameraSpec] = DEMO_CAMERAS,
    settings: ServerSettings | None = None,
    report_interval_s: float = DEFAULT_REPORT_INTERVAL_S,
) -> DemoCameras:
    """Opens and serves `specs`; `port` 0 takes a free one.  Raises OSError when the port is taken."""
    server = RtspServer(host=host, port=port, settings=settings)
    async with AsyncExitStack() as undo:
        cameras = []
        for spec in specs:
            camera = await Camera.open(spec, report_interval_s=report_interval_s)
            undo.push_async_callback(camera.close)
            cameras.append(camera)
            for path in spec.paths:
                server.add(path, camera)
        await server.start()
        undo.pop_all()
    return DemoCameras(server, cameras)
