"""WHEP (draft-ietf-wish-whep): one POST starts a session, its Location ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from gateway.access.permit import Permit
from gateway.errors import (
    BadRequest,
    CameraOffline,
    GatewayError,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
    Unprocessable,
    UnsupportedMediaType,
)
from gateway.json_fields import word
from gateway.negotiate.modes import Mode
from gateway.relay.camera import Camera
from gateway.webrtc.answer import ice_fragment
from gateway.webrtc.candidates import host_literal
from gateway.webrtc.links import alternate_link, ice_server_links
from gateway.webrtc.offers import read_offer
from gateway.webrtc.permission import PERMIT
from gateway.webrtc.sdp import MAX_OFFER_BYTES
from gateway.webrtc.session import Session
from gateway.webrtc.sessions import Sessions

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"
_JSON = "application/json"

FindCamera = Callable[[str], Camera]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


BODY_DEADLINE_S = 10.0
"""aiohttp itself waits for a body for ever."""


async def read_body(request: web.Request, *, limit: int = MAX_OFFER_BYTES) -> str:
    """The request's body as text; raises UnsupportedMediaType if it is packed, TooLarge or BadRequest.

    The last also when it takes more than 10 s.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding")
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(f"The body may have at most {limit} bytes")
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            body = await request.content.read(limit + 1)
            while len(body) <= limit and not request.content.at_eof():
                body += await request.content.read(limit + 1 - len(body))
    except TimeoutError:
        raise BadRequest("The body took too long to arrive") from None
    if len(body) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8 text") from None


class Links(Protocol):
    """Where else a viewer may turn to."""

    def ice_servers(self, request: web.Request, camera: Camera) -> Sequence[Mapping[str, Any]]:
        """TURN servers for whoever was let in to this camera by `request`."""

    def ice_servers_for(self, permit: Permit) -> Sequence[Mapping[str, Any]]:
        """TURN servers for whoever has `permit` by a grant."""

    def alternate(self, request: web.Request, camera: Camera) -> str | None:
        """Where the camera is there over HLS; None where it is not."""


