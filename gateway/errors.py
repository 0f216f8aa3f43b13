"""Every error the gateway raises on purpose: who erred, the HTTP status, the words.

    GatewayError                     status  exit
    ├── ConfigError                       -  2     whoever runs the gateway: file, environment, command line
    │   └── PortInUse                     -  2     another program has the port
    ├── ClientError                     4xx        whoever asks
    │   ├── BadRequest                  400
    │   ├── Unauthorized                401        who asks is not known
    │   ├── Forbidden                   403        foreign Origin, or not allowed
    │   ├── NotFound                    404        camera_not_found, session_not_found, not_found
    │   ├── MethodNotAllowed            405
    │   ├── CameraOffline               409        the camera erred; Retry-After
    │   ├── PreconditionFailed          412        WHEP: stale If-Match
    │   ├── TooLarge                    413
    │   ├── UriTooLong                  414
    │   ├── UnsupportedMediaType        415
    │   ├── RangeNotSatisfiable         416        begins beyond the end
    │   ├── Unprocessable               422        understood, but can't be done (no codec in common)
    │   ├── PreconditionRequired        428        WHEP: missing If-Match
    │   └── TooManyRequests             429        Retry-After
    └── Unavailable                     503        the gateway is at a limit; Retry-After

A message is one sentence a person can act on and holds no secret; `code` is for programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class GatewayError(Exception):
    """Base of all; `retry_after_s` is in whole seconds, None where trying again would not help by itself."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retry_after_s = retry_after_s
        self.links: tuple[str, ...] = ()
        """What else may help, as `Link` headers; they hold grants, so they never stand in words."""

    def body(self) -> dict[str, dict[str, str]]:
        """The one JSON body of errors."""
        return {"error": {"code": self.code, "message": self.message}}


class ConfigError(GatewayError):
    """What was configured can't work; `lines` is everything wrong with it, one sentence each."""

    exit_code = 2
    default_code = "config"

    def __init__(self, lines: str | Sequence[str]) -> None:
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        super().__init__("\n".join(self.lines))


class PortInUse(ConfigError):
    """The address to listen on is taken; `key` is what to change in the configuration (`listen`)."""

    def __init__(self, *, key: str, address: str) -> None:
        self.key = key
        self.address = address
        super().__init__(f"{key}: another program already uses {address}; stop it or choose another port")


class ClientError(GatewayError):
    """The request can't be served as it is."""

    status = 400
    default_code = "bad_request"


class BadRequest(ClientError):
    """The request is malformed: bad SDP, bad JSON, a missing parameter."""


class Unauthorized(ClientError):
    """Whoever asks has shown nothing that tells who they are, or nothing that is good any more."""

    status = 401
    default_code = "sign_in_required"


class Forbidden(ClientError):
    """The request comes from a foreign page, or asks for what its sender may not see."""

    status = 403
    default_code = "forbidden"


class NotFound(ClientError):
    """There is nothing of that name."""

    status = 404
    default_code = "not_found"

    @classmethod
    def camera(cls, name: str) -> NotFound:
        """For a camera that is not configured."""
        return cls(f"There is no camera '{name}'", code="camera_not_found")

    @classmethod
    def session(cls) -> NotFound:
        """For a viewer's session that has ended or never was; its id is a secret and stays out of the words."""
        return cls("This session has ended or never existed", code="session_not_found")


class MethodNotAllowed(ClientError):
    """The address exists but does not take this method."""

    status = 405
    default_code = "method_not_allowed"


class CameraOffline(ClientError):
    """The camera sends no pictures right now; the message says why where that is known."""

    status = 409
    default_code = "camera_offline"


class PreconditionFailed(ClientError):
    """If-Match names a state that has passed."""

    status = 412
    default_code = "precondition_failed"


class TooLarge(ClientError):
    """The body is beyond the limit."""

    status = 413
    default_code = "too_large"


class UriTooLong(ClientError):
    """The address is beyond the limit."""

    status = 414
    default_code = "uri_too_long"


class UnsupportedMediaType(ClientError):
    """The body's Content-Type is not one that is understood here."""

    status = 415
    default_code = "unsupported_media_type"


class RangeNotSatisfiable(ClientError):
    """The range begins beyond the end of what there is, which has `size` bytes."""

    status = 416
    default_code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"Range: begins beyond the {size} bytes there are")


class Unprocessable(ClientError):
    """The request is well-formed, but what it asks for can't be done."""

    status = 422
    default_code = "unprocessable"


class PreconditionRequired(ClientError):
    """If-Match is missing."""

    status = 428
    default_code = "precondition_required"


class TooManyRequests(ClientError):
    """One address or account asks too often; `retry_after_s` says when to come back."""

    status = 429
    default_code = "too_many_requests"


class Unavailable(GatewayError):
    """The gateway has reached a limit of its own; trying again later may help."""

    status = 503
    default_code = "unavailable"
