"""`/{camera}/snapshot.jpg` and go2rtc's `/api/frame.jpeg?src=`: the newest keyframe as a picture."""

from __future__ import annotations

from email.utils import formatdate

from aiohttp import web

from gateway.errors import BadRequest, CameraOffline, Unavailable
from gateway.relay.camera import Camera
from gateway.relay.still import MAX_WIDTH, MIN_WIDTH, NoPicture, Stills
from gateway.web.keys import REGISTRY
from gateway.webrtc.whep import required_source

CAPTURED_AT = "X-Captured-At"
"""Response header: when the picture was captured, unix seconds with milliseconds."""


_WIDTH_STEP = 16


class Snapshots:
    """Serves stills of all cameras.

    A picture is of a camera that sends pictures right now, or did so seconds ago (stalled), and says when it was
    captured.  A camera that is connecting or on demand is waited for, like by a viewer; else the answer is 409 with the
    reason: an old picture would be taken for what the camera sees.
    """

    def __init__(self, stills: Stills) -> None:
        self._stills = stills

    async def snapshot(self, request: web.Request) -> web.Response:
        """`GET /{camera}/snapshot.jpg?width=`."""
        return await self._serve(request, request.app[REGISTRY].find(request.match_info["camera"]))

    async def frame(self, request: web.Request) -> web.Response:
        """`GET /api/frame.jpeg?src=`, as go2rtc's clients ask for it."""
        return await self._serve(request, request.app[REGISTRY].find(required_source(request)))

    async def _serve(self, request: web.Request, camera: Camera) -> web.Response:
        width = _width(request.query.get("width"))
        if camera.hub.last_keyframe is None:
            with camera.watched():
                await camera.playing()
        keyframe = camera.hub.last_keyframe
        if keyframe is None:
            raise CameraOffline("The camera has sent no complete picture yet", retry_after_s=2)
        headers = {
            CAPTURED_AT: f"{keyframe.captured_at:.3f}",
            "Last-Modified": formatdate(keyframe.captured_at, usegmt=True),
            "Cache-Control": "no-cache",
            "ETag": f'"{keyframe.pts:x}-{round(keyframe.captured_at * 1000):x}-{width or 0}"',
        }
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        try:
            still = await self._stills.of(camera.name, keyframe, width=width)
        except NoPicture as error:
            raise Unavailable(f"No picture: {error}", code="no_picture", retry_after_s=2) from None
        return web.Response(body=still.jpeg, content_type="image/jpeg", headers=headers)


def _width(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not MIN_WIDTH <= int(text) <= MAX_WIDTH:
        raise BadRequest(f"width: must be a number from {MIN_WIDTH} to {MAX_WIDTH}")
    # Fewer widths are shared by more viewers.
    return min(MAX_WIDTH, -(-int(text) // _WIDTH_STEP) * _WIDTH_STEP)
