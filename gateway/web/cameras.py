"""`GET /api/cameras`: what every camera is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.errors import BadRequest
from gateway.hls.mse import Mse
from gateway.hls.routes import Hls
from gateway.relay.camera import Camera
from gateway.relay.description import describe
from gateway.source.status import CameraState
from gateway.web.keys import HLS, MSE, REGISTRY, SESSIONS, principal_of
from gateway.webrtc.sessions import Sessions

_MAX_LIMIT = 1000


def visible_cameras(request: web.Request) -> list[Camera]:
    """The cameras that whoever asks may see, in the order of the configuration."""
    principal = principal_of(request)
    return [camera for camera in request.app[REGISTRY] if principal.may_see(camera.name)]


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to watch a camera; HLS can be switched off."""

    sessions: Sessions
    mse: Mse
    hls: Hls | None

    @classmethod
    def of(cls, app: web.Application) -> Ways:
        """Those of an application."""
        return cls(app[SESSIONS], app[MSE], app[HLS])

    def viewers(self, camera: Camera) -> dict[str, int]:
        """How many watch a camera, by rung."""
        counts = {"webrtc": self.sessions.viewers(camera), "mse": self.mse.viewers(camera)}
        return counts if self.hls is None else counts | {"ll-hls": self.hls.viewers(camera)}


def camera_json(camera: Camera, ways: Ways, *, admin: bool = False) -> dict[str, Any]:
    """A camera as viewers see it; addresses in reasons are for admins."""
    mapping = ways.sessions.broadcasts.of(camera.hub).clock_mapping()
    clock = None
    if mapping is not None:
        clock = {
            "rtp_timestamp": mapping.rtp_timestamp,
            "clock_rate": mapping.clock_rate,
            "captured_at": mapping.captured_at,
            "source": _clock_source(camera),
        }
    viewers = ways.viewers(camera)
    return describe(camera, clock=clock, viewers=viewers, served=viewers, admin=admin)


def _clock_source(camera: Camera) -> str:
    estimate = camera.source.estimate
    return estimate.source if estimate else "gateway"


async def list_cameras(request: web.Request) -> web.Response:
    """All cameras, `?prefix= &state= &limit= &after=` narrow them down; sorted as configured."""
    query = request.query
    cameras = visible_cameras(request)
    if after := query.get("after"):
        names = [camera.name for camera in cameras]
        if after not in names:
            raise BadRequest("after: there is no camera of that name")
        cameras = cameras[names.index(after) + 1 :]
    if prefix := query.get("prefix"):
        cameras = [camera for camera in cameras if camera.name.startswith(prefix)]
    if state := query.get("state"):
        if state not in list(CameraState):
            raise BadRequest(f"state: must be one of {', '.join(CameraState)}")
        cameras = [camera for camera in cameras if camera.status.state == state]
    cameras = cameras[: _limit(query.get("limit"))]
    ways = Ways.of(request.app)
    may_administer = principal_of(request).may_administer
    shown = [camera_json(camera, ways, admin=may_administer(camera.name)) for camera in cameras]
    return _fresh({"cameras": shown})


def _limit(text: str | None) -> int:
    if text is None:
        return _MAX_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_LIMIT:
        raise BadRequest(f"limit: must be a number from 1 to {_MAX_LIMIT}")
    return int(text)


async def get_camera(request: web.Request) -> web.Response:
    """One camera."""
    camera = request.app[REGISTRY].find(request.match_info["camera"])
    admin = principal_of(request).may_administer(camera.name)
    return _fresh(camera_json(camera, Ways.of(request.app), admin=admin))


def _fresh(body: dict[str, Any]) -> web.Response:
    return web.json_response(body, headers={"Cache-Control": "no-store"})
