"""WebRTC sessions: from an offer to a viewer that is sent to, and to its end, whatever goes wrong between."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.errors import BadRequest, NotFound, TooLarge, Unavailable, Unprocessable
from gateway.media.units import StreamInfo, TrackKind
from gateway.relay.camera import Camera
from gateway.rtp.templates import PacketClass
from gateway.webrtc.answer import complete_answer, reduced_offer
from gateway.webrtc.candidates import IpAddress, host_candidates
from gateway.webrtc.fanout import Broadcast, Broadcasts
from gateway.webrtc.pacing import Pace
from gateway.webrtc.peer import FanoutSender, GatewayPeer, SharedCertificate, make_certificate
from gateway.webrtc.port import MediaPort
from gateway.webrtc.sdp import SdpError, parse_offer
from gateway.webrtc.selection import Selection, select
from gateway.webrtc.viewer import Viewer, ViewerTrack
from gateway.webrtc.wire import Wire

_log = logging.getLogger(__name__)

HANDSHAKE_DEADLINE_S: Final = 10.0
_CLOSE_DEADLINE_S: Final = 3.0
_FIRST_NUMBERS: Final = 1 << 14


@dataclass(eq=False, slots=True)
class Session:
    """One viewer's WebRTC connection.  `id` is a secret: whoever knows it may end the session."""

    id: str
    camera: Camera
    peer: GatewayPeer
    selection: Selection
    started_at: float
    answer: str = ""
    viewer: Viewer | None = None
    deadline: asyncio.TimerHandle | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether DTLS is up."""
        return self.viewer is not None


class Sessions:
    """All WebRTC sessions of the gateway."""

    def __init__(
        self,
        port: MediaPort,
        *,
        addresses: list[IpAddress],
        advertised: bool,
        max_viewers: int,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._port = port
        self._addresses = addresses
        self._advertised = advertised
        self._max_viewers = max_viewers
        self._clock = clock
        self._certificate: SharedCertificate = make_certificate()
        self._sessions: dict[str, Session] = {}
        self.broadcasts = Broadcasts(clock=clock)

    def __len__(self) -> int:
        """Sessions that have not ended, handshakes included."""
        return len(self._sessions)

    def find(self, session_id: str) -> Session:
        """The session of that id; raises NotFound."""
        session = self._sessions.get(session_id)
        if session is None:
            raise NotFound.session()
        return session

    def viewers(self, camera: Camera) -> int:
        """How many connected sessions watch a camera."""
        return self._connected[camera.name]

    @property
    def _connected(self) -> Counter[str]:
        return Counter(session.camera.name for session in self._sessions.values() if session.connected)

    async def open(self, camera: Camera, offer_sdp: str, *, host: IpAddress | None) -> Session:
        """Answer an offer; the session then connects by itself or ends after 10 s.

        `host` is the address the request was sent to, if it was one.  Raises BadRequest, TooLarge, Unprocessable,
        CameraOffline or Unavailable; nothing is left behind then.
        """
        try:
            offer = parse_offer(offer_sdp)
        except SdpError as error:
            raise _as_http(error) from None
        if len(self._sessions) >= self._max_viewers:
            raise Unavailable("The gateway serves as many viewers as it may; try again later", retry_after_s=10)
        with contextlib.ExitStack() as watching:
            watching.enter_context(camera.watched())
            stream = await camera.playing()
            try:
                selection = select(offer, stream)
            except SdpError as error:
                raise _as_http(error) from None
            agent = self._port.agent(host_candidates(self._candidate_addresses(host), self._port.number))
            peer = GatewayPeer(agent, self._certificate)
            session = Session(secrets.token_urlsafe(24), camera, peer, selection, self._clock.monotonic())
            self._sessions[session.id] = session
            # From here the session itself watches, until it ends.
            camera.watch()
            peer.on("connectionstatechange", lambda: self._state_changed(session))
            session.deadline = asyncio.get_running_loop().call_later(
                HANDSHAKE_DEADLINE_S, self._handshake_late, session
            )
            try:
                session.answer = await self._answer(session, stream, offer_sdp)
            except BaseException as error:
                await self.end(session)
                if isinstance(error, Exception):
                    # aiortc raises assertion, key and value errors on what it does not like.
                    _log.warning("%s: an offer could not be answered: %s", camera.name, type(error).__name__)
                    raise BadRequest("The offer can't be answered", code="bad_sdp") from error
                raise
        return session

    async def _answer(self, session: Session, stream: StreamInfo, offer_sdp: str) -> str:
        offer = parse_offer(offer_sdp)
        broadcast = self.broadcasts.of(session.camera.hub)
        selection = session.selection
        senders: list[FanoutSender] = []
        # In the order of the offer's sections: aiortc bundles everything with the first.
        for kind in (TrackKind.AUDIO, TrackKind.VIDEO):
            choice = selection.video if kind is TrackKind.VIDEO else selection.audio
            if choice is not None:
                senders.append(session.peer.prepare(kind, ssrc=broadcast.ssrc[kind], rtx_ssrc=broadcast.rtx_ssrc))
        for sender in senders:
            sender.on_started = lambda: self._start(session, broadcast, stream, senders)
        answer = await session.peer.answer(reduced_offer(offer, selection))
        return complete_answer(answer, offer, selection)

    def _candidate_addresses(self, host: IpAddress | None) -> list[IpAddress]:
        if self._advertised:
            return self._addresses
        usable = host is not None and not host.is_unspecified and not host.is_multicast
        return ([host] if usable and host is not None else []) + (
            self._addresses or [ipaddress.IPv4Address("127.0.0.1")]
        )

    def _start(self, session: Session, broadcast: Broadcast, stream: StreamInfo, senders: list[FanoutSender]) -> None:
        """DTLS is up (aiortc says so once per track): begin to send."""
        if session.viewer is not None or session.ending is not None:
            return
        if session.deadline is not None:
            session.deadline.cancel()
        tracks = self._viewer_tracks(session, broadcast, stream)
        for sender in senders:
            sender.feedback = tracks.get(TrackKind(sender.kind))
        session.viewer = Viewer(tracks, Pace(self._clock.monotonic()))
        if session.camera.stream is not None:
            session.viewer.match(session.camera.stream)
        broadcast.join(session.viewer)

    def _viewer_tracks(
        self, session: Session, broadcast: Broadcast, stream: StreamInfo
    ) -> dict[TrackKind, ViewerTrack]:
        wire = Wire(session.peer.protector(), lambda: session.peer.path)
        selection = session.selection
        tracks: dict[TrackKind, ViewerTrack] = {}

        def add(kind: TrackKind, codec: str, packet_class: PacketClass, rtx: PacketClass | None) -> None:
            tracks[kind] = ViewerTrack(
                broadcast.rtp_track(kind),
                packet_class,
                codec=codec,
                rtx=rtx,
                first_number=secrets.randbelow(_FIRST_NUMBERS) + 1,
                wire=wire,
                clock=self._clock,
                keyframe=broadcast.keyframe,
            )

        if selection.video is not None and stream.video is not None:
            delay_id = selection.video.playout_delay_id
            rtx_type = selection.video.rtx_payload_type
            add(
                TrackKind.VIDEO,
                stream.video.codec,
                PacketClass(broadcast.ssrc[TrackKind.VIDEO], selection.video.codec.payload_type, delay_id),
                None if rtx_type is None else PacketClass(broadcast.rtx_ssrc, rtx_type, delay_id),
            )
        if selection.audio is not None and stream.audio is not None:
            packet_class = PacketClass(broadcast.ssrc[TrackKind.AUDIO], selection.audio.codec.payload_type)
            add(TrackKind.AUDIO, stream.audio.codec, packet_class, None)
        return tracks

    def _state_changed(self, session: Session) -> None:
        if session.peer.connectionState in ("failed", "closed"):
            self._end_soon(session)

    def _handshake_late(self, session: Session) -> None:
        _log.info("%s: a viewer's handshake did not finish in %.0f s", session.camera.name, HANDSHAKE_DEADLINE_S)
        self._end_soon(session)

    def _end_soon(self, session: Session) -> asyncio.Task[None]:
        if session.ending is None:
            session.ending = asyncio.create_task(self._end(session), name=f"end session of {session.camera.name}")
        return session.ending

    async def end(self, session: Session) -> None:
        """End a session and free all it holds; safe to call more than once."""
        await asyncio.shield(self._end_soon(session))

    async def _end(self, session: Session) -> None:
        if session.deadline is not None:
            session.deadline.cancel()
        self._sessions.pop(session.id, None)
        session.camera.unwatch()
        if session.viewer is not None:
            self.broadcasts.of(session.camera.hub).leave(session.viewer)
            for track in session.viewer.tracks.values():
                track.goodbye()
        try:
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await session.peer.close()
        except TimeoutError:
            _log.warning("%s: a peer connection did not close in time", session.camera.name)
        except Exception:  # noqa: BLE001  aiortc's teardown must not keep a session alive
            _log.exception("%s: closing a peer connection failed", session.camera.name)
        finally:
            session.ended.set()

    async def close(self) -> None:
        """End all sessions."""
        await asyncio.gather(*(self.end(session) for session in tuple(self._sessions.values())))


def _as_http(error: SdpError) -> BadRequest | TooLarge | Unprocessable:
    if error.code == "sdp_too_large":
        return TooLarge(str(error), code=error.code)
    if error.malformed:
        return BadRequest(str(error), code=error.code)
    return Unprocessable(str(error), code=error.code)
