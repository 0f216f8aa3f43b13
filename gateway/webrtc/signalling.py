"""One viewer's WebSocket: signalling in go2rtc's messages and ours, for one camera."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.access.permit import Permit
from gateway.access.throttle import OFFERS_PER_SOCKET, Throttle
from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.hls.mse import Mse, MseViewer
from gateway.negotiate.modes import Mode
from gateway.relay.camera import Camera
from gateway.sparing import SparingLog
from gateway.webrtc.asking import Answers, Asking
from gateway.webrtc.candidates import IpAddress
from gateway.webrtc.messages import (
    ClockMessage,
    GrantMessage,
    Message,
    MessageError,
    ModeMessage,
    MseMessage,
    NegotiateMessage,
    OfferMessage,
    ReportMessage,
    answer_message,
    error_message,
    offer_kind,
    parse_message,
)
from gateway.webrtc.offers import read_offer
from gateway.webrtc.outbox import Outbox
from gateway.webrtc.renewals import Renewals
from gateway.webrtc.sdp import Offer
from gateway.webrtc.session import LOSS, Session
from gateway.webrtc.sessions import Sessions

_sparing = SparingLog(logging.getLogger(__name__))

_SOCKET = "socket"
_PICTURES = "pictures"
_BELOW_WEBRTC = ("mse", "ll-hls")

Describe = Callable[[Camera], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has opened a socket: what host they asked for, what lets them in, and who answers what else they ask.

    `check_address` raises GatewayError where their address has begun too many sessions.
    """

    host: IpAddress | None
    permit: Permit | None
    check_address: Callable[[], None]
    answers: Answers


