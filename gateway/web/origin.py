"""Which sites' pages may use the gateway: foreign ones are refused, allowed ones get CORS and may frame it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gateway.errors import Forbidden
from gateway.web.gatekeeper import Surroundings

_EXPOSED: Final = "Location, ETag, Link, Accept-Patch"
_METHODS: Final = "GET, POST, PATCH, DELETE, OPTIONS"
_REQUEST_HEADERS: Final = "Authorization, Content-Type, If-Match"
_PREFLIGHT_AGE_S: Final = 600
_COMMON: Final[Mapping[str, str]] = {
    # Versions help only those who look for holes.
    "Server": "camera-gateway",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_KEPT: Final = frozenset({"X-Content-Type-Options", "Referrer-Policy"})
"""A handler may have said more."""


def same_origin(origin: str, host: str) -> bool:
    """Whether an Origin header names the host the request was sent to; the scheme may differ behind a proxy."""
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(netloc) and netloc.lower() == host.lower()


class Origins:
    """The rules for one gateway."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._allowed = surroundings.origins
        base_url = surroundings.base_url
        self._own = None if base_url is None else "://".join(urlsplit(base_url)[:2])
        elsewhere = "".join(f" {origin}" for origin in sorted(surroundings.hls_origins))
        ancestors = " ".join(("'self'", *sorted(self._allowed)))
        self.content_security_policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
            f"connect-src 'self'{elsewhere}; media-src 'self' blob:{elsewhere}; font-src 'self'; base-uri 'self'; "
            "form-action 'self'; "
            f"frame-ancestors {ancestors}"
        )

    @property
    def middleware(self) -> Middleware:
        """403 for an Origin that is not ours.  Absent is fine: programs send none, and browsers none to their page."""

        @web.middleware
        async def check_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            if not self.may_use(origin, request.host):
                raise Forbidden(
                    "This page belongs to another site, which may not use this gateway", code="foreign_origin"
                )
            is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
            if is_preflight and not self._is_own(origin, request.host):
                return web.Response(
                    status=204,
                    headers={
                        "Access-Control-Allow-Methods": _METHODS,
                        "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                        "Access-Control-Max-Age": str(_PREFLIGHT_AGE_S),
                    },
                )
            return await handler(request)

        return check_origin

    def may_use(self, origin: str | None, host: str) -> bool:
        """Whether the page that a request comes from, if it names one, may use a gateway reached as `host`."""
        return self._is_own(origin, host) or origin in self._allowed

    def _is_own(self, origin: str | None, host: str) -> bool:
        return origin is None or same_origin(origin, host) or origin == self._own

    def headers_for(self, origin: str | None) -> Mapping[str, str]:
        """What every answer says to a page of `origin`, besides `Vary: Origin` where `varies`."""
        if origin not in self._allowed:
            return _COMMON
        return {**_COMMON, "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}

    @property
    def varies(self) -> bool:
        """Whether answers differ for pages of different sites."""
        return bool(self._allowed)

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """What every answer says to browsers."""
        headers = response.headers
        for name, value in self.headers_for(request.headers.get("Origin")).items():
            if name in _KEPT:
                headers.setdefault(name, value)
            else:
                headers[name] = value
        if response.content_type == "text/html":
            headers.setdefault("Content-Security-Policy", self.content_security_policy)
        if self.varies:
            headers.add("Vary", "Origin")
