"""The only wiring: builds the gateway's parts from a configuration, runs them, takes them down."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Self

from aiohttp import web

from gateway.access.first_start import make_folder, state_directory
from gateway.assets import static_dir
from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.config import CameraConfig, Config
from gateway.configured import hls_of, settings_of, source_settings, turn_of
from gateway.edge_setup import edges_of, places_behind
from gateway.edges.watch import EdgeWatch
from gateway.entrance import open_entrance
from gateway.errors import ConfigError, PortInUse
from gateway.hls.mse import Mse
from gateway.hls.routes import Hls
from gateway.names import RESERVED_FIRST
from gateway.negotiate.turn import Turn
from gateway.neighbour import Household, Neighbour, open_neighbour
from gateway.observe.health import READY, healthz, readyz
from gateway.observe.reports import Reports
from gateway.relay.camera import Camera
from gateway.relay.registry import Registry
from gateway.relay.still import Stills
from gateway.teardown import Teardown
from gateway.web import go2rtc
from gateway.web.added_cameras import FILE, read_added
from gateway.web.admission import Admission
from gateway.web.camera_changes import CameraChanges, Changes
from gateway.web.cameras import Ways, camera_json, get_camera, list_cameras
from gateway.web.failures import failures
from gateway.web.gatekeeper import Gatekeeper
from gateway.web.keys import CLIENT, GATEKEEPER, HLS, MSE, REGISTRY, REPORTS, SESSIONS, STILLS
from gateway.web.login import Login
from gateway.web.modules import Modules
from gateway.web.negotiation import EmbeddedHls, HlsPlaces, Negotiation
from gateway.web.notices import Notices
from gateway.web.openapi import openapi
from gateway.web.origin import Origins
from gateway.web.pages import Pages, static_headers
from gateway.web.reports import Reporting
from gateway.web.sessions import get_session, kick_session, list_sessions
from gateway.web.shortcut import SHORTCUT, Shortcut
from gateway.web.signing import Signing
from gateway.web.site import Site
from gateway.web.slow_clients import HEARD, Heard, SlowClients, hear
from gateway.web.snapshot import Snapshots
from gateway.web.tls import tls_context
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.asking import Answers
from gateway.webrtc.candidates import host_literal
from gateway.webrtc.permission import PERMIT
from gateway.webrtc.port import MediaPort
from gateway.webrtc.room import Caps
from gateway.webrtc.sessions import Sessions
from gateway.webrtc.signalling import Caller
from gateway.webrtc.whep import Whep
from gateway.webrtc.ws import SignallingRoute

_log = logging.getLogger(__name__)

# aiohttp waits this long for requests, and as long again once it has cancelled them.
_SHUTDOWN_S = 1.0
_KEEPALIVE_S = 30.0
_MAX_LINE_BYTES = 8190
_MAX_HEADERS = 64


class Gateway:
    """A running gateway: media port, cameras, sessions, HTTP."""

    def __init__(
        self,
        config: Config,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        access_clock: Clock | None = None,
    ) -> None:
        """`environment` says where the state directory is; `access_clock` is what rights expire by, if not `clock`.

        Raises ConfigError if keys can't be read or made.
        """
        self._config = config
        self.entrance = open_entrance(config, environment=environment or {}, clock=access_clock or clock)
        self.gatekeeper = self.entrance.gatekeeper
        self._clock = clock
        self._teardown = Teardown()
        self.port = MediaPort(clock=clock)
        self._added_file: Path | None = None
        self._added: dict[str, CameraConfig] = {}
        self._found: dict[str, CameraConfig] = {}
        self.neighbour = Neighbour()
        self.edges: EdgeWatch | None = None
        if config.sources.by_api:
            folder = state_directory(environment or {})
            make_folder(folder)
            self._added_file = folder / FILE
            self._added = read_added(self._added_file, configured=config.cameras)
        added = {name: settings_of(camera) for name, camera in self._added.items() if camera.enabled}
        self.registry = Registry(source_settings(config) | added, clock=clock)
        self.sessions: Sessions | None = None
        self._app: web.Application | None = None
        self.address = ""
        self.http_port = 0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._teardown.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._teardown.close()

    async def _start(self) -> None:
        await self.port.open(self._config.webrtc.port)
        self._teardown.add("the media port", self.port.close, last=True)
        addresses = Addresses(self.port, self._config.webrtc.advertise)
        self._teardown.add("advertised addresses", addresses.close)
        await addresses.start()
        webrtc = self._config.webrtc
        caps = Caps(webrtc.max_viewers, webrtc.max_viewers_per_camera)
        self.sessions = Sessions(self.port, addresses, caps, clock=self._clock)
        self._teardown.add("cameras", self.registry.close)
        self._tell_cameras()
        self.gatekeeper.start()
        self._teardown.add("access control", self.gatekeeper.close)
        changes = self._camera_changes()
        self._teardown.add("changes of cameras", changes.close)
        household = Household(self._changes, changes.lock, (self._config.cameras, self._added), self._found)
        self.neighbour = open_neighbour(self._config, self.gatekeeper, household, clock=self._clock)
        if self.neighbour.server is not None:
            self._teardown.add("MediaMTX", self.neighbour.server.close)
        hls = hls_of(self._config, self.registry, clock=self._clock, elsewhere=self.neighbour.hls)
        self.edges = edges_of(self._config)
        if self.edges is not None:
            self._teardown.add("edges", self.edges.close)
        self._app = build_app(
            self.registry,
            self.sessions,
            self.gatekeeper,
            changes=changes,
            clock=self._clock,
            folder=static_dir(),
            hls=hls,
            places=None if self.edges is None or hls is None else places_behind(self.edges, hls),
            turn=turn_of(self._config),
        )
        if self.neighbour.access is not None:
            self._app.add_routes(self.neighbour.access.routes())
        await self._listen(self._app)
        # The first to be closed: viewers are told before anything else happens.
        self._teardown.add("viewers' sessions", self.sessions.close)
        self.registry.start()
        if self.neighbour.server is not None:
            self.neighbour.server.start()
        if self.edges is not None:
            self.edges.start()

    def _tell_cameras(self) -> None:
        names = [camera.name for camera in self.registry]
        self.gatekeeper.set_cameras(names, configured=self._names())

    def _names(self) -> list[str]:
        return [*self._config.cameras, *self._added, *self._found]

    @property
    def _changes(self) -> Changes:
        return Changes(add=self._add_camera, remove=self._remove_camera)

    def _camera_changes(self) -> CameraChanges:
        return CameraChanges(
            self._config.sources,
            self._changes,
            configured=self._config.cameras,
            added=self._added,
            file=self._added_file,
            found=self._found,
        )

    def _add_camera(self, name: str, camera: CameraConfig) -> None:
        if camera.enabled:
            # Who adds some cameras over the API must not read all others of MediaMTX with the gateway's secret.
            mediamtx = None if name in self._added else self._config.mediamtx
            added = self.registry.add(name, settings_of(camera, mediamtx))
            if self.hls is not None and self._config.hls.always:
                self.hls.keep(added)
        self._tell_cameras()

    async def _remove_camera(self, name: str) -> None:
        # First of all, so that nobody begins to watch while those who do are being seen off.
        camera = self.registry.retire(name)
        self._tell_cameras()
        # Whoever watches it was let in for a camera that is no longer there.
        self.gatekeeper.permits.check()
        if self.hls is not None:
            self.hls.remove(name)
        if self._app is not None:
            self._app[STILLS].forget(name)
            self._app[MSE].remove(name)
            self._app[REPORTS].forget_camera(name)
        if camera is None:
            return
        if self.sessions is not None:
            await self.sessions.end_of(camera)
        await camera.close()

    @property
    def reports(self) -> Reports | None:
        """What viewers told; None before it starts."""
        return None if self._app is None else self._app[REPORTS]

    @property
    def hls(self) -> Hls | None:
        """None where it is switched off."""
        return None if self._app is None else self._app[HLS]

    async def _listen(self, app: web.Application) -> None:
        runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_S,
            keepalive_timeout=_KEEPALIVE_S,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            max_headers=_MAX_HEADERS,
            # Unpacking what nobody has read yet costs a thousand times what sending it did.
            auto_decompress=False,
        )
        await runner.setup()
        self._teardown.add("HTTP", runner.cleanup)
        assert runner.server is not None  # noqa: S101  made by setup()
        self._teardown.add("slow clients", SlowClients(app[HEARD], runner.server).close)
        listen = self._config.listen
        tls = None if self._config.tls.files is None else tls_context(*self._config.tls.files)
        site = Site(runner, listen.host, listen.port, tls=tls, shortcut=app[SHORTCUT])
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(key="listen", address=str(listen)) from None
            raise ConfigError(f"listen: {listen} can't be opened: {error.strerror or error}") from None
        self.http_port = runner.addresses[0][1]
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        shown = "127.0.0.1" if listen.host in ("0.0.0.0", "::") else host  # noqa: S104  only shown
        self.address = f"{'http' if tls is None else 'https'}://{shown}:{self.http_port}/"


def build_app(  # noqa: PLR0913  the parts it is built of, all but three by keyword
    registry: Registry,
    sessions: Sessions,
    gatekeeper: Gatekeeper,
    *,
    clock: Clock,
    folder: Path,
    hls: Hls | None = None,
    changes: CameraChanges | None = None,
    places: HlsPlaces | None = None,
    turn: Turn | None = None,
) -> web.Application:
    """The HTTP application over running parts.

    `places` is where viewers are sent for HLS, if not to `hls`, which the gateway serves itself.
    """
    origins = Origins(gatekeeper.surroundings)
    notices = Notices(folder, root=f"{gatekeeper.surroundings.base_path}/")
    admission = Admission(gatekeeper, notices, inner=[static_headers])
    app = web.Application(middlewares=[hear, failures, origins.middleware, admission.middleware])
    app[GATEKEEPER] = gatekeeper
    app[HEARD] = Heard()
    app[REGISTRY] = registry
    app[SESSIONS] = sessions
    app[HLS] = hls
    app[SHORTCUT] = None if hls is None else Shortcut(hls, admission, origins)
    app[MSE] = mse = Mse(clock=clock)
    sessions.also_counts(mse.counts)
    app[READY] = []
    ways = Ways(sessions, mse, hls)

    def describe(camera: Camera) -> dict[str, object]:
        return camera_json(camera, ways)

    if places is None and hls is not None:
        places = EmbeddedHls(hls.lengths, signed_elsewhere=hls.signed_elsewhere)
    negotiation = Negotiation(gatekeeper, hls=places, turn=turn)
    reports = app[REPORTS] = Reports(clock=clock)
    reporting = Reporting(reports, sessions)

    def call(request: web.Request, camera: Camera) -> Caller:
        return Caller(
            host_literal(request.headers.get("Host")),
            request[PERMIT],
            partial(gatekeeper.limits.check_write, request[CLIENT].address),
            Answers(
                negotiate=partial(negotiation.answer, request, camera),
                report=partial(reporting.take, request, camera),
            ),
        )

    signalling = SignallingRoute(sessions, registry.find, describe=describe, clock=clock, call=call, mse=mse)
    whep = Whep(sessions, registry.find, links=negotiation)
    pages = Pages(folder)
    stills = app[STILLS] = Stills()
    snapshots = Snapshots(stills)
    # Nothing below the gateway's own words can be a camera.
    camera = rf"/{{camera:(?!(?:{'|'.join(sorted(RESERVED_FIRST))})(?:/|$))[^/].*?}}"
    app.add_routes(
        [
            web.get("/", pages.grid),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            *Login(gatekeeper, notices).routes(),
            web.get(r"/static/{module:.+\.js}", Modules(pages.folder).serve),
            web.static("/static", pages.folder, append_version=False),
            *go2rtc.ROUTES,
            web.get("/api/openapi.json", openapi),
            web.get("/api/ws", signalling.handle),
            web.get("/api/sessions", list_sessions),
            web.get("/api/sessions/{session}", get_session),
            web.delete("/api/sessions/{session}", kick_session),
            web.get("/api/cameras", list_cameras),
            web.post("/api/cameras/{camera:.+}/sign", Signing(gatekeeper, hls).sign),
            web.post("/api/cameras/{camera:.+}/negotiate", negotiation.handle),
            web.post("/api/report", reporting.handle),
            web.get("/api/cameras/{camera:.+}", get_camera),
            *(changes or CameraChanges.refusing()).routes(),
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

    app.on_response_prepare.append(origins.add_headers)
    app.cleanup_ctx.append(ready)
    app.on_shutdown.append(close_sockets)
    return app
