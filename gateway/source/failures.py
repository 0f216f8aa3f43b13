"""Says in words why a camera can't be read: FFmpeg's exceptions to reasons without secrets.

FFmpeg's own messages hold the whole URL with its password, so nothing of them is ever passed on.
"""

from __future__ import annotations

import errno
import socket
from typing import Final
from urllib.parse import urlsplit

import av

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
_BY_EXCEPTION: Final[tuple[tuple[type[BaseException], ReasonCode], ...]] = (
    (av.error.HTTPUnauthorizedError, ReasonCode.AUTH_FAILED),
    (av.error.HTTPForbiddenError, ReasonCode.AUTH_FAILED),
    (av.error.HTTPNotFoundError, ReasonCode.NOT_FOUND),
    (ConnectionRefusedError, ReasonCode.REFUSED),
    (ConnectionResetError, ReasonCode.CLOSED),
    (ConnectionAbortedError, ReasonCode.CLOSED),
    (BrokenPipeError, ReasonCode.CLOSED),
    (EOFError, ReasonCode.CLOSED),
)
_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT})


def reason(code: ReasonCode, url: str) -> Reason:
    """The reason with its usual sentence; `url` gives the address only."""
    return Reason(code, _MESSAGES[code], address_of(url) or None)


def classify(error: BaseException, url: str, *, opened: bool) -> Reason:
    """Why reading `url` failed with `error`; `opened` tells a silent stream from a camera that never answered.

    May look the host's name up, so it belongs in a thread.
    """
    return reason(_code(error, url, opened=opened), url)


def _code(error: BaseException, url: str, *, opened: bool) -> ReasonCode:
    for kind, code in _BY_EXCEPTION:
        if isinstance(error, kind):
            return code
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno in _UNREACHABLE):
        return ReasonCode.NO_PICTURES if opened else ReasonCode.NO_ANSWER
    if isinstance(error, OSError) and error.errno == errno.EIO and not opened and not _resolves(url):
        return ReasonCode.UNRESOLVED
    return ReasonCode.CLOSED if opened else ReasonCode.PROTOCOL


def _resolves(url: str) -> bool:
    """FFmpeg reports an unknown host as a plain input/output error."""
    parts = urlsplit(url)
    try:
        socket.getaddrinfo(parts.hostname, parts.port or 554, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return False
    return True
