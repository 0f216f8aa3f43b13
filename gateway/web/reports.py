"""`POST /api/report`, and the same on sockets: what a viewer saw, from whoever may see that camera."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.errors import Forbidden, NotFound, UnsupportedMediaType
from gateway.json_fields import parse_json
from gateway.observe.report import Report, parse_report
from gateway.observe.reports import Reports
from gateway.relay.camera import Camera
from gateway.web.keys import REGISTRY, principal_of
from gateway.webrtc.session import Session
from gateway.webrtc.sessions import Sessions
from gateway.webrtc.whep import read_body

MAX_BODY_BYTES: Final = 16 * 1024
_TYPES: Final = ("application/json", "text/plain")


class Reporting:
    """Takes reports in."""

    def __init__(self, reports: Reports, sessions: Sessions) -> None:
        self._reports = reports
        self._sessions = sessions

    async def handle(self, request: web.Request) -> web.Response:
        """POST, also as `text/plain`: `sendBeacon` can say nothing else without asking first."""
        if request.content_type not in _TYPES:
            raise UnsupportedMediaType(f"Send the report as {' or '.join(_TYPES)}")
        report = parse_report(parse_json(await read_body(request, limit=MAX_BODY_BYTES)))
        if not principal_of(request).may_see(report.camera):
            raise Forbidden("You may not report about this camera")
        # Raises NotFound for one that is not there.
        self._keep(report, request.app[REGISTRY].find(report.camera), None)
        return web.Response(status=204)

    def take(self, _: web.Request, camera: Camera, value: object, session: Session | None) -> None:
        """From the socket of a viewer of `camera` who has `session`; raises BadRequest and NotFound."""
        report = parse_report(value)
        if report.camera != camera.name:
            raise NotFound("This socket is about another camera")
        self._keep(report, camera, session)

    def _keep(self, report: Report, camera: Camera, session: Session | None) -> None:
        if session is None:
            session = self._sessions.get(report.session)
        mine = session is not None and session.camera is camera
        self._reports.take(report, connection=session.id if session is not None and mine else None)
