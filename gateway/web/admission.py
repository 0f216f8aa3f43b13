"""The one middleware that lets requests in or refuses them, whatever they begin (protocol.md, URLs, Grants)."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from gateway.access.carriers import Carrier
from gateway.access.decision import Asked, Verdict, decide, password_to_check
from gateway.access.needs import Need, need_of
from gateway.access.paths import Area, Target, parse_target
from gateway.access.proxies import Client
from gateway.access.refusal import Refusal
from gateway.access.urls import path_form
from gateway.errors import BadRequest, ClientError, Forbidden, GatewayError, NotFound, Unauthorized, UriTooLong
from gateway.web.failures import failure
from gateway.web.gatekeeper import Gatekeeper
from gateway.web.keys import CLIENT
from gateway.web.notices import Notices, wants_page
from gateway.web.session_cookie import set_session_cookie
from gateway.webrtc.permission import PERMIT

_log = logging.getLogger(__name__)

_ERRORS: Final[dict[int, type[ClientError]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    414: UriTooLong,
}
_MAX_AGE: Final = re.compile(r"max-age=([0-9]+)")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Admission:
    """Judges every request before any handler sees it; what was not let in has not been routed."""

    def __init__(self, gatekeeper: Gatekeeper, notices: Notices, *, inner: Sequence[Middleware]) -> None:
        """`inner` are the middlewares between this one and the handlers."""
        self._gatekeeper = gatekeeper
        self._notices = notices
        self._inner = tuple(inner)

    @property
    def middleware(self) -> Middleware:
        """For the application."""

        @web.middleware
        async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._admit(request, handler)

        return admit

    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        client = self._client(request)
        request[CLIENT] = client
        asked = asked_of(request)
        target = parse_target(asked.target, base_path=self._gatekeeper.policy.base_path)
        try:
            verdict, checked_user = await self._judge(request, asked, target, client)
        except GatewayError as error:
            return self._refuse(request, error, target)
        if isinstance(target, Refusal):
            return self._refuse(request, _error(target), target)
        if verdict.refusal is not None and not _tells_itself(verdict):
            return self._refuse(request, _error(verdict.refusal), target)
        request[PERMIT] = self._gatekeeper.permits.give(asked, verdict, checked_user=checked_user)
        response = await self._pass_on(request, handler, verdict, target)
        if verdict.carrier not in (None, Carrier.PATH):
            _keep_private(response)
        if verdict.principal.expires_at is not None:
            _keep_no_longer(response, verdict.principal.expires_at - self._gatekeeper.clock.now())
        fresh = None if verdict.session is None else self._gatekeeper.renewed_cookie(verdict.session)
        if fresh is not None and not response.prepared:
            set_session_cookie(request, response, fresh, base_path=self._gatekeeper.policy.base_path)
        return response

    def _client(self, request: web.Request) -> Client:
        headers = request.headers
        return self._gatekeeper.client(
            request.remote,
            forwarded_for=tuple(headers.getall("X-Forwarded-For", ())),
            forwarded_proto=tuple(headers.getall("X-Forwarded-Proto", ())),
            is_secure=request.secure,
        )

    async def _judge(
        self, request: web.Request, asked: Asked, target: Target | Refusal, client: Client
    ) -> tuple[Verdict, str | None]:
        keeper = self._gatekeeper
        if not keeper.answers_to(request.headers.get("Host")):
            raise Forbidden(
                "This gateway is open and doesn't know itself by this name; "
                "use its address, or write the name as public_url",
                code="foreign_host",
            )
        if asked.method in _WRITES:
            keeper.check_write(client.address)
        needs_something = isinstance(target, Target) and need_of(asked.method, target) is not Need.NOTHING
        if needs_something:
            keeper.check_refused(client.address)
        policy = keeper.policy
        checked_user = None
        shown = password_to_check(asked, policy)
        if shown is not None and await keeper.check_password(*shown, address=client.address):
            checked_user = shown[0]
        verdict = decide(asked, policy, now=keeper.clock.now(), checked_user=checked_user)
        if verdict.status in (401, 403):
            keeper.note_refused(client.address)
            _log.debug("%s: %s refused: %d", client.address, asked.method, verdict.status)
        return verdict, checked_user

    def _refuse(self, request: web.Request, error: GatewayError, target: Target | Refusal) -> web.Response:
        response = self._notices.refusal(error, target) if wants_page(request) else failure(error)
        response.headers["Cache-Control"] = "no-store"
        if error.status == 401:
            # Not Basic to a browser: its own dialog would cover the page.
            is_browser = "Sec-Fetch-Mode" in request.headers or "Mozilla" in request.headers.get("User-Agent", "")
            response.headers.add("WWW-Authenticate", 'Bearer realm="camera-gateway"')
            if not is_browser:
                response.headers.add("WWW-Authenticate", 'Basic realm="camera-gateway", charset="UTF-8"')
        return response

    async def _pass_on(
        self, request: web.Request, handler: Handler, verdict: Verdict, target: Target
    ) -> web.StreamResponse:
        if target.path_grant is not None and target.path == "":
            query = f"?{target.query}" if target.query else ""
            raise web.HTTPTemporaryRedirect(f"{target.path_grant}/{query}")
        if target.area is Area.PLAYLIST and verdict.carrier is Carrier.QUERY:
            raise web.HTTPTemporaryRedirect(path_form(target))
        if target.path != request.raw_path.partition("?")[0]:
            url = URL(f"{target.path}?{target.query}" if target.query else target.path, encoded=True)
            request = request.clone(rel_url=url)
            handler = await _routed(request)
        for middleware in reversed(self._inner):
            handler = functools.partial(middleware, handler=handler)
        return await handler(request)


def asked_of(request: web.Request) -> Asked:
    """The request as it came."""
    return Asked(
        request.method,
        request.raw_path,
        authorization=tuple(request.headers.getall("Authorization", ())),
        cookie=tuple(request.headers.getall("Cookie", ())),
    )


async def _routed(request: web.Request) -> Handler:
    """The handler of a request whose path is another than the one it came with."""
    match = await request.app.router.resolve(request)
    match.add_app(request.app)
    match.freeze()
    # What Application does with what it resolves; there is no public way to do it again.
    request._match_info = match  # noqa: SLF001
    handler: Handler = match.handler
    return handler


def _keep_private(response: web.StreamResponse) -> None:
    """A shared cache knows addresses only: without a grant in it, it would give to anybody what one was let in for."""
    cached = response.headers.get("Cache-Control", "")
    if not response.prepared and "max-age" in cached:
        response.headers["Cache-Control"] = ", ".join(["private", *_shareable(cached)])


def _keep_no_longer(response: web.StreamResponse, seconds: float) -> None:
    """What a grant opened is not given out of a cache when the grant is over."""
    cached = response.headers.get("Cache-Control", "")
    if not response.prepared and "max-age" in cached:
        longest = max(0, int(seconds))
        response.headers["Cache-Control"] = _MAX_AGE.sub(lambda age: f"max-age={min(int(age[1]), longest)}", cached)


def _shareable(cached: str) -> list[str]:
    return [part for part in (part.strip() for part in cached.split(",")) if part not in ("public", "private")]


def _tells_itself(verdict: Verdict) -> bool:
    """The page of a camera that is not there says so in its own words."""
    return verdict.status == 404 and verdict.target is not None and verdict.target.area is Area.CAMERA


def _error(refusal: Refusal) -> ClientError:
    return _ERRORS[refusal.status](refusal.message, code=refusal.code)
