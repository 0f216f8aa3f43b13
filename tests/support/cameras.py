"""Demo cameras for tests: one at a time, with every way to make it misbehave; and the reader of their clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from gateway.demo.camera import Camera
from gateway.demo.cameras import start_demo_cameras
from gateway.demo.digest import Credentials
from gateway.demo.rtsp_connection import ServerSettings
from gateway.demo.rtsp_server import RtspServer
from gateway.demo.spec import CameraSpec

SMALL = CameraSpec(name="cam", width=320, height=240, fps=Fraction(20), gop_s=1.0)
"""Cheap to encode, and its clock strip (10-pixel blocks) survives the encoder."""

CLOCK_MODULUS = 1 << 32


class DemoCamera:
    """One demo camera on a port of its own, so that it can die and come back alone."""

    def __init__(self, camera: Camera, server: RtspServer) -> None:
        self.camera = camera
        self.server = server
        self._path = camera.spec.paths[0]

    async def until_clients(self, count: int) -> None:
        """Returns when exactly `count` clients play, after at most 10 seconds."""
        async with asyncio.timeout(10):
            await self.camera.until_receivers(count)

    @property
    def url(self) -> str:
        """The address without credentials."""
        return self.server.url(self._path)

    def url_with(self, user: str, password: str) -> str:
        """The address with credentials in it."""
        return self.url.replace("rtsp://", f"rtsp://{user}:{password}@", 1)

    def freeze(self) -> None:
        """No more media; connections stay and RTSP is answered.  Called before a client comes: PLAY without RTP."""
        self.camera.freeze()

    def thaw(self) -> None:
        """Media again."""
        self.camera.thaw()

    async def die(self) -> None:
        """Resets all connections and stops listening."""
        await self.server.die()

    async def revive(self) -> None:
        """Listens again on the same port."""
        await self.server.revive()

    def silence(self) -> None:
        """Accepts connections and answers nothing."""
        self.server.silence()

    def speak(self) -> None:
        """Answers again."""
        self.server.speak()

    def jump_timestamps(self, seconds: float) -> None:
        """Moves RTP timestamps of both tracks; negative is backwards."""
        self.camera.jump_timestamps(seconds)

    def reset_mid_frame(self) -> None:
        """Resets every client in the middle of the next access unit."""
        self.camera.reset_mid_frame()

    async def change_resolution(self, width: int, height: int) -> None:
        """Goes on in another size, with a new SPS in band."""
        await self.camera.change_resolution(width, height)

    async def close(self) -> None:
        """Ends everything."""
        await self.server.close()
        await self.camera.close()


@asynccontextmanager
async def demo_camera(
    spec: CameraSpec = SMALL,
    *,
    port: int = 0,
    credentials: Credentials | None = None,
    report_interval_s: float = 5.0,
    settings: ServerSettings | None = None,
    **changes: object,
) -> AsyncIterator[DemoCamera]:
    """A camera like `spec` with `changes` to its fields (`audio=AudioChoice.OPUS`); ends with the block."""
    settings = settings or ServerSettings(credentials=credentials)
    changed = replace(spec, **changes)  # type: ignore[arg-type]
    cameras = await start_demo_cameras(
        port=port, specs=[changed], settings=settings, report_interval_s=report_interval_s
    )
    async with cameras:
        yield DemoCamera(cameras.cameras[changed.name], cameras.server)


def read_clock_strip(luma: npt.NDArray[np.uint8]) -> int:
    """The strip's unix milliseconds mod 2^32 from a luma plane (rows × columns) or a grey picture."""
    block = luma.shape[1] // 32
    middle = luma[block // 2, block // 2 : 32 * block : block]
    value = 0
    for level in middle:
        value = value << 1 | int(level > 128)
    return value


def frame_clock_ms(frame: av.VideoFrame) -> int:
    """The strip's unix milliseconds mod 2^32 from a decoded picture."""
    return read_clock_strip(np.asarray(frame.to_ndarray(format="gray8"), np.uint8))


def clock_age_ms(strip_ms: int, *, now_s: float) -> int:
    """How long before `now_s` (unix seconds) a strip was drawn; negative when it is ahead."""
    behind = (int(now_s * 1000) - strip_ms) % CLOCK_MODULUS
    return behind if behind < CLOCK_MODULUS // 2 else behind - CLOCK_MODULUS
