"""The only wiring: builds the gateway's parts from a configuration, runs them, takes them down."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

from aiohttp import web

from gateway.assets import static_dir
from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.config import CameraConfig, CameraUrl, Config
from gateway.config.model import HlsMode
from gateway.demo.process import spawn_demo_cameras
from gateway.errors import ConfigError, PortInUse
from gateway.hls.packager import Lengths
from gateway.hls.routes import Hls
from gateway.names import RESERVED_FIRST
from gateway.observe.health import READY, healthz, readyz
from gateway.relay.camera import Camera
from gateway.relay.registry import Registry
from gateway.relay.still import Stills
from gateway.source.settings import SourceSettings
from gateway.web import go2rtc
from gateway.web.cameras import camera_json, get_camera, list_cameras
from gateway.web.failures import failures
from gateway.web.keys import CLOCK, HLS, REGISTRY, SESSIONS
from gateway.web.origin import refuse_foreign_origin
from gateway.web.pages import Pages, static_headers
from gateway.web.sessions import get_session, kick_session, list_sessions
from gateway.web.snapshot import Snapshots
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.port import MediaPort
from gateway.webrtc.sessions import Caps, Sessions
from gateway.webrtc.whep import Whep
from gateway.webrtc.ws import SignallingRoute

_log = logging.getLogger(__name__)

_SHUTDOWN_S = 5.0


def source_settings(config: Config) -> dict[str, SourceSettings]:
    """The enabled cameras as the source wants them."""
    return {
        name: SourceSettings(
            source=camera.source.reveal(),
            substream=None if camera.substream is None else camera.substream.reveal(),
            transport=camera.transport.value,
            on_demand=camera.on_demand,
            clock=camera.clock.value,
        )
        for name, camera in config.cameras.items()
        if camera.enabled
    }


class Gateway:
    """A running gateway: media port, cameras, sessions, HTTP."""

    def __init__(self, config: Config, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._config = config
        self._clock = clock
        self._stack = contextlib.AsyncExitStack()
        self.port = MediaPort(clock=clock)
        self.registry = Registry(source_settings(config), clock=clock)
        self.sessions: Sessions | None = None
        self.address = ""
        self.http_port = 0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        await self.port.open(self._config.webrtc.port)
        self._stack.push_async_callback(self.port.close)
        addresses = Addresses(self.port, self._config.webrtc.advertise)
        self._stack.push_async_callback(addresses.close)
        await addresses.start()
        webrtc = self._config.webrtc
        caps = Caps(webrtc.max_viewers, webrtc.max_viewers_per_camera)
        self.sessions = Sessions(self.port, addresses, caps, clock=self._clock)
        self._stack.push_async_callback(self.registry.close)
        self._stack.push_async_callback(self.sessions.close)
        hls = hls_of(self._config, self.registry, clock=self._clock)
        await self._listen(build_app(self.registry, self.sessions, clock=self._clock, folder=static_dir(), hls=hls))
        self.registry.start()

    async def _listen(self, app: web.Application) -> None:
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        listen = self._config.listen
        site = web.TCPSite(runner, listen.host, listen.port)
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(key="listen", address=str(listen)) from None
            raise ConfigError(f"listen: {listen} can't be opened: {error.strerror or error}") from None
        self.http_port = runner.addresses[0][1]
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        shown = "127.0.0.1" if listen.host in ("0.0.0.0", "::") else host  # noqa: S104  only shown
        self.address = f"http://{shown}:{self.http_port}/"


def hls_of(config: Config, registry: Registry, *, clock: Clock) -> Hls | None:
    """HLS as configured; None where it is switched off."""
    hls = config.hls
    if hls.mode is HlsMode.OFF:
        return None
    lengths = Lengths(part_s=hls.part, segment_s=hls.segment, segments=hls.segments)
    return Hls(registry.find, lengths, clock=clock, always=tuple(registry) if hls.always else ())


def build_app(
    registry: Registry, sessions: Sessions, *, clock: Clock, folder: Path, hls: Hls | None = None
) -> web.Application:
    """The HTTP application over running parts."""
    app = web.Application(middlewares=[failures, refuse_foreign_origin, static_headers])
    app[REGISTRY] = registry
    app[SESSIONS] = sessions
    app[CLOCK] = clock
    app[HLS] = hls
    app[READY] = []

    def describe(camera: Camera) -> dict[str, object]:
        return camera_json(camera, sessions, hls)

    signalling = SignallingRoute(sessions, registry.find, describe=describe, clock=clock)
    whep = Whep(sessions, registry.find)
    pages = Pages(folder)
    stills = Stills()
    snapshots = Snapshots(stills)
    # Nothing below the gateway's own words can be a camera.
    camera = rf"/{{camera:(?!(?:{'|'.join(sorted(RESERVED_FIRST))})(?:/|$))[^/].*?}}"
    app.add_routes(
        [
            web.get("/", pages.grid),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.static("/static", pages.folder, append_version=False),
            *go2rtc.ROUTES,
            web.get("/api/ws", signalling.handle),
            web.get("/api/sessions", list_sessions),
            web.get("/api/sessions/{session}", get_session),
            web.delete("/api/sessions/{session}", kick_session),
            web.get("/api/cameras", list_cameras),
            web.get("/api/cameras/{camera:.+}", get_camera),
            web.get("/api/frame.jpeg", snapshots.frame),
            *(hls.routes() if hls is not None else ()),
            *whep.routes(),
            web.get(camera + "/snapshot.jpg", snapshots.snapshot),
            web.get(camera + "/", pages.camera),
            web.get(camera, pages.to_camera),
        ]
    )

    async def ready(_: web.Application) -> AsyncIterator[None]:
        app[READY].append(True)
        if hls is not None:
            hls.start()
        yield
        app[READY].clear()

    async def close_sockets(_: web.Application) -> None:
        if hls is not None:
            hls.close()
        await signalling.close()
        stills.close()

    app.cleanup_ctx.append(ready)
    app.on_shutdown.append(close_sockets)
    return app


async def serve(config: Config, *, started: Callable[[Gateway], None] | None = None) -> None:
    """Run a gateway until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Gateway(config) as gateway:
        if started is not None:
            started(gateway)
        await stop.wait()
        _log.info("stopping")


def run(config: Config, *, demo: bool = False) -> int:
    """Run until stopped by a signal; returns the exit code.  `demo` brings its own cameras."""
    asyncio.run(_run_demo(config) if demo else serve(config, started=_say_where))
    return 0


async def _run_demo(config: Config) -> None:
    try:
        process = await spawn_demo_cameras()
    except RuntimeError as error:
        raise ConfigError(str(error)) from None
    async with process as cameras_process:
        cameras = {name: CameraConfig(source=CameraUrl(url)) for name, url in cameras_process.urls.items()}
        await serve(config.model_copy(update={"cameras": cameras}), started=_say_where)


def _say_where(gateway: Gateway) -> None:
    print(f"camera-gateway: watch {len(gateway.registry)} cameras at {gateway.address}", flush=True)  # noqa: T201
