"""Refuses requests that a foreign page makes in a viewer's name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from gateway.errors import Forbidden

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def same_origin(origin: str, host: str) -> bool:
    """Whether an Origin header names the host the request was sent to; the scheme may differ behind a proxy."""
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(netloc) and netloc.lower() == host.lower()


@web.middleware
async def refuse_foreign_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 for an Origin that is not ours.  Absent is fine: programs send none, and browsers none to their own page."""
    origin = request.headers.get("Origin")
    if origin is not None and not same_origin(origin, request.host):
        raise Forbidden("This page belongs to another site, which may not use this gateway", code="foreign_origin")
    return await handler(request)
