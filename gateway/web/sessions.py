"""`/api/sessions`: who is watching, and sending somebody away."""

from __future__ import annotations

from aiohttp import web

from gateway.errors import NotFound
from gateway.web.keys import GATEKEEPER, SESSIONS, principal_of
from gateway.webrtc.session import Session

_FRESH = {"Cache-Control": "no-store"}


async def list_sessions(request: web.Request) -> web.Response:
    """All WebRTC sessions of cameras one administers, handshakes included; `?camera=` narrows them down.

    Whoever administers everything also learns what the media port dropped.
    """
    camera = request.query.get("camera")
    may_administer = principal_of(request).may_administer
    sessions = [
        session.as_json()
        for session in request.app[SESSIONS]
        if may_administer(session.camera.name) and camera in (None, session.camera.name)
    ]
    body: dict[str, object] = {"sessions": sessions}
    if may_administer():
        body["transport"] = request.app[SESSIONS].transport_counts()
    return web.json_response(body, headers=_FRESH)


async def get_session(request: web.Request) -> web.Response:
    """One session."""
    return web.json_response(_asked_for(request).as_json(), headers=_FRESH)


async def kick_session(request: web.Request) -> web.Response:
    """End a session, and with it the grant that opened it: its viewer would be back at once."""
    session = _asked_for(request)
    if session.permit is not None:
        # First, or its viewer would be back while the session still says goodbye.
        await request.app[GATEKEEPER].withdraw(session.permit)
    await request.app[SESSIONS].end(session)
    return web.Response(status=204)


def _asked_for(request: web.Request) -> Session:
    session = request.app[SESSIONS].find_public(request.match_info["session"])
    if not principal_of(request).may_administer(session.camera.name):
        # As if there were none: an id must not tell of a camera that is not theirs.
        raise NotFound.session()
    return session
