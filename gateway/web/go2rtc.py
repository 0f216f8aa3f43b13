"""What go2rtc's clients ask besides signalling, Home Assistant's among them: version, streams, schemes."""

from __future__ import annotations

from aiohttp import web

from gateway import __version__
from gateway.errors import BadRequest, Forbidden
from gateway.web.cameras import visible_cameras

COMPATIBLE_VERSION = "1.9.13"
"""The go2rtc whose signalling is spoken; Home Assistant's client refuses anything below it."""


async def version(request: web.Request) -> web.Response:
    """`GET /api`."""
    return web.json_response({"version": COMPATIBLE_VERSION, "gateway": __version__})


async def streams(request: web.Request) -> web.Response:
    """`GET /api/streams`: every camera with its source, whose address is nobody's business here."""
    names = [camera.name for camera in visible_cameras(request)]
    return web.json_response({name: {"producers": [{"url": f"rtsp://camera/{name}"}]} for name in names})


async def put_stream(request: web.Request) -> web.Response:
    """`PUT /api/streams?name=&src=`: a camera that is configured stays as it is; clients repeat this at every start."""
    name = request.query.get("name")
    if not name:
        raise BadRequest("name: say which stream")
    if name not in {camera.name for camera in visible_cameras(request)}:
        raise Forbidden("Cameras are added in the gateway's configuration", code="read_only")
    return web.Response()


async def schemes(request: web.Request) -> web.Response:
    """`GET /api/schemes`: what a source may begin with."""
    return web.json_response(["rtsp", "rtsps"])


async def preload(request: web.Request) -> web.Response:
    """`GET /api/preload`: nothing is, as cameras that are not on demand are always open."""
    return web.json_response({})


ROUTES = [
    web.get("/api", version),
    web.get("/api/streams", streams),
    web.put("/api/streams", put_stream),
    web.get("/api/schemes", schemes),
    web.get("/api/preload", preload),
]
