"""Talks to MediaMTX over HTTP: its API, and whether its HLS answers; every request has a deadline."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import aiohttp

from gateway.access.media_server import GATEWAY_USER
from gateway.mediamtx.lists import (
    MOST_PAGES,
    PAGE_SIZE,
    HlsSession,
    ListedPath,
    parse_page,
    parse_path,
    parse_session,
    parsed,
)

DEADLINE_S: Final = 1.5
_MAX_PAGE_BYTES: Final = 8 * 1024 * 1024


class ApiAway(Exception):
    """MediaMTX's API did not answer as it should, in a sentence without secrets."""


class MediaMtxApi:
    """Opened in a running event loop; `close` it."""

    def __init__(self, *, hls: str | None, api: str | None, secret: str | None) -> None:
        """`hls` and `api` are addresses without a slash at their end; `secret` is what the gateway shows the API."""
        self._hls = hls
        self._api = api
        self._headers = {}
        if secret is not None:
            self._headers["Authorization"] = aiohttp.encode_basic_auth(GATEWAY_USER, secret)
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=DEADLINE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=4),
        )

    async def close(self) -> None:
        """Ends all connections."""
        await self._http.close()

    async def serves_hls(self) -> bool:
        """Whether the HLS server answers at all; what it says of `/` is nothing."""
        try:
            async with self._http.get(f"{self._hls}/", allow_redirects=False) as response:
                return response.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def paths(self) -> list[ListedPath]:
        """All paths; raises ApiAway."""
        return parsed(await self._list("paths"), parse_path)

    async def hls_sessions(self) -> list[HlsSession]:
        """All HLS sessions; raises ApiAway."""
        return parsed(await self._list("hlssessions"), parse_session)

    async def kick(self, session: HlsSession) -> None:
        """Ends a session, which may be over already; raises ApiAway."""
        await self._ask("POST", f"hlssessions/kick/{session.id}", may_be_gone=True)

    async def _list(self, what: str) -> tuple[dict[str, Any], ...]:
        items: list[dict[str, Any]] = []
        for number in range(MOST_PAGES):
            body = await self._ask("GET", f"{what}/list?itemsPerPage={PAGE_SIZE}&page={number}")
            try:
                page = parse_page(json.loads(body))
            except (ValueError, RecursionError):
                raise ApiAway(f"MediaMTX's API says something else than a list of {what}") from None
            items += page.items
            if number + 1 >= page.page_count:
                break
        return tuple(items)

    async def _ask(self, method: str, path: str, *, may_be_gone: bool = False) -> bytes:
        url = f"{self._api}/v3/{path}"
        try:
            async with self._http.request(method, url, headers=self._headers, allow_redirects=False) as response:
                if response.status == 401:
                    raise ApiAway("MediaMTX's API refuses the gateway: mediamtx.hook_secret must be the same at both")
                if response.status >= 300 and not (may_be_gone and response.status == 404):
                    raise ApiAway(f"MediaMTX's API answers {response.status}")
                return await _limited(response)
        except TimeoutError:
            raise ApiAway(f"MediaMTX's API has not answered in {DEADLINE_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ApiAway(f"MediaMTX's API can't be reached: {type(error).__name__}") from None


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_chunked(65536):
        body += piece
        if len(body) > _MAX_PAGE_BYTES:
            raise ApiAway("MediaMTX's API answers without end")
        await asyncio.sleep(0)
    return bytes(body)
