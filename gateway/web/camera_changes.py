"""`PUT`, `PATCH`, `DELETE /api/cameras/{camera}`: administrators add, change and remove cameras."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

from aiohttp import web

from gateway.access.principal import Principal
from gateway.access.sources import forbidden
from gateway.config import CameraConfig, CameraUrl, SourcesConfig
from gateway.errors import BadRequest, Forbidden, NotFound, Unavailable, Unprocessable
from gateway.names import describe_conflict, parse_camera_name, prefix_conflicts
from gateway.web.added_cameras import MAX_CAMERAS, camera_values, parse_camera, write_added
from gateway.web.keys import CLIENT, principal_of
from gateway.webrtc.whep import read_body

_log = logging.getLogger(__name__)

_MAX_BODY_BYTES: Final = 16 * 1024
_RESOLVE_DEADLINE_S: Final = 5.0
_Changed = TypeVar("_Changed")


@dataclass(frozen=True, slots=True)
class Changes:
    """What the wiring does with a camera: `add` begins to read it, `remove` ends all that watches it."""

    add: Callable[[str, CameraConfig], None]
    remove: Callable[[str], Awaitable[None]]


class CameraChanges:
    """Cameras of the configuration and those `found` at MediaMTX stay as they are; those added are kept in `file`."""

    def __init__(
        self,
        rules: SourcesConfig,
        changes: Changes,
        *,
        configured: Mapping[str, CameraConfig],
        added: dict[str, CameraConfig],
        file: Path | None,
        found: Mapping[str, CameraConfig] | None = None,
    ) -> None:
        self._rules = rules
        self._changes = changes
        self._configured = configured
        self._added = added
        self._file = file
        self._found = {} if found is None else found
        # One after another: each checks names against what is there, and writes the file.
        self.lock = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()

    @classmethod
    def refusing(cls) -> CameraChanges:
        """Where only the configuration changes cameras."""

        async def remove(_: str) -> None:
            return

        return cls(SourcesConfig(), Changes(lambda _, __: None, remove), configured={}, added={}, file=None)

    def routes(self) -> list[web.RouteDef]:
        """Those that change cameras."""
        path = "/api/cameras/{camera:.+}"
        return [web.put(path, self.put), web.patch(path, self.patch), web.delete(path, self.delete)]

    async def put(self, request: web.Request) -> web.Response:
        """PUT: a camera as in gateway.yml, as JSON; 201 if it is new, else 200."""
        return await self._write(request, merge=False)

    async def patch(self, request: web.Request) -> web.Response:
        """PATCH: only what is to change; null means the default."""
        return await self._write(request, merge=True)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE: 204, and whoever watched it doesn't any more."""
        name = self._changeable(request)
        await self._whole(self._delete(name))
        _log.info("%s: removed by %s from %s", name, principal_of(request).name, request[CLIENT].address)
        return web.Response(status=204)

    async def close(self) -> None:
        """Wait for what has begun."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _whole(self, change: Coroutine[Any, Any, _Changed]) -> _Changed:
        """The change is made to its end, whether or not whoever asked for it is still there."""
        task = asyncio.create_task(change, name="change of a camera")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_tell_nobody_waits)
            raise

    async def _delete(self, name: str) -> None:
        async with self.lock:
            if name not in self._added:
                raise NotFound.camera(name)
            await self._save({known: camera for known, camera in self._added.items() if known != name})
            del self._added[name]
            await self._changes.remove(name)

    async def _write(self, request: web.Request, *, merge: bool) -> web.Response:
        name = self._changeable(request)
        values = _object(await read_body(request, limit=_MAX_BODY_BYTES))
        old, camera = await self._whole(self._replace(name, values, principal_of(request), merge=merge))
        _log.info("%s: written by %s from %s", name, principal_of(request).name, request[CLIENT].address)
        body = {"name": name, **camera_values(camera), "source": camera.source.redacted}
        body["substream"] = None if camera.substream is None else camera.substream.redacted
        return web.json_response(body, status=201 if old is None else 200, headers={"Cache-Control": "no-store"})

    async def _replace(
        self, name: str, values: dict[str, Any], principal: Principal, *, merge: bool
    ) -> tuple[CameraConfig | None, CameraConfig]:
        """The camera as it was, None if there was none, and as it is."""
        async with self.lock:
            old = self._added.get(name)
            if merge:
                if old is None:
                    raise NotFound.camera(name)
                values = {**camera_values(old), **values}
            elif old is None:
                self._check_name(name, principal)
            camera = await self._checked(values)
            await self._save({**self._added, name: camera})
            if old is not None:
                await self._changes.remove(name)
            self._added[name] = camera
            self._changes.add(name, camera)
        return old, camera

    def _changeable(self, request: web.Request) -> str:
        if not self._rules.by_api or self._file is None:
            raise Forbidden(
                "Cameras are changed in the gateway's configuration; "
                "sources.by_api: true lets administrators do it here",
                code="read_only",
            )
        name = request.match_info["camera"]
        if name in self._configured:
            raise Forbidden("This camera stands in the gateway's configuration; change it there", code="read_only")
        if name in self._found:
            raise Forbidden("This camera comes from MediaMTX; change it there", code="read_only")
        return name

    def _check_name(self, name: str, principal: Principal) -> None:
        if len(self._added) >= MAX_CAMERAS:
            raise Unprocessable(f"There are {MAX_CAMERAS} cameras already", code="too_many_cameras")
        try:
            parse_camera_name(name)
        except ValueError as error:
            raise Unprocessable(str(error), code="bad_name") from None
        for pair in prefix_conflicts([name, *self._configured, *self._found, *self._added]):
            # An administrator of some cameras learns no other's name.
            named = all(principal.may_administer(one) for one in pair)
            message = describe_conflict(*pair) if named else "This name collides with another camera's: choose another"
            raise Unprocessable(message, code="bad_name")

    async def _checked(self, values: Mapping[str, Any]) -> CameraConfig:
        try:
            camera = parse_camera(values)
        except ValueError as error:
            raise Unprocessable(str(error), code="bad_camera") from None
        source = await self._pinned("source", camera.source)
        substream = None if camera.substream is None else await self._pinned("substream", camera.substream)
        return camera.model_copy(update={"source": source, "substream": substream})

    async def _pinned(self, key: str, url: CameraUrl) -> CameraUrl:
        """The address with its host resolved and checked: a name could lead elsewhere the next time it is asked."""
        parts = urlsplit(url.reveal())
        if parts.scheme not in self._rules.schemes:
            raise Unprocessable(f"{key}: only {', '.join(self._rules.schemes)} can be added here", code="bad_source")
        host = parts.hostname or ""
        try:
            async with asyncio.timeout(_RESOLVE_DEADLINE_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            raise Unprocessable(f"{key}: its host can't be found", code="bad_source") from None
        addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            reason = forbidden(address, self._rules.networks)
            if reason is not None:
                raise Unprocessable(f"{key}: its address {reason}", code="bad_source")
        address = addresses[0]
        location = f"[{address}]" if address.version == 6 else str(address)
        userinfo, at, _ = parts.netloc.rpartition("@")
        port = f":{parts.port}" if parts.port else ""
        return CameraUrl(urlunsplit(parts._replace(netloc=f"{userinfo}{at}{location}{port}")))

    async def _save(self, cameras: Mapping[str, CameraConfig]) -> None:
        assert self._file is not None  # noqa: S101  checked by _changeable
        try:
            await asyncio.to_thread(write_added, self._file, cameras)
        except OSError as error:
            _log.error("%s: can't be written: %s", self._file, error.strerror)
            raise Unavailable("The cameras can't be kept: the gateway's state directory can't be written") from None


def _tell_nobody_waits(change: asyncio.Task[Any]) -> None:
    """Who asked for the change has left; what became of it is in the log."""
    if change.cancelled():
        return
    error = change.exception()
    if error is None:
        _log.info("a camera was changed for somebody who did not wait for the answer")
    else:
        _log.warning("a camera was not changed for somebody who did not wait for the answer", exc_info=error)


def _object(body: str) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON") from None
    if isinstance(values, str):
        return {"source": values}
    if not isinstance(values, dict):
        raise BadRequest('The body must be an address, or {"source": "rtsp://…", …} with the keys of gateway.yml')
    return values
