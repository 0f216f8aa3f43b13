"""The pages: the grid, one camera, and the modules they are made of."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.errors import NotFound
from gateway.web.cameras import visible_cameras
from gateway.web.keys import REGISTRY

_PLACEHOLDER = "{{base}}"

_HEADERS = {"Cache-Control": "no-cache"}


class Pages:
    """Serves index.html with the base path of where it is shown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = (folder / "index.html").read_text(encoding="utf-8")

    @property
    def folder(self) -> Path:
        """Where the modules are."""
        return self._folder

    async def grid(self, request: web.Request) -> web.Response:
        """`/`: all cameras."""
        return self._page("./")

    async def camera(self, request: web.Request) -> web.Response:
        """`/{camera}/`: one camera.  The page itself says when there is none of that name."""
        name = request.match_info["camera"]
        known = any(camera.name == name for camera in visible_cameras(request))
        return self._page("../" * (name.count("/") + 1), status=200 if known else 404)

    async def to_camera(self, request: web.Request) -> web.Response:
        """`/{camera}` without its slash."""
        name = request.match_info["camera"]
        request.app[REGISTRY].find(name)
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        raise web.HTTPTemporaryRedirect(quote(name.rsplit("/", 1)[-1]) + "/" + query)

    def _page(self, base: str, *, status: int = 200) -> web.Response:
        return web.Response(
            text=self._index.replace(_PLACEHOLDER, base),
            status=status,
            content_type="text/html",
            charset="utf-8",
            headers=_HEADERS,
        )


# aiohttp decides on 304 and 206 after compression has begun, and then sends bytes that belong to no response.
_NOT_COMPRESSED = frozenset({"If-None-Match", "If-Modified-Since", "If-Range", "Range"})


@web.middleware
async def static_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let browsers keep modules but ask each time whether they changed."""
    if request.path.startswith("/static/"):
        await _require_file(request)
    response = await handler(request)
    if request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-cache")
        # The first screen has to fit a phone's slow link: a third of its size travels.
        packed = "Content-Encoding" in response.headers or response.status == HTTPStatus.NOT_MODIFIED
        if not packed and not any(name in request.headers for name in _NOT_COMPRESSED):
            response.enable_compression()
    return response


async def _require_file(request: web.Request) -> None:
    """Raise NotFound, which aiohttp itself would answer with an empty body."""
    resource = request.match_info.route.resource
    directory = resource.get_info().get("directory") if resource is not None else None
    if directory is not None and not await asyncio.to_thread((directory / request.match_info["filename"]).is_file):
        raise NotFound("There is no such file")
