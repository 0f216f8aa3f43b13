"""One client's RTSP connection: requests, its session, and the media that goes to it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import unquote, urlsplit

from gateway.demo.camera import Camera
from gateway.demo.delivery import (
    Delivery,
    InterleavedChoice,
    InterleavedDelivery,
    UdpDelivery,
    choose_transport,
)
from gateway.demo.digest import Credentials, DigestChallenge
from gateway.demo.rtp_stream import Burst
from gateway.demo.rtsp_message import InterleavedPacket, Message, Request, Response, RtspParser, RtspSyntaxError

_log = logging.getLogger(__name__)

_METHODS: Final = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_TRACK: Final = "trackID="
_SERVER: Final = "camera-gateway demo"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Limits of a server and who may use it.

    A client that sends nothing for `session_timeout_s` is gone; one that left `pending_limit_bytes` unread is too slow
    and is dropped; connections beyond `connection_limit` are closed at once.
    """

    credentials: Credentials | None = None
    session_timeout_s: float = 60.0
    pending_limit_bytes: int = 4 << 20
    connection_limit: int = 1024
    realm: str = "demo camera"


class Hosting:
    """What a server's connections share; `silent` leaves requests unanswered."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.cameras: dict[str, Camera] = {}
        self.connections: set[RtspConnection] = set()
        self.silent = False


@dataclass(slots=True)
class _Session:
    camera: Camera
    path: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    playing: bool = False


class RtspConnection(asyncio.Protocol):
    """Ends its session with the connection, as most cameras do.  Is the Receiver of the camera it plays."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._settings = hosting.settings
        self._parser = RtspParser()
        self._session: _Session | None = None
        credentials = self._settings.credentials
        self._challenge = DigestChallenge(credentials, realm=self._settings.realm) if credentials else None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._last_heard_s = self._loop.time()
        self.lost = asyncio.Event()
        """Set when the connection has ended."""
        self._handlers: Mapping[str, Callable[[Request], Response]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "GET_PARAMETER": self._keep_alive,
            "SET_PARAMETER": self._keep_alive,
            "TEARDOWN": self._teardown,
        }

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to wait for requests, at most the session timeout."""
        self._transport = cast("asyncio.Transport", transport)
        self._hosting.connections.add(self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the session."""
        del exc
        self._hosting.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._end_session()
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        """Answers every request in `data`; what is not RTSP is answered 400 and ends the connection."""
        if self._transport.is_closing() or self._hosting.silent:
            return
        self._last_heard_s = self._loop.time()
        try:
            messages = self._parser.feed(data)
        except RtspSyntaxError as error:
            _log.info("Demo camera server: refused a client: %s", error)
            self._transport.write(Response(error.status).render(None))
            self._transport.close()
            return
        for message in messages:
            if self._transport.is_closing():
                return
            self._handle(message)

    # Receiver

    def deliver(self, track: int, burst: Burst) -> None:
        """Sends one access unit or audio frame, or drops a client that does not read."""
        session = self._session
        if session is None or track not in session.deliveries:
            return
        pending = self._transport.get_write_buffer_size()
        if pending > self._settings.pending_limit_bytes:
            _log.warning("Demo camera %s: dropped a client that left %d bytes unread", session.path, pending)
            self.reset()
            return
        session.deliveries[track].send(burst)

    def report(self, track: int, packet: bytes) -> None:
        """Sends one RTCP packet."""
        if self._session is not None and track in self._session.deliveries:
            self._session.deliveries[track].send_report(packet)

    def cut(self, track: int, burst: Burst) -> None:
        """Sends half of it and resets the connection."""
        if self._session is not None and track in self._session.deliveries:
            self._session.deliveries[track].send_half(burst)
        self.reset()

    def reset(self) -> None:
        """Closes at once by a TCP reset; what is not sent yet is lost."""
        self._end_session()
        sock = self._transport.get_extra_info("socket")
        if sock is not None and not self._transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    # Requests

    def _handle(self, message: Message) -> None:
        if isinstance(message, InterleavedPacket):
            return
        cseq = message.headers.get("cseq")
        response = self._respond(message) if cseq is not None else Response(400)
        response.headers["Server"] = _SERVER
        self._transport.write(response.render(cseq))
        if self._transport.get_write_buffer_size() > self._settings.pending_limit_bytes:
            self.reset()
            return
        if message.method == "PLAY" and response.status == 200:
            self._begin_playing()

    def _respond(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            return Response(501, {"Public": _METHODS})
        challenge = self._challenge
        if challenge is not None and request.method != "OPTIONS":
            authorization = request.headers.get("authorization")
            if not challenge.accepts(authorization, method=request.method, uri=request.uri):
                return Response(401, {"WWW-Authenticate": challenge.header})
        named = request.headers.get("session")
        if named is not None and (self._session is None or named.partition(";")[0].strip() != self._session.id):
            return Response(454)
        return handler(request)

    def _options(self, request: Request) -> Response:
        del request
        return Response(200, {"Public": _METHODS})

    def _describe(self, request: Request) -> Response:
        path, _ = _split_uri(request.uri)
        camera = self._hosting.cameras.get(path)
        if camera is None:
            return Response(404)
        local_host = self._transport.get_extra_info("sockname")[0]
        base = request.uri.partition("?")[0].rstrip("/") + "/"
        headers = {"Content-Type": "application/sdp", "Content-Base": base}
        return Response(200, headers, camera.describe(local_host))

    def _setup(self, request: Request) -> Response:
        path, track = _split_uri(request.uri)
        camera = self._hosting.cameras.get(path)
        if camera is None or track is None or track >= camera.track_count:
            return Response(404)
        if self._session is not None and self._session.playing:
            return Response(455)
        if self._session is not None and (self._session.path != path or track in self._session.deliveries):
            return Response(459)
        try:
            delivery = self._make_delivery(request.headers.get("transport", ""), track=track)
        except OSError:
            return Response(503)
        if delivery is None:
            return Response(461)
        if self._session is None:
            self._session = _Session(camera, path)
        self._session.deliveries[track] = delivery
        return Response(200, {"Transport": delivery.transport_header, "Session": self._session_header(self._session)})

    def _make_delivery(self, header: str, *, track: int) -> Delivery | None:
        choice = choose_transport(header)
        if choice is None:
            return None
        if isinstance(choice, InterleavedChoice):
            return InterleavedDelivery(self._transport, channels=choice.channels or (2 * track, 2 * track + 1))
        return UdpDelivery(
            local_host=self._transport.get_extra_info("sockname")[0],
            # Never another address than the connection's, so that nobody can aim the stream at a third party.
            client_host=self._transport.get_extra_info("peername")[0],
            client_ports=choice.ports,
            on_receiver_report=self._heard,
        )

    def _play(self, request: Request) -> Response:
        session = self._session
        if session is None:
            return Response(455)
        base = request.uri.partition("?")[0].partition(f"/{_TRACK}")[0].rstrip("/")
        infos = []
        for track in sorted(session.deliveries):
            sequence, timestamp = session.camera.rtp_info(track)
            infos.append(f"url={base}/{_TRACK}{track};seq={sequence};rtptime={timestamp}")
        headers = {"Session": self._session_header(session), "Range": "npt=now-", "RTP-Info": ",".join(infos)}
        return Response(200, headers)

    def _begin_playing(self) -> None:
        session = self._session
        if session is not None and not session.playing:
            session.playing = True
            session.camera.subscribe(self)

    def _keep_alive(self, request: Request) -> Response:
        del request
        return Response(200, {"Session": self._session_header(self._session)} if self._session else {})

    def _teardown(self, request: Request) -> Response:
        del request
        if self._session is None:
            return Response(454)
        self._end_session()
        return Response(200)

    def _session_header(self, session: _Session) -> str:
        return f"{session.id};timeout={max(1, int(self._settings.session_timeout_s))}"

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        session.camera.unsubscribe(self)
        for delivery in session.deliveries.values():
            delivery.close()

    # Time-out

    def _heard(self) -> None:
        self._last_heard_s = self._loop.time()

    def _watch(self) -> None:
        left_s = self._last_heard_s + self._settings.session_timeout_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._watch)
            return
        _log.info("Demo camera server: a client sent nothing for %g s", self._settings.session_timeout_s)
        self.reset()


def _split_uri(uri: str) -> tuple[str, int | None]:
    """The camera's path and the track a request URL means; an absolute URL or just a path."""
    try:
        path = unquote(urlsplit(uri).path).strip("/")
    except ValueError:
        return "", None
    head, _, tail = path.rpartition("/")
    if tail.startswith(_TRACK):
        number = tail.removeprefix(_TRACK)
        return head, int(number) if number.isascii() and number.isdigit() and len(number) < 4 else None
    return path, None
