"""The cameras of a measurement: one live encoder, served under as many addresses as cameras are wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.errors import BenchError
from gateway.demo.process import spawn_demo_cameras


@dataclass(frozen=True, slots=True)
class CameraKind:
    """Picture and coding.  Names on the wire follow gateway/demo/spec.py."""

    width: int
    height: int
    fps: int
    bitrate_bps: int
    gop_s: float = 2.0

    def argument(self, copies: int) -> str:
        """As `python -m gateway.demo --camera` takes it."""
        return (
            f"cam:{self.width}x{self.height}@{self.fps}:gop={self.gop_s:g}:bitrate={self.bitrate_bps // 1000}k"
            f":copies={copies}"
        )

    def __str__(self) -> str:
        return f"{self.width}x{self.height}@{self.fps}, {self.bitrate_bps / 1e6:g} Mb/s, GOP {self.gop_s:g} s"


HD = CameraKind(1280, 720, 30, 2_000_000)
FULL_HD = CameraKind(1920, 1080, 30, 4_000_000)
# Few frames, each large: 4K at 30 would take more than a core to encode, and it is the size that delays others.
ULTRA_HD = CameraKind(3840, 2160, 5, 20_000_000)


@asynccontextmanager
async def cameras(kind: CameraKind, copies: int) -> AsyncIterator[Mapping[str, str]]:
    """Running cameras, name to address, on this process's core."""
    try:
        process = await spawn_demo_cameras(arguments=("--camera", kind.argument(copies)))
    except RuntimeError as error:
        raise BenchError(str(error)) from None
    async with process:
        yield process.urls