class Whep:
    """The endpoint of every camera and the sessions below it."""

    def __init__(self, sessions: Sessions, find_camera: FindCamera, *, links: Links | None = None) -> None:
        """`links` is None where there is nothing to link to."""
        self._links = links
        self._sessions = sessions
        self._find_camera = find_camera

    async def offer(self, request: web.Request) -> web.Response:
        """POST: an offer in, 201 and the answer out."""
        camera = self._find_camera(request.match_info["camera"])
        try:
            if request.content_type != _SDP:
                raise UnsupportedMediaType(f"Send the offer as {_SDP}")
            session = await self._open(request, camera, await read_body(request))
        except GatewayError as error:
            if self._links is not None and not isinstance(error, CameraOffline):
                url = self._links.alternate(request, camera)
                error.links = () if url is None else (alternate_link(url),)
            raise
        response = web.Response(
            status=201,
            text=session.answer,
            content_type=_SDP,
            headers={"Location": f"whep/{session.secret}", "ETag": session.etag, "Cache-Control": "no-store"},
        )
        if self._links is not None:
            for link in ice_server_links(self._links.ice_servers(request, camera)):
                response.headers.add("Link", link)
        return response

    async def _open(self, request: web.Request, camera: Camera, sdp: str) -> Session:
        return await self._sessions.open(
            camera,
            read_offer(sdp),
            host=host_literal(request.headers.get("Host")),
            permit=request.get(PERMIT),
            mode=word(request.query, "mode", Mode, Mode.ULTRA_LOW),
        )

    async def options(self, request: web.Request) -> web.Response:
        """OPTIONS: what a player may send."""
        # Says the same for every name: a preflight shows nothing, so it must learn nothing.
        response = web.Response(status=204, headers={"Accept-Post": _SDP, "Allow": "OPTIONS, POST"})
        permit = request[PERMIT].if_posted() if self._links is not None and PERMIT in request else None
        if self._links is not None and permit is not None:
            # Whoever shows a grant for this camera may know its TURN servers before they offer.
            for link in ice_server_links(self._links.ice_servers_for(permit)):
                response.headers.add("Link", link)
                response.headers["Cache-Control"] = "no-store"
        return response

    async def endpoint_takes_offers(self, request: web.Request) -> web.Response:
        """405 for other methods, which the draft asks for; else GET would be taken for a page."""
        self._find_camera(request.match_info["camera"])
        raise web.HTTPMethodNotAllowed(request.method, ("OPTIONS", "POST"))

    def _session(self, request: web.Request) -> Session:
        session = self._sessions.find(request.match_info["session"])
        if session.camera.name != request.match_info["camera"]:
            raise NotFound.session()
        return session

    async def get(self, request: web.Request) -> web.Response:
        """GET: reserved by the draft; says only that the session lives."""
        self._session(request)
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE: end the session."""
        await self._sessions.end(self._session(request))
        return web.Response(status=200)

    async def patch(self, request: web.Request) -> web.Response:
        """PATCH: an ICE restart, or trickled candidates, which an ICE-lite server needs none of.

        `?mode=` beside anything but a restart changes the mode.
        """
        session = self._session(request)
        if session.permit is not None and PERMIT in request:
            # Whatever the fragment holds: a viewer who shows something fresh may go on (protocol.md, Grants).
            session.permit.take_over(request[PERMIT])
        if request.content_type != _FRAGMENT:
            raise UnsupportedMediaType(f"Send the fragment as {_FRAGMENT}")
        mode = word(request.query, "mode", Mode, session.mode)
        condition = request.headers.get("If-Match")
        if condition is None:
            raise PreconditionRequired("Send If-Match with the session's ETag")
        fragment = await read_body(request)
        # The body may have come slowly: what the session is now decides.
        session = self._session(request)
        ufrag, password = _attribute(fragment, "ice-ufrag"), _attribute(fragment, "ice-pwd")
        restarts = ufrag is not None and ufrag != session.peer.remote_ufrag
        if condition.strip() != session.etag and not (condition.strip() == "*" and restarts):
            raise PreconditionFailed("The session has changed since; its ETag is another now")
        if not restarts:
            if ufrag is None and "a=candidate:" not in fragment and "a=end-of-candidates" not in fragment:
                raise Unprocessable("The fragment holds neither candidates nor ICE credentials", code="bad_fragment")
            if mode is not session.mode:
                session.set_mode(mode)
            return web.Response(status=204)
        if not session.connected or ufrag is None or password is None:
            raise Unprocessable("This session can't restart ICE now; send a new offer", code="no_ice_restart")
        host = host_literal(request.headers.get("Host"))
        answer = self._sessions.restart(session, ufrag=ufrag, password=password, host=host)
        return web.Response(
            status=200, text=ice_fragment(answer), content_type=_FRAGMENT, headers={"ETag": session.etag}
        )

    async def session_options(self, request: web.Request) -> web.Response:
        """OPTIONS on the session."""
        return web.Response(status=204, headers={"Accept-Patch": _FRAGMENT, "Allow": "DELETE, GET, OPTIONS, PATCH"})

    async def go2rtc_offer(self, request: web.Request) -> web.Response:
        """`POST /api/webrtc?src=`: go2rtc's form, SDP or JSON."""
        camera = self._find_camera(required_source(request))
        body = await read_body(request, limit=MAX_OFFER_BYTES * 2)
        if request.content_type == _JSON:
            session = await self._open(request, camera, _sdp_of(body))
            return web.json_response({"type": "answer", "sdp": session.answer})
        if request.content_type not in (_SDP, "application/octet-stream", "text/plain"):
            raise UnsupportedMediaType(f"Send the offer as {_SDP} or {_JSON}")
        session = await self._open(request, camera, body)
        return web.Response(status=201, text=session.answer, content_type=_SDP)

    def routes(self) -> list[web.RouteDef]:
        """The routes, the longest first; a camera's name may contain slashes."""
        camera = r"/{camera:.+?}"
        session = camera + r"/whep/{session:[A-Za-z0-9_-]+}"
        return [
            web.post("/api/webrtc", self.go2rtc_offer),
            web.get(session, self.get),
            web.delete(session, self.delete),
            web.patch(session, self.patch),
            web.options(session, self.session_options),
            web.post(camera + "/whep", self.offer),
            web.options(camera + "/whep", self.options),
            web.route("*", camera + "/whep", self.endpoint_takes_offers),
        ]


def required_source(request: web.Request) -> str:
    """The camera that `?src=` names; raises BadRequest when it is missing."""
    source = request.query.get("src")
    if not source:
        raise BadRequest("Say which camera: add ?src=NAME")
    return source


def _attribute(fragment: str, name: str) -> str | None:
    prefix = f"a={name}:"
    for line in fragment.splitlines():
        if line.startswith(prefix):
            value = line.removeprefix(prefix).strip()
            if not 4 <= len(value) <= 256 or any(not "!" <= character <= "~" for character in value):
                raise BadRequest(f"The fragment's {name} is malformed", code="bad_fragment")
            return value
    return None


def _sdp_of(body: str) -> str:
    try:
        offer = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON") from None
    if not isinstance(offer, dict) or offer.get("type") != "offer" or not isinstance(offer.get("sdp"), str):
        raise BadRequest('The body must be {"type": "offer", "sdp": "…"}')
    return str(offer["sdp"])
