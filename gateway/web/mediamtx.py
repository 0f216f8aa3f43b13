"""What the gateway does for MediaMTX and its viewers: answers its questions, sends viewers there, ends their time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from gateway.access.grants import PAGE_AGE_S, new_grant_id, sign_grant
from gateway.access.permit import Permit
from gateway.access.prefixes import prefix_of
from gateway.errors import BadRequest
from gateway.mediamtx.handed import Handed
from gateway.mediamtx.hook import hls_right, may, parse_question
from gateway.mediamtx.lists import HlsSession
from gateway.relay.camera import Camera
from gateway.web.gatekeeper import Gatekeeper
from gateway.webrtc.permission import PERMIT
from gateway.webrtc.whep import read_body

_log = logging.getLogger(__name__)

ROUTE: Final = "/api/mediamtx/auth"
_MAX_BODY_BYTES: Final = 32 * 1024


class MediaMtxAccess:
    """Who may watch at MediaMTX: whoever may watch here, for as long as they may.  Never calls MediaMTX.

    MediaMTX asks once for each viewer, with everything else waiting (internal/core/path_manager.go), and lets them go
    on for ever; `may_go_on` is for whoever ends that.
    """

    def __init__(self, gatekeeper: Gatekeeper, *, is_own_path: Callable[[str], bool]) -> None:
        """`is_own_path` says whether a camera is at MediaMTX under its own name, or may be."""
        self._gatekeeper = gatekeeper
        self._is_own_path = is_own_path
        self._handed = Handed()

    def routes(self) -> list[web.RouteDef]:
        """The hook."""
        return [web.post(ROUTE, self.answer)]

    async def answer(self, request: web.Request) -> web.Response:
        """POST as `authMethod: http` makes it: 204 is yes, 403 no; who else asks was refused before (Need)."""
        body = await read_body(request, limit=_MAX_BODY_BYTES)
        try:
            question = parse_question(body)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        keeper = self._gatekeeper
        allowed = may(
            question,
            keeper.policy,
            now=keeper.clock.now(),
            is_served=self._is_own_path,
            still_theirs=lambda grant_id: self._handed.still_holds(grant_id) is not False,
        )
        if not allowed:
            _log.debug("MediaMTX: %s of %r over %s refused", question.action, question.path, question.protocol)
        return web.Response(status=204 if allowed else 403)

    def token_for(self, permit: Permit, camera: str) -> str | None:
        """The grant that somebody brought, else a fresh one; None in open mode, where none is needed."""
        keeper = self._gatekeeper
        if keeper.is_open:
            return None
        if permit.token is not None:
            return permit.token
        grant_id = new_grant_id()
        expires = int(keeper.clock.now() + min(float(PAGE_AGE_S), keeper.max_age_s))
        self._handed.remember(grant_id, expires=expires, permit=permit)
        return sign_grant(keeper.policy.keys.active, prefix=prefix_of(camera), expires=expires, grant_id=grant_id)

    def may_go_on(self, session: HlsSession) -> bool:
        """Judges a running session: its grant as if it had just come, or whoever that grant was made for."""
        keeper = self._gatekeeper
        if not self._is_own_path(session.path):
            return False
        right = hls_right(session.path, session.query, keeper.policy, now=keeper.clock.now())
        grant_id = right.grant_id or _grant_id(session.query)
        still = None if grant_id is None else self._handed.still_holds(grant_id)
        return right.allowed if still is None else still

    def settled(self, sessions: Sequence[HlsSession]) -> None:
        """These go on; what was remembered for others is forgotten when it expires."""
        in_use = {grant_id for grant_id in (_grant_id(session.query) for session in sessions) if grant_id is not None}
        self._handed.forget_unused(in_use, now=self._gatekeeper.clock.now())


def _grant_id(query: str) -> str | None:
    """The id in a grant that was verified when the session began; it can't have changed since."""
    values = [value for name, _, value in (part.partition("=") for part in query.split("&")) if name == "grant"]
    parts = values[0].split(".") if len(values) == 1 else []
    return parts[2] if len(parts) == 4 else None


class HlsAtMediaMtx:
    """Implements `Elsewhere`: where viewers of a camera are sent while MediaMTX has it."""

    def __init__(
        self,
        access: MediaMtxAccess,
        *,
        public_hls: str,
        has: Callable[[str], bool],
        count: Callable[[str], int],
    ) -> None:
        """`has` and `count` (viewers) take MediaMTX's path, which is the camera's name."""
        self._access = access
        self._public_hls = public_hls
        self._has = has
        self._count = count

    def address(self, request: web.Request, camera: Camera) -> str | None:
        """With a grant, as MediaMTX and an edge take it."""
        if not self._has(camera.name):
            return None
        return self._url(camera.name, self._access.token_for(request[PERMIT], camera.name))

    def signed(self, camera: str, token: str) -> str | None:
        """The same with a grant that was just made."""
        return self._url(camera, token) if self._has(camera) else None

    def viewers(self, camera: Camera) -> int:
        """As of two seconds ago."""
        return self._count(camera.name)

    def _url(self, camera: str, token: str | None) -> str:
        query = "" if token is None else f"?grant={token}"
        return f"{self._public_hls}/{camera}/index.m3u8{query}"
