"""The one middleware that lets requests in or refuses them, whatever they begin (protocol.md, URLs, Grants)."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDictProxy
from yarl import URL

from gateway.access.caching import narrowed
from gateway.access.carriers import Carrier
from gateway.access.cookies import renewed
from gateway.access.decision import Asked, Verdict, decide, password_to_check
from gateway.access.needs import Need, need_of
from gateway.access.paths import Area, Target, parse_target
from gateway.access.proxies import Client
from gateway.access.refusal import Refusal
from gateway.access.standing import Standing, standing
from gateway.access.urls import path_form
from gateway.errors import (
    BadRequest,
    ClientError,
    Forbidden,
    GatewayError,
    NotFound,
    TooManyRequests,
    Unauthorized,
    UriTooLong,
)
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
        cached = response.headers.get("Cache-Control")
        if cached is not None and not response.prepared:
            response.headers["Cache-Control"] = self.cache_control(cached, verdict)
        fresh = None if verdict.session is None else self._gatekeeper.renewed_cookie(verdict.session)
        if fresh is not None and not response.prepared:
            set_session_cookie(request, response, fresh, base_path=self._gatekeeper.policy.base_path)
        return response

    def _client(self, request: web.Request) -> Client:
        return self.client(request.remote, request.headers, is_secure=request.secure)

    def client(self, remote: str | None, headers: CIMultiDictProxy[str], *, is_secure: bool) -> Client:
        """Who asks, at the other end of a connection or of the trusted proxies before it."""
        return self._gatekeeper.client(
            remote,
            forwarded_for=tuple(headers.getall("X-Forwarded-For", ())),
            forwarded_proto=tuple(headers.getall("X-Forwarded-Proto", ())),
            is_secure=is_secure,
        )

    @property
    def base_path(self) -> str:
        """Of the addresses that are judged."""
        return self._gatekeeper.policy.base_path

    def answers_to(self, host: str) -> bool:
        """Whether a request's Host is one of ours."""
        return self._gatekeeper.answers_to(host)

    def cache_control(self, cached: str, verdict: Verdict) -> str:
        """What caches may do with an answer to whoever got `verdict`."""
        return narrowed(cached, verdict, now=self._gatekeeper.clock.now())

    def let_in_again(self, asked: Asked, before: Standing | None, *, client: Client) -> Standing | None:
        """What lets a GET in that needs neither a password checked nor anything but pictures; None if anything does.

        `before` is what this said of the same address and headers.  The Host is the caller's to judge, once for all
        requests that have the same (`answers_to`).
        """
        keeper = self._gatekeeper
        try:
            keeper.limits.check_refused(client.address)
        except TooManyRequests:
            return None
        now, policy = keeper.clock.now(), keeper.policy
        if before is None or not before.holds(policy, now=now):
            if password_to_check(asked, policy) is not None:
                return None
            verdict = decide(asked, policy, now=now)
            before = standing(asked, verdict, policy) if verdict.need is Need.VIEW else None
        session = None if before is None else before.verdict.session
        # A cookie that is to be renewed goes with an answer of the application.
        return before if session is None or renewed(session, now=now) is None else None

    async def _judge(
        self, request: web.Request, asked: Asked, target: Target | Refusal, client: Client
    ) -> tuple[Verdict, str | None]:
        keeper = self._gatekeeper
        if isinstance(target, Target) and need_of(asked.method, target) is Need.MEDIA_SERVER:
            return self._judge_media_server(asked, client), None
        if not keeper.answers_to(request.headers.get("Host")):
            raise Forbidden(
                "This gateway is open and doesn't know itself by this name; "
                "use its address, or write the name as public_url",
                code="foreign_host",
            )
        if asked.method in _WRITES:
            keeper.limits.check_write(client.address)
        needs_something = isinstance(target, Target) and need_of(asked.method, target) is not Need.NOTHING
        if needs_something:
            keeper.limits.check_refused(client.address)
        policy = keeper.policy
        checked_user = None
        shown = password_to_check(asked, policy)
        if shown is not None and await keeper.check_password(*shown, address=client.address):
            checked_user = shown[0]
        verdict = decide(asked, policy, now=keeper.clock.now(), checked_user=checked_user)
        if verdict.status in (401, 403):
            keeper.limits.note_refused(client.address)
            _log.debug("%s: %s refused: %d", client.address, asked.method, verdict.status)
        return verdict, checked_user

    def _judge_media_server(self, asked: Asked, client: Client) -> Verdict:
        """Not limited: MediaMTX asks for all its viewers from one address, and no guess finds a random secret."""
        verdict = decide(asked, self._gatekeeper.policy, now=self._gatekeeper.clock.now())
        if verdict.refusal is not None:
            self._gatekeeper.limits.note_stranger_as_media_server(client.address)
        return verdict

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


def _tells_itself(verdict: Verdict) -> bool:
    """The page of a camera that is not there says so in its own words."""
    return verdict.status == 404 and verdict.target is not None and verdict.target.area is Area.CAMERA


def _error(refusal: Refusal) -> ClientError:
    return _ERRORS[refusal.status](refusal.message, code=refusal.code)
