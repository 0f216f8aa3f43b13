"""`/healthz` and `/readyz`: whether the gateway itself works; a dead camera fails neither."""

from __future__ import annotations

from aiohttp import web

READY: web.AppKey[list[bool]] = web.AppKey("ready", list)


async def healthz(request: web.Request) -> web.Response:
    """The event loop is alive: it answered."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """The media port is open and cameras are being read."""
    ready = bool(request.app[READY])
    return web.json_response(
        {"status": "ok" if ready else "starting"}, status=200 if ready else 503, headers={"Cache-Control": "no-store"}
    )
