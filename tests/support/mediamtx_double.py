"""An HTTP double of MediaMTX 1.20: what its HLS, API and auth hook do as far as the gateway relies on it.

Written after its sources (internal/servers/hls/http_server.go and session.go, internal/api, internal/auth/manager.go);
tests/e2e/test_mediamtx.py asks the real one the same.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.support.nginx import free_port

_HOOK_TIMEOUT_S: Final = 10.0
_UNAUTHORIZED: Final = {"status": "error", "error": "authentication error"}


@dataclass(slots=True)
class ListedAs:
    """One of its paths."""

    ready: bool = True
    source: str | None = "rtspSource"


@dataclass(slots=True)
class Session:
    """Somebody who watches."""

    id: str
    path: str
    query: str
    is_cdn: bool = False


@dataclass(slots=True)
class Double:
    """Its state, which a test changes as it likes."""

    hook: str
    hook_headers: dict[str, str]
    port: int = field(default_factory=free_port)
    paths: dict[str, ListedAs] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    kicked: list[str] = field(default_factory=list)
    api_status: int = 200
    _runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """Of HLS and API alike."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """As after a crash or for the first time: no session is known."""
        self.sessions.clear()
        app = web.Application()
        app.add_routes(
            [
                web.get("/v3/{list:paths|hlssessions}/list", self._list),
                web.post("/v3/hlssessions/kick/{id}", self._kick),
                web.get("/{path:.+}/index.m3u8", self._multivariant),
                web.get("/{path:.+}/{file}", self._child),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def die(self) -> None:
        """Nothing listens any more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def idle(self) -> None:
        """30 s in which nobody asked for anything."""
        self.sessions.clear()

    async def _allowed(self, **question: str) -> bool:
        """A connection of its own for each question, as MediaMTX makes them."""
        empty = dict.fromkeys(("user", "password", "token", "action", "path", "protocol", "query"), "")
        body = {"ip": "127.0.0.1", "id": None, "userAgent": "", **empty, **question}
        self.asked.append(body)
        timeout = aiohttp.ClientTimeout(total=_HOOK_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(self.hook, json=body, headers=self.hook_headers) as response,
        ):
            return 200 <= response.status < 300

    async def _multivariant(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        query = sorted((name, value) for name, value in request.query.items())
        if ("cookieCheck", "1") not in query:
            again = urlencode(sorted([*query, ("cookieCheck", "1")]))
            return web.Response(status=302, headers={"Location": f"/{path}/index.m3u8?{again}"})
        query.remove(("cookieCheck", "1"))
        shown = urlencode(query)
        session_id = str(uuid.uuid4())
        if not await self._allowed(action="read", protocol="hls", path=path, query=shown, id=session_id):
            return web.json_response(_UNAUTHORIZED, status=401)
        if path not in self.paths or not self.paths[path].ready:
            return web.json_response(
                {"status": "error", "error": f"no stream is available on path '{path}'"}, status=404
            )
        secret = str(uuid.uuid4())
        self.sessions[secret] = Session(session_id, path, shown)
        child = urlencode(sorted([*query, ("session", secret)]))
        return web.Response(text=f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo1_stream.m3u8?{child}\n")

    async def _child(self, request: web.Request) -> web.Response:
        session = self.sessions.get(request.query.get("session", ""))
        if session is None or session.path != request.match_info["path"]:
            return web.json_response(_UNAUTHORIZED, status=401)
        return web.Response(text="#EXTM3U\n")

    async def _api_user(self, request: web.Request) -> bool:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        user, _, password = base64.b64decode(value).decode().partition(":")
        return await self._allowed(action="api", user=user, password=password)

    async def _list(self, request: web.Request) -> web.Response:
        if self.api_status != 200:
            return web.Response(status=self.api_status)
        if not await self._api_user(request):
            return web.json_response(_UNAUTHORIZED, status=401)
        items = self._paths() if request.match_info["list"] == "paths" else self._sessions()
        size, page = int(request.query.get("itemsPerPage", "100")), int(request.query.get("page", "0"))
        shown = items[page * size : (page + 1) * size]
        return web.json_response({"itemCount": len(items), "pageCount": -(-len(items) // size), "items": shown})

    def _paths(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "ready": path.ready,
                "available": path.ready,
                "source": None if path.source is None else {"type": path.source, "id": ""},
            }
            for name, path in sorted(self.paths.items())
        ]

    def _sessions(self) -> list[dict[str, Any]]:
        return [
            {"id": session.id, "path": session.path, "query": session.query, "isCDN": session.is_cdn}
            for session in self.sessions.values()
        ]

    async def _kick(self, request: web.Request) -> web.Response:
        if not await self._api_user(request):
            return web.json_response(_UNAUTHORIZED, status=401)
        found = [secret for secret, session in self.sessions.items() if session.id == request.match_info["id"]]
        for secret in found:
            del self.sessions[secret]
        self.kicked.append(request.match_info["id"])
        return web.json_response({"status": "ok"}, status=200 if found else 404)


@asynccontextmanager
async def mediamtx_double(*, gateway_port: int, secret: str) -> AsyncIterator[Double]:
    """A double beside a gateway on `gateway_port` of 127.0.0.1; not started yet."""
    headers = {"Authorization": aiohttp.encode_basic_auth("mediamtx", secret)}
    double = Double(f"http://127.0.0.1:{gateway_port}/api/mediamtx/auth", headers)
    try:
        yield double
    finally:
        await double.die()
