"""`GET /api/openapi.json`: what the HTTP API is, for programs."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from aiohttp import web


@cache
def _document() -> bytes:
    return files("gateway.web").joinpath("openapi.json").read_bytes()


async def openapi(request: web.Request) -> web.Response:
    """OpenAPI 3.1; tests compare it with the routes and with what they answer."""
    return web.Response(body=_document(), content_type="application/json", headers={"Cache-Control": "no-cache"})
