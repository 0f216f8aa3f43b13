"""`/api/sessions`: who is watching, and sending somebody away."""

from __future__ import annotations

from aiohttp import web

from gateway.web.keys import SESSIONS

_FRESH = {"Cache-Control": "no-store"}


async def list_sessions(request: web.Request) -> web.Response:
    """All WebRTC sessions, handshakes included (`?camera=` narrows them down), and what the media port dropped."""
    camera = request.query.get("camera")
    sessions = [s.as_json() for s in request.app[SESSIONS] if camera is None or s.camera.name == camera]
    transport = request.app[SESSIONS].transport_counts()
    return web.json_response({"sessions": sessions, "transport": transport}, headers=_FRESH)


async def get_session(request: web.Request) -> web.Response:
    """One session."""
    session = request.app[SESSIONS].find_public(request.match_info["session"])
    return web.json_response(session.as_json(), headers=_FRESH)


async def kick_session(request: web.Request) -> web.Response:
    """End a session."""
    sessions = request.app[SESSIONS]
    await sessions.end(sessions.find_public(request.match_info["session"]))
    return web.Response(status=204)
