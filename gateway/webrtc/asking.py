"""What a viewer asks and tells on its socket besides media, taken no faster than honest pages send it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.access.throttle import ASKED_PER_SOCKET, Throttle
from gateway.clock import Clock
from gateway.errors import BadRequest, GatewayError
from gateway.webrtc.messages import NegotiateMessage, ReportMessage, error_message
from gateway.webrtc.session import Session


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answers what is asked on one socket, as JSON's values; both raise GatewayError for what they don't take."""

    negotiate: Callable[[object], dict[str, Any]]
    report: Callable[[object, Session | None], None]


class Asking:
    """That of one socket."""

    def __init__(self, answers: Answers, *, clock: Clock) -> None:
        self._answers = answers
        self._clock = clock
        self._rate = Throttle(ASKED_PER_SOCKET)

    def negotiate(self, message: NegotiateMessage) -> dict[str, Any]:
        """The answer, or the error."""
        try:
            answers = self._turn("negotiate")
            return {"type": "negotiate", "value": answers.negotiate(message.request)}
        except GatewayError as error:
            return error_message("negotiate", error.message)

    def report(self, message: ReportMessage, session: Session | None) -> dict[str, Any] | None:
        """None where the report was taken: nobody waits for an answer."""
        try:
            self._turn("report").report(message.report, session)
        except GatewayError as error:
            return error_message("report", error.message)
        return None

    def _turn(self, kind: str) -> Answers:
        wait_s = self._rate.take(kind, now=self._clock.monotonic())
        if wait_s:
            raise BadRequest(f"too many at once; send the next one in {wait_s:.1f} s")
        return self._answers