class Signalling:
    """One WebSocket of one viewer.

    The socket may close and the pictures go on: media has its own consent, and a page reconnects its socket.  Only a
    browser that leaves the page says that it is going away, and takes them along.
    """

    def __init__(
        self,
        camera: Camera,
        sessions: Sessions,
        *,
        describe: Describe,
        clock: Clock,
        caller: Caller,
        mse: Mse,
    ) -> None:
        self._mse = mse
        self._media: MseViewer | None = None
        self._out = Outbox(lambda: describe(camera))
        self._camera = camera
        self._sessions = sessions
        self._describe = describe
        self._clock = clock
        self._caller = caller
        self._permit = caller.permit
        self._renewals = Renewals(caller.permit, clock=clock)
        self._offers = Throttle(OFFERS_PER_SOCKET)
        self._asking = Asking(caller.answers, clock=clock)
        self._mode: Mode | None = None
        self._opening: asyncio.Task[None] | None = None
        self._session: Session | None = None

    async def run(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None = None) -> None:
        """Serve the socket until either side closes it; `transport` is what it goes over."""
        media = self._media = MseViewer(
            self._mse,
            self._camera,
            socket,
            transport,
            admit=self._admit,
            wake=self._out.wake,
            fail=lambda reason: self._out.send(error_message("mse", reason)),
        )
        events = self._camera.hub.events
        events.on("status", self._state_changed)
        events.on("stream", self._state_changed)
        writer = asyncio.create_task(self._out.open(socket, media), name=f"signalling of {self._camera.name}")
        release = self._permit.ended_by(self._permit_over) if self._permit is not None else None
        try:
            self._out.send_state()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._received(message.data)
                elif message.type is WSMsgType.BINARY:
                    self._out.send(error_message("message", "only text is understood"))
                if self._out.overrun:
                    break
                # Messages that arrived together are answered one by one, so that the writer keeps up.
                await asyncio.sleep(0)
        finally:
            if release is not None:
                release()
            events.remove_listener("status", self._state_changed)
            events.remove_listener("stream", self._state_changed)
            if self._session is not None and socket.close_code == WSCloseCode.GOING_AWAY:
                self._sessions.viewer_left(self._session)
            self._adopt(None)
            starting = media.close()
            tasks = [task for task in (self._opening, starting, writer) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, *, code: int, reason: bytes) -> None:
        """Close the socket from this side, within 1.5 s."""
        await self._out.close(code=code, reason=reason)

    def _admit(self) -> None:
        # Who goes from one way of watching to another has both for a moment, and is one viewer.
        session = self._session
        counted = session is not None and session.ending is None
        self._sessions.check_room(self._camera, counted=int(counted))

    def _permit_over(self) -> None:
        self._out.send(error_message("grant", "you may watch no longer; sign in or ask for a new address"))
        self._out.finish()

    def _state_changed(self, *_: object) -> None:
        self._out.send_state()

    def _received(self, text: str) -> None:
        if self._out.is_over:
            return
        received_at = self._clock.now()
        try:
            message = parse_message(text)
        except MessageError as error:
            self._out.send(error_message(error.kind, str(error)))
            return
        self._act_on(message, received_at)

    def _act_on(self, message: Message, received_at: float) -> None:
        match message:
            case ClockMessage():
                self._out.send({"type": "clock", "value": self._clock_value(message, received_at)})
            case GrantMessage():
                self._renew(message)
            case NegotiateMessage():
                self._out.send(self._asking.negotiate(message))
            case ReportMessage():
                refused = self._asking.report(message, self._session)
                if refused is not None:
                    self._out.send(refused)
            case ModeMessage():
                self._set_mode(message.mode)
            case MseMessage():
                self._asked_for_pictures(message)
            case OfferMessage():
                self._offered(message)

    def _set_mode(self, mode: Mode) -> None:
        """For what is sent to this viewer now, and what will be."""
        self._mode = mode
        if self._session is not None:
            self._session.set_mode(mode)
        self._out.send({"type": "mode", "value": mode.value})

    def _asked_for_pictures(self, message: MseMessage) -> None:
        # Each is answered with the whole group of pictures so far; to want none costs nothing.
        wait_s = self._offers.take(_PICTURES, now=self._clock.monotonic()) if message.codecs else 0.0
        if self._media is None:
            self._out.send(error_message("mse", "this gateway does not offer it"))
        elif wait_s:
            self._out.send(error_message("mse", f"Too many requests at once; send the next one in {wait_s:.1f} s"))
        else:
            self._media.play(message.codecs)

    def _offered(self, offer: OfferMessage) -> None:
        wait_s = self._offers.take(_SOCKET, now=self._clock.monotonic())
        if wait_s:
            # What was offered before is answered all the same.
            sentence = f"Too many offers at once; send the next one in {wait_s:.1f} s"
            self._out.send(error_message(offer_kind(offer.version), sentence))
            return
        if self._opening is not None:
            self._opening.cancel()
        self._opening = asyncio.create_task(self._open(offer), name=f"offer for {self._camera.name}")

    def _renew(self, message: GrantMessage) -> None:
        self._out.send(self._renewals.answer(message))
        if self._renewals.exhausted:
            self._out.finish(WSCloseCode.POLICY_VIOLATION)

    def _clock_value(self, message: ClockMessage, received_at: float) -> dict[str, Any]:
        value: dict[str, Any] = {"t0": message.t0, "t1": received_at, "t2": self._clock.now()}
        mapping = self._sessions.broadcasts.of(self._camera.hub).clock_mapping()
        if mapping is not None:
            value |= {
                "rtp_timestamp": mapping.rtp_timestamp,
                "clock_rate": mapping.clock_rate,
                "captured_at": mapping.captured_at,
            }
        return value

    async def _open(self, message: OfferMessage) -> None:
        kind = offer_kind(message.version)
        try:
            session, answer = await self._answer(read_offer(message.sdp))
        except GatewayError as error:
            self._out.send(error_message(kind, error.message))
        except Exception:  # noqa: BLE001  whoever waits for an answer must get one
            _sparing.exception("%s: an offer could not be answered", self._camera.name)
            self._out.send(error_message(kind, "Something went wrong in the gateway; its log says more"))
        else:
            self._out.send(answer_message(answer, version=message.version))
            if session.link_bad:
                self._fallback(LOSS)
            if self._camera.substream is not None:
                self._say_rendition()

    async def _answer(self, offer: Offer) -> tuple[Session, str]:
        restarting = self._sessions.find_restarting(self._camera, offer)
        if restarting is not None:
            # The same peer connection on a new socket, perhaps after the network was gone: pictures go on in it.
            answer = self._sessions.restart_by_offer(restarting, offer, host=self._caller.host)
            self._adopt(restarting)
            if self._permit is not None:
                self._sessions.entrust(restarting, self._permit)
            return restarting, answer
        # Only what begins a session: after an outage all viewers behind one address restart theirs at once.
        self._caller.check_address()
        if self._session is not None:
            # Another offer on the same socket takes the place of the old session.
            await self._sessions.end(self._session)
        counted = self._media is not None and self._media.watches
        session = await self._sessions.open(
            self._camera, offer, host=self._caller.host, permit=self._permit, counted=int(counted)
        )
        self._adopt(session)
        return session, session.answer

    def _adopt(self, session: Session | None) -> None:
        """Follow this session's events from now on, None to stop following."""
        if self._session is not None:
            self._session.events.remove_listener("fallback", self._fallback)
            self._session.events.remove_listener("rendition", self._say_rendition)
        self._session = session
        if session is not None:
            session.events.on("fallback", self._fallback)
            session.events.on("rendition", self._say_rendition)
            if self._mode is not None:
                session.set_mode(self._mode)

    def _say_rendition(self, *_: object) -> None:
        if self._session is not None:
            self._out.send({"type": "rendition", "value": self._session.rendition_json()})

    def _fallback(self, reason: str) -> None:
        rungs = self._describe(self._camera)["rungs"]
        to = next((rung for rung in _BELOW_WEBRTC if rungs.get(rung, {}).get("ok")), None)
        self._out.send({"type": "fallback", "value": {"from": "webrtc", "to": to, "reason": reason}})
