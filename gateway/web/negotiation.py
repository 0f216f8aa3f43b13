"""`POST /api/cameras/{camera}/negotiate`, and the same on sockets: a plan of rungs with addresses that open them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from aiohttp import web

from gateway.access.grants import PAGE_AGE_S, new_grant_id, sign_grant
from gateway.access.permit import Permit
from gateway.access.prefixes import prefix_of
from gateway.access.principal import Kind
from gateway.access.urls import signed_urls
from gateway.hls.latency import part_latency_s, segment_latency_s, segment_s
from gateway.hls.packager import Lengths
from gateway.json_fields import parse_json
from gateway.negotiate.answer import plan_json
from gateway.negotiate.policy import IceServer, Obstacle, Place, Supply, negotiate
from gateway.negotiate.turn import Turn, account_holder, turn_server
from gateway.negotiate.wishes import RungName, Wishes, parse_wishes
from gateway.relay.camera import Camera
from gateway.source.status import CameraState
from gateway.source.validator import assess
from gateway.web.gatekeeper import Gatekeeper
from gateway.web.keys import REGISTRY
from gateway.web.own_address import base_url
from gateway.webrtc.permission import PERMIT
from gateway.webrtc.whep import read_body

MAX_BODY_BYTES: Final = 16 * 1024
WEBRTC_LATENCY_S: Final = 0.1
MSE_LATENCY_S: Final = 0.3

REGION_HEADER: Final = "X-Viewer-Region"
"""By which a proxy that knows where viewers are says so.  Whoever makes it up gets an address that opens no more."""

_JUDGED_AS: Final = {RungName.HLS: RungName.LL_HLS}
"""What can't be packaged at all can't be in whole segments either."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What opens the addresses made for one viewer of one camera.

    `token` is None in open mode, where nothing has to be shown; `expires_at` (unix seconds) is its end.  `holder` names
    the viewer to a TURN server, None for somebody nobody knows.  `wishes` are what they asked for.
    """

    base_url: str
    token: str | None = field(repr=False)
    expires_at: float | None
    holder: str | None
    permit: Permit
    wishes: Wishes = field(default_factory=Wishes)

    @property
    def grant_id(self) -> str | None:
        """Names the grant for revocation."""
        return None if self.token is None else self.token.split(".")[2]

    def urls(self, camera: str) -> Mapping[str, str]:
        """The gateway's own addresses of a camera: `whep`, `ws`, `hls` and others."""
        return signed_urls(self.base_url, token=self.token, camera=camera)


class HlsPlaces(Protocol):
    """Where HLS is served, with parts and without: here, by MediaMTX or by an edge."""

    def __call__(self, camera: Camera, signed: Signed) -> Mapping[RungName, Place]:
        """The places of LL_HLS and HLS for one viewer; what is missing is not served."""


class EmbeddedHls:
    """The gateway's own playlists, or the same camera's somewhere else while it is watched there."""

    def __init__(self, lengths: Lengths, *, signed_elsewhere: Callable[[str, str], str | None] | None = None) -> None:
        """`signed_elsewhere` takes a camera and a grant and returns where it opens that camera, None for here."""
        self._lengths = lengths
        self._signed_elsewhere = signed_elsewhere

    def __call__(self, camera: Camera, signed: Signed) -> Mapping[RungName, Place]:
        """One address for both: a player that knows nothing of parts reads past them."""
        url = signed.urls(camera.name)["hls"]
        if self._signed_elsewhere is not None and signed.token is not None:
            url = self._signed_elsewhere(camera.name, signed.token) or url
        video = None if camera.stream is None else camera.stream.video
        fps, gop_s = 0.0 if video is None else video.fps, camera.hub.gop.gop_s
        parts_s = round(part_latency_s(self._lengths, fps=fps, gop_s=gop_s), 2)
        segments_s = round(segment_latency_s(self._lengths, fps=fps, gop_s=gop_s), 2)
        wait_s = segment_s(self._lengths, fps=fps, gop_s=gop_s)
        return {
            RungName.LL_HLS: Place(url, parts_s, signed.expires_at),
            RungName.HLS: Place(url, segments_s, signed.expires_at, wait_s),
        }


