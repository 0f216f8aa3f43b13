"""Builds what the gateway needs of MediaMTX beside it, from the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.config import CameraConfig, Config
from gateway.config.model import HlsMode
from gateway.mediamtx.server import Addresses, Follow, MediaMtx, Rounds
from gateway.web.camera_changes import Changes
from gateway.web.discovered_cameras import DiscoveredCameras
from gateway.web.gatekeeper import Gatekeeper
from gateway.web.mediamtx import HlsAtMediaMtx, MediaMtxAccess


@dataclass(frozen=True, slots=True)
class Neighbour:
    """`access` answers MediaMTX, `server` watches it, `hls` sends viewers there; None where it is not configured."""

    access: MediaMtxAccess | None = None
    server: MediaMtx | None = None
    hls: HlsAtMediaMtx | None = None


@dataclass(frozen=True, slots=True)
class Household:
    """The gateway's cameras: how they change, and all that are configured, added and, in `found`, discovered."""

    changes: Changes
    lock: asyncio.Lock
    fixed: tuple[Mapping[str, CameraConfig], ...]
    found: dict[str, CameraConfig]

    def taken(self) -> list[str]:
        """Names that no path of MediaMTX can have."""
        return [name for cameras in self.fixed for name in cameras]

    def config_of(self, name: str) -> CameraConfig | None:
        """A camera that is there, however it came."""
        return next((cameras[name] for cameras in (*self.fixed, self.found) if name in cameras), None)


def open_neighbour(config: Config, keeper: Gatekeeper, household: Household, *, clock: Clock) -> Neighbour:
    """Nothing of it runs before `server.start`."""
    mediamtx = config.mediamtx

    def is_own_path(name: str) -> bool:
        camera = household.config_of(name)
        return camera is not None and mediamtx.path_of(camera.source) in (None, name)

    access = None if mediamtx.hook_secret is None else MediaMtxAccess(keeper, is_own_path=is_own_path)
    makes_hls = config.hls.mode is HlsMode.MEDIAMTX
    if not makes_hls and not mediamtx.discover:
        return Neighbour(access)
    addresses = Addresses(
        hls=str(mediamtx.hls) if makes_hls else None, api=str(mediamtx.api), secret=mediamtx.hook_secret
    )
    rounds = Rounds(follow=_following(config, household, clock=clock) if mediamtx.discover else None)
    if access is not None:
        rounds = Rounds(rounds.follow, access.may_go_on, access.settled)
    server = MediaMtx(addresses, rounds)
    if access is None or not makes_hls:
        return Neighbour(access, server)

    def has(name: str) -> bool:
        return is_own_path(name) and server.has(name)

    hls = HlsAtMediaMtx(access, public_hls=str(mediamtx.public_hls), has=has, count=server.viewers)
    return Neighbour(access, server, hls)


def _following(config: Config, household: Household, *, clock: Clock) -> Follow:
    mediamtx = config.mediamtx

    def camera_of(path: str) -> CameraConfig:
        return CameraConfig(source=mediamtx.source_of(path), on_demand=mediamtx.on_demand)

    return DiscoveredCameras(
        household.changes,
        lock=household.lock,
        cameras=household.found,
        taken=household.taken,
        camera_of=camera_of,
        clock=clock,
    ).follow
