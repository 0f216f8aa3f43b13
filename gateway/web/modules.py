"""Serves the page's modules lean: the comments and indentation that help us read need not travel to a phone."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from gateway.errors import NotFound

_COMMENT = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/[ \t]*$|//[^\n]*$)", re.DOTALL | re.MULTILINE)
_BLANK = re.compile(r"^[ \t]*\n|^[ \t]+", re.MULTILINE)


def lean(source: str) -> str:
    """A module whose comments on lines of their own (`/** … */` and `// …`) are gone, its empty lines and indentation.

    Comments behind code stay.  Nothing in the page's modules looks like one inside a text over several lines, which
    a test makes sure of; such texts are styles and markup, to which indentation means nothing.
    """
    return _BLANK.sub("", _COMMENT.sub("", source))


@dataclass(frozen=True, slots=True)
class _Module:
    changed_ns: int
    body: bytes
    packed: bytes
    etag: str


class Modules:
    """Belongs to the event loop's thread.  Keeps what it has read until the file changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, _Module] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """`/static/….js`: 304 for who has it, raises NotFound."""
        path = (self._folder / request.match_info["module"]).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise NotFound("There is no such file")
        try:
            module = await asyncio.to_thread(_read, path, self._known.get(path))
        except OSError:
            raise NotFound("There is no such file") from None
        self._known[path] = module
        packs = "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {"ETag": f'"{module.etag}{"-gz" if packs else ""}"', "Vary": "Accept-Encoding"}
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if packs:
            headers["Content-Encoding"] = "gzip"
        body = module.packed if packs else module.body
        return web.Response(body=body, content_type="text/javascript", charset="utf-8", headers=headers)


def _read(path: Path, known: _Module | None) -> _Module:
    changed_ns = path.stat().st_mtime_ns
    if known is not None and known.changed_ns == changed_ns:
        return known
    body = lean(path.read_text(encoding="utf-8")).encode()
    return _Module(changed_ns, body, gzip.compress(body, 9, mtime=0), hashlib.sha256(body).hexdigest()[:16])