class Negotiation:
    """Belongs to the event loop's thread.  Also what WHEP's answers link to."""

    def __init__(self, keeper: Gatekeeper, *, hls: HlsPlaces | None, turn: Turn | None) -> None:
        """`hls` is None where it is switched off, `turn` where there is no such server."""
        self._keeper = keeper
        self._hls = hls
        self._turn = turn

    async def handle(self, request: web.Request) -> web.Response:
        """POST: what a viewer can do in, its rungs out.  Opens no camera."""
        camera = request.app[REGISTRY].find(request.match_info["camera"])
        body = await read_body(request, limit=MAX_BODY_BYTES)
        answer = self.answer(request, camera, parse_json(body) if body.strip() else {})
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    def answer(self, request: web.Request, camera: Camera, value: object) -> dict[str, Any]:
        """The answer to whoever sent `request`; raises BadRequest with the key of `value` that is wrong."""
        wishes = parse_wishes(value)
        if wishes.region is None:
            wishes = replace(wishes, region=request.headers.get(REGION_HEADER))
        signed = replace(self._signed(request, camera), wishes=wishes)
        plan = negotiate(wishes, self._supply(camera, signed))
        return plan_json(plan) | {"state": camera.status.state.value}

    def ice_servers(self, request: web.Request, camera: Camera) -> tuple[IceServer, ...]:
        """The TURN servers for whoever was let in to this camera; none for strangers."""
        return () if self._turn is None else self._ice_servers(self._signed(request, camera))

    def ice_servers_for(self, permit: Permit) -> tuple[IceServer, ...]:
        """The same for whoever has shown nothing but a grant."""
        return self._ice_servers(Signed("", None, permit.expires_at, permit.principal.grant_id, permit))

    def alternate(self, request: web.Request, camera: Camera) -> str | None:
        """Where the same camera is there over HLS, for who can't have it over WebRTC; None where it is not."""
        if self._hls is None or RungName.LL_HLS in _obstacles(camera):
            return None
        place = self._hls(camera, self._signed(request, camera)).get(RungName.LL_HLS)
        return None if place is None else place.url

    def _signed(self, request: web.Request, camera: Camera) -> Signed:
        """A viewer who came by a grant keeps to it; others get one of their own, for this camera."""
        keeper, permit = self._keeper, request[PERMIT]
        root = base_url(request, keeper)
        principal = permit.principal
        if principal.kind is Kind.ANONYMOUS:
            return Signed(root, None, None, None, permit)
        if permit.token is not None:
            return Signed(root, permit.token, principal.expires_at, principal.grant_id, permit)
        expires = int(keeper.clock.now() + min(PAGE_AGE_S, keeper.max_age_s))
        if principal.expires_at is not None:
            expires = min(expires, int(principal.expires_at))
        grant_id = new_grant_id()
        token = sign_grant(keeper.policy.keys.active, prefix=prefix_of(camera.name), expires=expires, grant_id=grant_id)
        # It keeps its name in the TURN server's limits, however many grants it gets.
        holder = principal.grant_id
        if holder is None and self._turn is not None:
            holder = account_holder(self._turn, f"{principal.kind}:{principal.name}")
        return Signed(root, token, float(expires), holder, permit)

    def _supply(self, camera: Camera, signed: Signed) -> Supply:
        urls, expires_at = signed.urls(camera.name), signed.expires_at
        places = {
            RungName.WEBRTC: Place(urls["whep"], WEBRTC_LATENCY_S, expires_at),
            RungName.MSE: Place(urls["ws"], MSE_LATENCY_S, expires_at),
        }
        if self._hls is not None:
            places |= self._hls(camera, signed)
        status, stream = camera.status, camera.stream
        return Supply(
            places,
            video=None if stream is None or stream.video is None else stream.video.codec_string,
            obstacles=_obstacles(camera),
            ice_servers=self._ice_servers(signed),
            idle=status.state in (CameraState.IDLE, CameraState.CONNECTING),
            bitrate_bps=camera.hub.bitrate_bps,
            outage=None if status.reason is None else status.reason.message,
        )

    def _ice_servers(self, signed: Signed) -> tuple[IceServer, ...]:
        if self._turn is None or signed.holder is None:
            return ()
        now = self._keeper.clock.now()
        return (turn_server(self._turn, holder=signed.holder, now=now, expires_at=signed.expires_at),)


def _obstacles(camera: Camera) -> dict[RungName, Obstacle]:
    status, stream = camera.status, camera.stream
    obstacles: dict[RungName, Obstacle] = {}
    if status.state is CameraState.UNSUPPORTED and status.reason is not None:
        obstacles = dict.fromkeys(RungName, Obstacle(status.reason.code.value, status.reason.message))
    for name, verdict in ({} if stream is None else assess(stream)).items():
        if not verdict.ok:
            obstacles[RungName(name)] = Obstacle(verdict.code or "codec", verdict.message or "")
    for name, judged_as in _JUDGED_AS.items():
        if judged_as in obstacles:
            obstacles[name] = obstacles[judged_as]
    return obstacles
