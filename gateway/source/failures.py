"""Says in words why a camera can't be read: FFmpeg's exceptions to reasons without secrets.

FFmpeg's own messages hold the whole URL with its password, so nothing of them is ever passed on.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import av

from gateway.source.connection import READ_TIMEOUT_S
from gateway.source.settings import address_of
from gateway.source.status import Reason, ReasonCode

_MESSAGES: Final = {
    ReasonCode.AUTH_FAILED: "Wrong user name or password",
    ReasonCode.NOT_FOUND: "The camera has no stream at this path",
    ReasonCode.NO_ANSWER: "No answer from the camera",
    ReasonCode.REFUSED: "The camera refuses the connection; its RTSP port is closed",
    ReasonCode.UNRESOLVED: "The camera's host name is unknown",
    ReasonCode.NO_PICTURES: "The camera has stopped sending pictures",
    ReasonCode.CLOSED: "The camera closed the connection",
    ReasonCode.PROTOCOL: "The camera's answer can't be understood; check that the URL is that of an RTSP stream",
}
_FORBIDDEN: Final = "The camera does not allow this user to watch"
_TRANSPORT: Final = "The camera does not offer this transport; set its transport to the other of tcp and udp"
_BUSY: Final = "The camera refuses to play; it may be busy, or allow fewer connections at once"
_BY_EXCEPTION: Final[tuple[tuple[type[BaseException], ReasonCode], ...]] = (
    (av.error.HTTPUnauthorizedError, ReasonCode.AUTH_FAILED),
    (av.error.HTTPNotFoundError, ReasonCode.NOT_FOUND),
    (ConnectionRefusedError, ReasonCode.REFUSED),
    (ConnectionResetError, ReasonCode.CLOSED),
    (ConnectionAbortedError, ReasonCode.CLOSED),
    (BrokenPipeError, ReasonCode.CLOSED),
    (EOFError, ReasonCode.CLOSED),
)
_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT})


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far it came: whether the stream had begun, and how many seconds the step took in which it failed."""

    opened: bool
    took_s: float


def reason(code: ReasonCode, url: str, *, message: str | None = None) -> Reason:
    """The reason with `message`, else its usual sentence; `url` gives the address only."""
    return Reason(code, message or _MESSAGES[code], address_of(url) or None)


def classify(error: BaseException, url: str, attempt: Attempt) -> Reason:
    """Why reading `url` failed with `error`.  May look the host's name up, so it belongs in a thread."""
    if isinstance(error, av.error.HTTPForbiddenError):
        return reason(ReasonCode.AUTH_FAILED, url, message=_FORBIDDEN)
    for kind, code in _BY_EXCEPTION:
        if isinstance(error, kind):
            return reason(code, url)
    if isinstance(error, (av.error.HTTPServerError, av.error.HTTPOtherClientError)):
        return reason(ReasonCode.PROTOCOL, url, message=_BUSY)
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, TimeoutError) or number in _UNREACHABLE:
        return reason(ReasonCode.NO_PICTURES if attempt.opened else ReasonCode.NO_ANSWER, url)
    if number == errno.EPROTONOSUPPORT:
        return reason(ReasonCode.PROTOCOL, url, message=_TRANSPORT)
    if attempt.opened:
        return reason(ReasonCode.CLOSED, url)
    if attempt.took_s >= READ_TIMEOUT_S:
        # FFmpeg reports a deadline missed during the handshake as invalid data, or as "operation not permitted".
        return reason(ReasonCode.NO_ANSWER, url)
    if number == errno.EIO and not _resolves(url):
        return reason(ReasonCode.UNRESOLVED, url)
    return reason(ReasonCode.PROTOCOL, url)


def _resolves(url: str) -> bool:
    """FFmpeg reports an unknown host as a plain input/output error."""
    parts = urlsplit(url)
    try:
        socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return False
    return True
