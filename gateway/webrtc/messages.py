"""The WebSocket's messages (go2rtc's v1 and v2 among them), parsed and made (pure)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.negotiate.modes import Mode

MAX_MESSAGE_BYTES = 64 * 1024


class MessageError(ValueError):
    """A message that can't be understood; `kind` is its type, as far as it has one."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class OfferMessage:
    """An SDP offer; `version` 1 or 2 says in which envelope the answer belongs."""

    sdp: str
    version: int


@dataclass(frozen=True, slots=True)
class CandidateMessage:
    """A trickled candidate.  An ICE-lite server has no use for it."""


@dataclass(frozen=True, slots=True)
class ClockMessage:
    """The browser's clock, to be answered with ours; seconds on its own clock."""

    t0: float


@dataclass(frozen=True, slots=True)
class GrantMessage:
    """A fresh grant, before the one that let the viewer in expires."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MseMessage:
    """The codecs a client's Media Source Extensions play, with commas between; none: pictures are no longer wanted."""

    codecs: str


@dataclass(frozen=True, slots=True)
class NegotiateMessage:
    """What a viewer can do, as it came: the negotiation reads it."""

    request: object


@dataclass(frozen=True, slots=True)
class ModeMessage:
    """How much delay the viewer gives for how much calm."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class ReportMessage:
    """What the viewer saw so far, as it came."""

    report: object


Message = (
    OfferMessage
    | CandidateMessage
    | ClockMessage
    | GrantMessage
    | MseMessage
    | NegotiateMessage
    | ModeMessage
    | ReportMessage
)


def parse_message(text: str) -> Message:
    """Parse one text message; raises MessageError for what is malformed or of an unknown type."""
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageError("message", "not JSON") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("type"), str):
        raise MessageError("message", "needs an object with a type")
    kind: str = envelope["type"]
    parse = _PARSERS.get(kind)
    if parse is not None:
        return parse(kind, envelope.get("value"))
    # The type is shown back shortened, and never so that go2rtc's clients take it for a failed offer.
    raise MessageError(_printable(kind), "unsupported message type")


def _printable(kind: str) -> str:
    shown = "".join(c for c in kind[:40] if c.isalnum() or c in "-_/.")
    return "webrtc" if "webrtc/offer" in shown else shown or "message"


def _parse_webrtc(kind: str, value: Any) -> Message:
    if not isinstance(value, dict):
        raise MessageError(kind, "needs an object with type and sdp")
    match value.get("type"):
        case "offer":
            return OfferMessage(_sdp(kind, value.get("sdp")), 2)
        case "candidate":
            return CandidateMessage()
        case _:
            raise MessageError(kind, "only an offer or a candidate is understood")


def _parse_first_offer(kind: str, value: Any) -> OfferMessage:
    return OfferMessage(_sdp(kind, value), 1)


def _parse_grant(kind: str, value: Any) -> GrantMessage:
    if not isinstance(value, str):
        raise MessageError(kind, "needs a grant as text")
    return GrantMessage(value)


def _parse_mse(kind: str, value: Any) -> MseMessage:
    if not isinstance(value, str):
        raise MessageError(kind, "needs the codecs you play as text, with commas between")
    return MseMessage(value)


def _parse_mode(kind: str, value: Any) -> ModeMessage:
    if value not in list(Mode):
        raise MessageError(kind, f"must be one of {', '.join(Mode)}")
    return ModeMessage(Mode(value))


def _sdp(kind: str, value: Any) -> str:
    if not isinstance(value, str):
        raise MessageError(kind, "the offer's SDP must be text")
    return value


def _parse_clock(kind: str, value: Any) -> ClockMessage:
    t0 = value.get("t0") if isinstance(value, dict) else None
    try:
        # JSON's numbers may be beyond what a float holds, and Python also reads NaN and Infinity, which JSON can't say.
        if isinstance(t0, int | float) and not isinstance(t0, bool) and math.isfinite(t0):
            return ClockMessage(float(t0))
    except OverflowError:
        pass
    raise MessageError(kind, "needs t0, the browser's own clock in seconds")


_PARSERS: Final[Mapping[str, Callable[[str, Any], Message]]] = {
    "webrtc/offer": _parse_first_offer,
    "webrtc": _parse_webrtc,
    "webrtc/candidate": lambda _, __: CandidateMessage(),
    "clock": _parse_clock,
    "grant": _parse_grant,
    "mse": _parse_mse,
    "negotiate": lambda _, value: NegotiateMessage(value),
    "mode": _parse_mode,
    "report": lambda _, value: ReportMessage(value),
}


KINDS: Final = frozenset(_PARSERS)
"""The types that are understood."""


def answer_message(sdp: str, *, version: int) -> dict[str, Any]:
    """The answer in the envelope of the offer."""
    if version == 1:
        return {"type": "webrtc/answer", "value": sdp}
    return {"type": "webrtc", "value": {"type": "answer", "sdp": sdp}}


def error_message(kind: str, message: str) -> dict[str, Any]:
    """A typed error; the socket stays open.

    `message` may begin with the kind already: what a value lacks as a whole is told of the key that it is elsewhere.
    """
    return {"type": "error", "value": f"{kind}: {message.removeprefix(f'{kind}: ')}"}


def offer_kind(version: int) -> str:
    """The type an offer of this version came in, for its errors."""
    return "webrtc/offer" if version == 1 else "webrtc"
