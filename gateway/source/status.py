"""What a camera is doing right now, and why, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CameraState(StrEnum):
    """States of a camera."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    OFFLINE = "offline"
    UNSUPPORTED = "unsupported"


class ReasonCode(StrEnum):
    """Machine-readable causes; each has one sentence for people in `Reason.message`."""

    AUTH_FAILED = "auth_failed"
    NOT_FOUND = "not_found"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    UNRESOLVED = "unresolved"
    NO_PICTURES = "no_pictures"
    CLOSED = "closed"
    NO_VIDEO = "no_video"
    CODEC = "codec"
    B_FRAMES = "b_frames"
    DISABLED = "disabled"
    PROTOCOL = "protocol"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a camera is not live.  `message` never holds a password; `address` (host:port) is for admins only."""

    code: ReasonCode
    message: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """State, cause, and since when (unix seconds); `retry_at` is when the next attempt starts, if one is planned."""

    state: CameraState
    since: float
    reason: Reason | None = None
    retry_at: float | None = None
