"""`/api/sessions`: who is watching, and sending somebody away."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.errors import Forbidden, NotFound
from gateway.observe.report import Report
from gateway.web.keys import GATEKEEPER, REPORTS, SESSIONS, principal_of
from gateway.webrtc.session import Session

_FRESH = {"Cache-Control": "no-store"}


async def list_sessions(request: web.Request) -> web.Response:
    """All WebRTC sessions of cameras one administers, handshakes included, and what all viewers of these reported.

    `?camera=` narrows them down.

    Whoever administers everything also learns what the media port dropped.
    """
    camera = request.query.get("camera")
    may_administer = principal_of(request).may_administer

    def shown(name: str) -> bool:
        return may_administer(name) and camera in (None, name)

    reports = request.app[REPORTS]
    body: dict[str, object] = {
        "sessions": [
            _as_json(session, reports.of_connection(session.id))
            for session in request.app[SESSIONS]
            if shown(session.camera.name)
        ],
        "reports": {name: reports.summary(name) for name in reports.cameras() if shown(name)},
    }
    if may_administer():
        body["transport"] = request.app[SESSIONS].transport_counts()
    return web.json_response(body, headers=_FRESH)


async def get_session(request: web.Request) -> web.Response:
    """One session."""
    session = _asked_for(request)
    report = request.app[REPORTS].of_connection(session.id)
    return web.json_response(_as_json(session, report), headers=_FRESH)


def _as_json(session: Session, report: Report | None) -> dict[str, Any]:
    return session.as_json() | {"report": None if report is None else report.as_json()}


async def kick_session(request: web.Request) -> web.Response:
    """End a session, and with it the grant that opened it: its viewer would be back at once."""
    session = _asked_for(request)
    prefix = None if session.permit is None else session.permit.principal.prefix
    if prefix is not None and not principal_of(request).may_withdraw(prefix):
        raise Forbidden(
            "This viewer's address opens cameras of others, too, so ending it takes an administrator of all of them"
        )
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
