"""Turns every failure into the one JSON body, or into a page where a person looks at it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.errors import GatewayError, RangeNotSatisfiable
from gateway.sparing import SparingLog

_log = SparingLog(logging.getLogger(__name__))

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 400: "bad_request"}


def failure(error: GatewayError) -> web.Response:
    """The response for one of our errors."""
    # What is not there now may be in a moment: the next part of a playlist is.
    headers = {"Cache-Control": "no-store"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    response = web.json_response(error.body(), status=error.status, headers=headers)
    for link in error.links:
        response.headers.add("Link", link)
    return response


@web.middleware
async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors as JSON; nothing unforeseen reaches the client in words."""
    try:
        return await handler(request)
    except GatewayError as error:
        return failure(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _plain(error)
    except ConnectionResetError:
        raise
    except Exception as error:  # noqa: BLE001  the last resort, logged with its traceback
        kind = f"{type(error).__qualname__} {_route(request)}"
        _log.exception("%s %s failed", request.method, request.rel_url.path, kind=kind)
        return web.json_response(
            {"error": {"code": "internal", "message": "Something went wrong in the gateway; its log says more"}},
            status=500,
        )


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _plain(error: web.HTTPException) -> web.Response:
    code = _CODES.get(error.status, "error")
    body = json.dumps({"error": {"code": code, "message": error.reason}})
    headers = {name: value for name, value in error.headers.items() if name in ("Allow", "Location")}
    return web.Response(status=error.status, text=body, content_type="application/json", headers=headers)
