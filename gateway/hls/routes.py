"""`/{camera}/index.m3u8` and everything below `/{camera}/_hls/`: playlists, parts, segments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from gateway.access.principal import Principal
from gateway.clock import Clock
from gateway.errors import NotFound, RangeNotSatisfiable
from gateway.hls.children import PLAYLIST, Answer, Kind, read_child
from gateway.hls.generations import Generations
from gateway.hls.origin import Origin
from gateway.hls.packager import Lengths
from gateway.hls.playlist import MEDIA_TYPE
from gateway.hls.viewers import Visitor
from gateway.relay.camera import Camera
from gateway.webrtc.permission import PERMIT

FindCamera = Callable[[str], Camera]

_REFUSED = re.compile(r"[qQ]=0(\.0{0,3})?")
_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,15})-(?P<last>[0-9]{0,15})")


def viewer_of(request: web.Request) -> Visitor:
    """Who asks: the grant or session that lets them in, else address and program."""
    permit = request.get(PERMIT)
    principal = None if permit is None else permit.principal
    return visitor(principal, remote=request.remote, user_agent=request.headers.get("User-Agent", ""))


def visitor(principal: Principal | None, *, remote: str | None, user_agent: str) -> Visitor:
    """The same of what is known of a request."""
    place = (remote, user_agent)
    return Visitor((None if principal is None else principal.grant_id) or place, place)


class Elsewhere(Protocol):
    """Another server that has the same cameras, and takes over their viewers while it can."""

    def address(self, request: web.Request, camera: Camera) -> str | None:
        """Where whoever asks watches `camera` there; None if it can't be watched there now."""

    def signed(self, camera: str, token: str) -> str | None:
        """The same for whoever will have a grant."""

    def viewers(self, camera: Camera) -> int:
        """How many watch a camera there."""


class Hls:
    """The origins of all cameras, and their routes."""

    def __init__(
        self,
        find_camera: FindCamera,
        lengths: Lengths,
        *,
        clock: Clock,
        always: Sequence[Camera] = (),
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`always` are packaged whether somebody watches or not."""
        self._elsewhere = elsewhere
        self._find_camera = find_camera
        self.lengths = lengths
        self._clock = clock
        self._cameras: dict[str, Generations] = {}
        self._always = tuple(always)

    def origin(self, camera: Camera) -> Origin:
        """A camera's newest origin; it packages nothing before it is started."""
        return self._generations(camera).newest

    def _generations(self, camera: Camera) -> Generations:
        known = self._cameras.get(camera.name)
        if known is None or known.camera is not camera:
            if known is not None:
                known.close()
            known = self._cameras[camera.name] = Generations(camera, self.lengths, clock=self._clock)
        return known

    def keep(self, camera: Camera) -> None:
        """Package a camera whether somebody watches or not, from now on."""
        self.origin(camera).keep()

    def remove(self, name: str) -> None:
        """Forget a camera that is gone; who waits for its pictures is told that there are none."""
        known = self._cameras.pop(name, None)
        if known is not None:
            known.close()

    def viewers(self, camera: Camera) -> int:
        """How many watch a camera over HLS, here and elsewhere."""
        known = self._cameras.get(camera.name)
        others = 0 if self._elsewhere is None else self._elsewhere.viewers(camera)
        return others + (0 if known is None else known.viewers)

    def signed_elsewhere(self, camera: str, token: str) -> str | None:
        """Where a camera is watched with a grant, if not here."""
        return None if self._elsewhere is None else self._elsewhere.signed(camera, token)

    def start(self) -> None:
        """Begin to package the cameras that always are."""
        for camera in self._always:
            self.keep(camera)

    def close(self) -> None:
        """Stop packaging all cameras."""
        for known in self._cameras.values():
            known.close()

    def routes(self) -> list[web.RouteDef]:
        """The routes; a camera's name may contain slashes."""
        camera = r"/{camera:.+?}"
        return [
            web.get(camera + r"/_hls/{generation:[0-9a-f]+}/{name}", self.child),
            web.get(camera + "/index.m3u8", self.multivariant),
        ]

    async def multivariant(self, request: web.Request) -> web.Response:
        """`GET /{camera}/index.m3u8`: who has begun here goes on here, whatever becomes of the other server."""
        camera = self._find_camera(request.match_info["camera"])
        if self._elsewhere is not None:
            address = self._elsewhere.address(request, camera)
            if address is not None:
                raise web.HTTPTemporaryRedirect(address, headers={"Cache-Control": "no-store"})
        origin = self._generations(camera).for_newcomer()
        await origin.start()
        origin.seen(viewer_of(request))
        text = origin.multivariant(f"_hls/{origin.generation}/{PLAYLIST}")
        return web.Response(text=text, content_type=MEDIA_TYPE, charset="utf-8", headers={"Cache-Control": "max-age=1"})

    async def child(self, request: web.Request) -> web.Response:
        """Everything a playlist refers to."""
        known = self._generations(self._find_camera(request.match_info["camera"]))
        origin = known.find(request.match_info["generation"])
        if origin is None:
            raise NotFound(
                "This playlist is no more: the gateway or the camera was started anew, or others took its place; "
                "begin again with index.m3u8"
            )
        child = read_child(request.match_info["name"], request.query)
        if child.kind is Kind.PLAYLIST:
            await origin.start()
        viewer = viewer_of(request)
        origin.seen(viewer)
        answer = await origin.answer(child)
        # Being answered counts too: a request may have waited for as long as a viewer may be silent.
        origin.seen(viewer)
        if child.kind is not Kind.PLAYLIST:
            return _media(request, answer)
        gzip = takes_gzip(request.headers.get("Accept-Encoding", ""))
        return web.Response(body=answer.content(gzip=gzip), headers=answer.headers(gzip=gzip))

    def running(self, camera: str, generation: str) -> Origin | None:
        """The origin of a camera that is being packaged, if it is of this generation."""
        known = self._cameras.get(camera)
        origin = None if known is None else known.find(generation)
        if origin is None or origin.packager is None or not origin.packager.ready:
            return None
        return origin


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding (RFC 9110 section 12.5.3) names gzip and does not refuse it by a weight of 0."""
    for coding in accepted.split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip"):
            return _REFUSED.fullmatch(weight.strip()) is None
    return False


def _media(request: web.Request, answer: Answer) -> web.Response:
    data, headers = answer.body, answer.headers(gzip=False)
    wanted = _RANGE.fullmatch(request.headers.get("Range", "").strip()) if request.method == "GET" else None
    if wanted is None or "If-Range" in request.headers or not (wanted["first"] or wanted["last"]):
        # A range that isn't understood is ignored, and so is any of another method (RFC 9110 section 14.2).
        return web.Response(body=data, headers=headers)
    size = len(data)
    if wanted["first"]:
        first = int(wanted["first"])
        last = min(int(wanted["last"]), size - 1) if wanted["last"] else size - 1
    else:
        first, last = max(0, size - int(wanted["last"])), size - 1
    if first > last:
        raise RangeNotSatisfiable(size)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return web.Response(status=206, body=data[first : last + 1], headers=headers)
