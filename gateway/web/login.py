"""`/login`: signing in by password or by a link, and signing out."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from gateway.access.paths import Area, parse_target
from gateway.access.refusal import Refusal
from gateway.errors import BadRequest, GatewayError, Unauthorized
from gateway.web.admission import asked_of
from gateway.web.gatekeeper import Gatekeeper
from gateway.web.keys import CLIENT
from gateway.web.notices import Notices
from gateway.web.session_cookie import drop_session_cookie, set_session_cookie
from gateway.webrtc.whep import read_body

_log = logging.getLogger(__name__)

_MAX_FORM_BYTES: Final = 8192
_FORM: Final = "application/x-www-form-urlencoded"


class Login:
    """The pages of /login."""

    def __init__(self, gatekeeper: Gatekeeper, notices: Notices) -> None:
        self._gatekeeper = gatekeeper
        self._notices = notices

    async def show(self, request: web.Request) -> web.Response:
        """GET: the form, a link's button, or who is signed in."""
        token = request.query.get("token")
        if token:
            return self._notices.redeem(token)
        if self._gatekeeper.is_open:
            return self._notices.page("Open to everybody", '<p><a href="./">Watch the cameras</a></p>')
        session = self._gatekeeper.session_of(asked_of(request))
        return self._notices.sign_in() if session is None else self._notices.signed_in(session.user)

    async def enter(self, request: web.Request) -> web.Response:
        """POST: name and password, or a link's token; 303 to the cameras with a session cookie."""
        if request.content_type != _FORM:
            raise BadRequest(f"Send the form as {_FORM}")
        try:
            form = parse_qs(await read_body(request, limit=_MAX_FORM_BYTES), max_num_fields=8)
        except ValueError:
            raise BadRequest("The form has too many fields") from None
        fields = {name: values[0] for name, values in form.items()}
        address = request[CLIENT].address
        user = fields.get("user", "")
        try:
            user = await self._proved(fields, address)
        except GatewayError as error:
            response = self._notices.sign_in(error.message, user=user, next_path=fields.get("next", ""))
            response.set_status(error.status)
            if error.retry_after_s is not None:
                response.headers["Retry-After"] = str(error.retry_after_s)
            return response
        _log.info("%s: %s signed in", address, user)
        response = _see_other(_next(fields.get("next", "")))
        cookie = self._gatekeeper.cookie_for(user)
        set_session_cookie(request, response, cookie, base_path=self._gatekeeper.policy.base_path)
        return response

    async def _proved(self, fields: dict[str, str], address: str) -> str:
        keeper = self._gatekeeper
        if token := fields.get("token"):
            keeper.limits.check_redeeming(address)
            user = keeper.links.redeem(token, now=keeper.clock.monotonic())
            if user is None or user not in keeper.policy.users:
                raise Unauthorized(
                    "This link has been used or is too old; sign in with your password", code="link_used"
                )
            return user
        user, password = fields.get("user", ""), fields.get("password", "")
        if not user or not password:
            raise BadRequest("Fill in name and password")
        if not await keeper.check_password(user, password, address=address):
            raise Unauthorized("Wrong name or password", code="credentials_invalid")
        return user

    async def leave(self, request: web.Request) -> web.Response:
        """POST /login/out: ends the session, and what is watched with it."""
        session = self._gatekeeper.session_of(asked_of(request))
        if session is not None:
            await self._gatekeeper.sign_out(session)
            _log.info("%s: %s signed out", request[CLIENT].address, session.user)
        response = _see_other("../login")
        drop_session_cookie(response, base_path=self._gatekeeper.policy.base_path)
        return response

    def routes(self) -> list[web.RouteDef]:
        """All of /login."""
        return [
            web.get("/login", self.show),
            web.post("/login", self.enter),
            web.post("/login/out", self.leave),
        ]


def _see_other(location: str) -> web.Response:
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _next(path: str) -> str:
    """A relative address below the root, and nothing but a page of ours."""
    target = parse_target(f"/{path}")
    if isinstance(target, Refusal) or target.area is not Area.CAMERA or target.path_grant is not None:
        return "./"
    return f"./{path}"
