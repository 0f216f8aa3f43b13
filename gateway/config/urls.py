"""The address of a camera, which holds a password and never shows it (pure)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gateway.redaction import MASK

SCHEMES: Final = ("rtsp", "rtsps")
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
_MAX_LENGTH = 2048

_SPECIAL = "if the password contains / ? # or @, write that percent-encoded (/ is %2F, ? is %3F, # is %23, @ is %40)"
# Some cameras take the password, and some a token, as a part of the path.
_ASSIGNED = re.compile(r"=[^/&?]*")
_TOKEN = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_\-]{16,}")


class CameraUrl:
    """An `rtsp://` or `rtsps://` address.  `str`, `repr` and `redacted` hide what may be secret; `reveal` does not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Raises ValueError, with a sentence that doesn't repeat the address, if it is not a camera's."""
        _check(text)
        self._text = text

    def reveal(self) -> str:
        """The address with its password, for opening the camera only."""
        return self._text

    @property
    def redacted(self) -> str:
        """The address as it may be shown: user, host, port and path stay, passwords and tokens don't."""
        parts = urlsplit(self._text)
        user = f"{parts.username}:{MASK}@" if parts.password is not None else f"{MASK}@" if parts.username else ""
        location = f"{_bracketed(parts)}:{parts.port}" if parts.port else _bracketed(parts)
        path = _TOKEN.sub(MASK, _ASSIGNED.sub(f"={MASK}", parts.path))
        query = f"?{MASK}" if parts.query else ""
        return f"{parts.scheme}://{user}{location}{path}{query}"

    @property
    def address(self) -> str:
        """`host:port`, the port by default 554 (rtsps: 322)."""
        parts = urlsplit(self._text)
        return f"{_bracketed(parts)}:{parts.port or _DEFAULT_PORTS[parts.scheme]}"

    def __str__(self) -> str:
        return self.redacted

    def __repr__(self) -> str:
        return f"CameraUrl({self.redacted!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CameraUrl) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Lets a model take a string where it declares a CameraUrl."""
        return core_schema.no_info_plain_validator_function(cls._validate)

    @classmethod
    def _validate(cls, value: object) -> CameraUrl:
        if isinstance(value, CameraUrl):
            return value
        if not isinstance(value, str):
            raise ValueError("must be a camera's address, rtsp://…")  # noqa: TRY004 (pydantic collects ValueErrors)
        return cls(value)


def _check(text: str) -> None:
    if not text:
        raise ValueError("has no value: write the camera's address, rtsp://…")
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"is longer than {_MAX_LENGTH} characters")
    if not text.isprintable() or " " in text:
        raise ValueError("contains a space or a control character; write it percent-encoded (a space is %20)")
    scheme, separator, _ = text.partition("://")
    if not separator:
        raise ValueError("must be a whole address: rtsp://host/path")
    if scheme not in SCHEMES:
        raise ValueError("begins with a scheme that can't be read; use rtsp:// or rtsps://")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose text repeats a part of the address
        raise ValueError(f"has a host or port that can't be understood; {_SPECIAL}") from None
    after_host = text[len(scheme) + len("://") + len(parts.netloc) :]
    if ":" in parts.netloc and "@" not in parts.netloc and "@" in after_host:
        # `user:12/34@host` would be read as the host "user" with port 12.
        raise ValueError(f"has an '@' after the host; {_SPECIAL}")
    if not host:
        raise ValueError("has no host; write rtsp://host/path")
    if port == 0:
        raise ValueError("has port 0; ports are 1 to 65535")


def _bracketed(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host
