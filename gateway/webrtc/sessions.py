"""All WebRTC sessions: from an offer to a viewer that is sent to, and to its end, whatever goes wrong between."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from gateway.access.permit import Permit
from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.errors import BadRequest, NotFound, Unavailable, Unprocessable
from gateway.media.units import StreamInfo, TrackKind
from gateway.negotiate.modes import Mode
from gateway.relay.camera import Camera
from gateway.sparing import SparingLog
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.answer import complete_answer, reduced_offer, restarted_answer
from gateway.webrtc.broadcasts import Broadcasts
from gateway.webrtc.candidates import IpAddress
from gateway.webrtc.fanout import Broadcast
from gateway.webrtc.offers import refusal
from gateway.webrtc.pacing import Pace
from gateway.webrtc.peer import FanoutSender, GatewayPeer, SharedCertificate, make_certificate
from gateway.webrtc.port import MediaPort
from gateway.webrtc.renditions import Rendition, RenditionChoice
from gateway.webrtc.room import Caps, Room
from gateway.webrtc.sdp import Offer, SdpError
from gateway.webrtc.selection import select, still_offered
from gateway.webrtc.session import LOSS, Session
from gateway.webrtc.viewer import Viewer
from gateway.webrtc.viewer_tracks import viewer_tracks
from gateway.webrtc.wire import Wire

_log = logging.getLogger(__name__)

HANDSHAKE_DEADLINE_S: Final = 10.0
_CLOSE_DEADLINE_S: Final = 3.0
_SHOWN: Final = {Rendition.MAIN: "main stream", Rendition.SUBSTREAM: "substream"}


class Sessions:
    """Belongs to the event loop's thread."""

    def __init__(self, port: MediaPort, addresses: Addresses, caps: Caps, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._port = port
        self._addresses = addresses
        self._clock = clock
        self._log = SparingLog(_log, clock=clock)
        self._certificate: SharedCertificate = make_certificate()
        self._sessions: dict[str, Session] = {}
        # Making an answer takes milliseconds of the loop: one at a time lets frames go out between them.
        self._answering = asyncio.Lock()
        self._closed = False
        self._room = Room(caps, lambda: Counter(session.camera.name for session in self._sessions.values()))
        self.broadcasts = Broadcasts(clock=clock)
        self.switches: Counter[Rendition] = Counter()
        """How often a viewer was moved to each rendition since the start."""

    def __len__(self) -> int:
        """Sessions that have not ended, handshakes included."""
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        """The sessions that have not ended."""
        return iter(tuple(self._sessions.values()))

    def transport_counts(self) -> dict[str, int | dict[str, int]]:
        """What the media port holds, what it has dropped and how often viewers were moved, for administrators."""
        port = self._port
        return {
            "connections": port.connection_count,
            "paths": port.path_count,
            "renditions": {rendition.value: self.switches[rendition] for rendition in Rendition},
            "dropped": {reason.value: count for reason, count in sorted(port.drops.items())},
        }

    def get(self, secret: str) -> Session | None:
        """The session of that secret, None if there is none."""
        return self._sessions.get(secret)

    def find(self, secret: str) -> Session:
        """The session of that secret; raises NotFound."""
        session = self.get(secret)
        if session is None:
            raise NotFound.session()
        return session

    def find_public(self, session_id: str) -> Session:
        """The session of that public id; raises NotFound."""
        for session in self._sessions.values():
            if session.id == session_id:
                return session
        raise NotFound.session()

    def viewers(self, camera: Camera) -> int:
        """How many connected sessions watch a camera."""
        return sum(session.connected and session.camera is camera for session in self._sessions.values())

    def also_counts(self, others: Callable[[], Counter[str]]) -> None:
        """Those viewers, by camera, take places as well."""
        self._room.also_counts(others)

    async def open(
        self,
        camera: Camera,
        offer: Offer,
        *,
        host: IpAddress | None,
        permit: Permit | None = None,
        mode: Mode = Mode.ULTRA_LOW,
        counted: int = 0,
    ) -> Session:
        """Answer an offer; the session then connects by itself or ends after 10 s.

        `host` is the address the request was sent to, if it was one; the session ends with `permit`; `counted` is how
        many places its viewer has already.
        Raises BadRequest, NotFound, Unprocessable, CameraOffline or Unavailable; nothing is left behind then.
        """
        self.check_room(camera, counted=counted)
        with camera.watched():
            with self._room.kept_for_one(camera.name):
                stream = await camera.playing()
                await self._turn_to_answer()
            try:
                # Others may have come while this one waited.
                self.check_room(camera, counted=counted)
                session = await self._open(camera, offer, stream, host=host)
            finally:
                self._answering.release()
        session.set_mode(mode)
        if permit is not None:
            self.entrust(session, permit)
        return session

    def entrust(self, session: Session, permit: Permit) -> None:
        """From now on the session lasts as long as `permit` does."""
        if session.permit is permit or session.ending is not None:
            return
        if session.release is not None:
            session.release()
        session.permit = permit
        session.release = permit.ended_by(lambda: self._permit_over(session))

    def _permit_over(self, session: Session) -> None:
        self._log.info("%s: a viewer may watch no longer", session.camera.name)
        self._end_soon(session)

    async def _turn_to_answer(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_DEADLINE_S):
                await self._answering.acquire()
        except TimeoutError:
            raise Unavailable("The gateway is too busy to answer; try again", retry_after_s=5) from None

    def check_room(self, camera: Camera, *, counted: int = 0) -> None:
        """Raises Unavailable unless one more may watch, who has `counted` places already; NotFound without a camera."""
        camera.check_there()
        if self._closed:
            raise Unavailable("The gateway is stopping; try again in a moment", retry_after_s=5)
        self._room.check(camera.name, counted=counted)

    async def _open(self, camera: Camera, offer: Offer, stream: StreamInfo, *, host: IpAddress | None) -> Session:
        try:
            selection = select(offer, stream)
        except SdpError as error:
            raise refusal(error) from None
        peer = GatewayPeer(self._port.agent(self._addresses.candidates(host)), self._certificate)
        session = Session(camera, peer, selection, offer.identity, offer.shape, self._clock.now())
        self._sessions[session.secret] = session
        # From here the session itself watches, until it ends.
        camera.watch()
        peer.on("connectionstatechange", lambda: self._state_changed(session))
        session.deadline = asyncio.get_running_loop().call_later(HANDSHAKE_DEADLINE_S, self._handshake_late, session)
        try:
            async with asyncio.timeout(HANDSHAKE_DEADLINE_S):
                session.answer = await self._answer(session, stream, offer)
        except BaseException as error:
            await self.end(session)
            if isinstance(error, TimeoutError):
                raise Unavailable("The gateway is too busy to answer; try again", retry_after_s=5) from None
            if isinstance(error, Exception):
                # aiortc raises assertion, key and value errors on what it does not like.
                self._log.warning("%s: an offer could not be answered: %s", camera.name, type(error).__name__)
                raise BadRequest("The offer can't be answered", code="bad_sdp") from error
            raise
        return session

    async def _answer(self, session: Session, stream: StreamInfo, offer: Offer) -> str:
        broadcast = self.broadcasts.of(session.camera.hub)
        selection = session.selection
        senders: list[FanoutSender] = []
        for kind, choice in ((TrackKind.VIDEO, selection.video), (TrackKind.AUDIO, selection.audio)):
            if choice is not None:
                senders.append(session.peer.prepare(kind, ssrc=broadcast.ssrc[kind], rtx_ssrc=broadcast.rtx_ssrc))
        for sender in senders:
            sender.on_started = lambda: self._start(session, broadcast, stream, senders)
        answer = await session.peer.answer(reduced_offer(offer, selection))
        return complete_answer(answer, offer, selection)

    # ICE restart.

    def find_restarting(self, camera: Camera, offer: Offer) -> Session | None:
        """The session whose viewer restarts ICE by this offer: the one with the same identity.

        A fingerprint is known to the viewer alone, so an offer that repeats it comes from its peer connection.
        """
        identity = offer.identity
        for session in self._sessions.values():
            if session.camera is camera and session.identity == identity and session.connected:
                return session
        return None

    def restart(self, session: Session, *, ufrag: str, password: str, host: IpAddress | None) -> str:
        """Begin another ICE generation of a session and return its answer; media goes on meanwhile.

        `host` is the address this request was sent to, as for `open`: the viewer may be in another network now.
        Raises NotFound when the session is just ending.
        """
        try:
            fresh = session.peer.restart_ice(ufrag=ufrag, password=password)
        except ConnectionError:
            raise NotFound.session() from None
        session.generation += 1
        session.etag = f'"{secrets.token_hex(8)}"'
        session.answer = restarted_answer(
            session.answer,
            ufrag=fresh.username,
            password=fresh.password,
            candidates=[candidate.to_sdp() for candidate in self._addresses.candidates(host)],
            version=session.generation,
        )
        return session.answer

    def restart_by_offer(self, session: Session, offer: Offer, *, host: IpAddress | None) -> str:
        """As `restart`, with the credentials of a whole offer that `find_restarting` found this session for.

        An offer that comes again (TCP delivers what was sent into a dead network long after the viewer has sent it
        anew on another socket) gets the same answer again.  Raises Unprocessable when it offers something else.
        """
        if offer.shape != session.shape or not still_offered(session.selection, offer):
            raise Unprocessable(
                "A running connection can restart ICE but not change its media; open a new one", code="no_ice_restart"
            )
        ufrag, password = offer.credentials
        if ufrag == session.peer.remote_ufrag:
            return session.answer
        return self.restart(session, ufrag=ufrag, password=password, host=host)

    # From handshake to end.

    def _start(self, session: Session, broadcast: Broadcast, stream: StreamInfo, senders: list[FanoutSender]) -> None:
        """DTLS is up (aiortc says so once per track): begin to send."""
        if session.viewer is not None or session.ending is not None:
            return
        if session.deadline is not None:
            session.deadline.cancel()
        session.connected_at = self._clock.now()
        pace = Pace(self._clock.monotonic(), stream_bps=session.camera.hub.bitrate_bps)
        wire = Wire(session.peer.protector(), session.peer.way)
        tracks = viewer_tracks(broadcast, stream, selection=session.selection, wire=wire, clock=self._clock)
        for sender in senders:
            sender.feedback = tracks.get(TrackKind(sender.kind))
        substream = session.camera.substream
        if substream is not None:
            broadcast.offer_smaller(substream)
        session.viewer = Viewer(
            tracks,
            wire,
            pace,
            moved=lambda bad: self._link_moved(session, bad=bad),
            choice=None if substream is None else RenditionChoice(),
            switched=lambda rendition: self._switched(session, rendition),
        )
        if session.camera.stream is not None:
            session.viewer.match(session.camera.stream)
        session.broadcast = broadcast
        session.set_mode(session.mode)
        broadcast.join(session.viewer)
        viewer = session.viewer
        session.peer.when_back(lambda: broadcast.rejoin(viewer))

    def _link_moved(self, session: Session, *, bad: bool) -> None:
        """Its viewer gets keyframes only, or everything again."""
        session.link_bad = bad
        self._log.info("%s: a viewer's link %s", session.camera.name, "carries too little" if bad else "has recovered")
        if bad:
            session.events.emit("fallback", LOSS)

    def _switched(self, session: Session, rendition: Rendition) -> None:
        """Its viewer is sent another rendition from now on."""
        self.switches[rendition] += 1
        self._log.info("%s: a viewer is sent the %s now", session.camera.name, _SHOWN[rendition])
        session.events.emit("rendition", rendition)

    def _state_changed(self, session: Session) -> None:
        if session.peer.connectionState in ("failed", "closed"):
            self._end_soon(session)

    def _handshake_late(self, session: Session) -> None:
        self._log.info("%s: a viewer's handshake did not finish in %.0f s", session.camera.name, HANDSHAKE_DEADLINE_S)
        self._end_soon(session)

    def _end_soon(self, session: Session) -> asyncio.Task[None]:
        """The viewer hears of it before this returns; what takes its time follows in the task."""
        if session.ending is None:
            session.ending = asyncio.create_task(self._end(session), name=f"end session of {session.camera.name}")
            self._let_go(session)
        return session.ending

    def viewer_left(self, session: Session) -> None:
        """Nobody watches it any more: it ends without being waited for."""
        self._end_soon(session)

    async def end(self, session: Session) -> None:
        """End a session and free all it holds; safe to call more than once."""
        await asyncio.shield(self._end_soon(session))

    async def end_of(self, camera: Camera) -> None:
        """End all sessions of a camera that has been retired, and keep nothing of it."""
        await asyncio.gather(*(self.end(session) for session in self if session.camera is camera))
        self.broadcasts.forget(camera.hub)

    def _let_go(self, session: Session) -> None:
        if session.deadline is not None:
            session.deadline.cancel()
        self._sessions.pop(session.secret, None)
        if session.release is not None:
            session.release()
        session.camera.unwatch()
        if session.viewer is not None and session.broadcast is not None:
            session.broadcast.leave(session.viewer)
            try:
                for track in session.viewer.tracks.values():
                    track.goodbye()
            except Exception:  # noqa: BLE001  the encryption may have ended before
                _log.debug("%s: a viewer was not told of its session's end", session.camera.name, exc_info=True)

    async def _end(self, session: Session) -> None:
        try:
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await session.peer.close()
        except TimeoutError:
            self._log.warning("%s: a peer connection did not close in time", session.camera.name)
        except Exception:  # noqa: BLE001  aiortc's teardown must not keep a session alive
            self._log.exception("%s: closing a peer connection failed", session.camera.name)
        finally:
            # Also when aiortc could not: checks of a viewer nobody serves would keep the agent alive.
            session.peer.shut()
            session.ended.set()

    async def close(self) -> None:
        """End all sessions, every viewer told before any connection is closed; from now on none is opened."""
        self._closed = True
        endings = [self._end_soon(session) for session in self]
        if endings:
            await asyncio.wait(endings)
        self.broadcasts.close()
