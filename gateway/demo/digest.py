"""Digest authentication with MD5 as cameras ask for it (RFC 2617; RFC 7616 where it agrees).  No I/O."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_FIELD = re.compile(r'([a-z]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))\s*(?:,|$)', re.IGNORECASE)
_COUNT = re.compile(r"[0-9a-fA-F]{8}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may watch; the password is kept out of repr."""

    user: str
    password: str = field(repr=False)


class DigestChallenge:
    """One connection's challenge: its nonce is good for that connection only, so an answer can't be used elsewhere."""

    def __init__(self, credentials: Credentials, *, realm: str) -> None:
        self._credentials = credentials
        self._realm = realm
        self._nonce = secrets.token_hex(16)
        self._last_count = 0

    @property
    def header(self) -> str:
        """The value of WWW-Authenticate."""
        return f'Digest realm="{self._realm}", nonce="{self._nonce}", algorithm=MD5, qop="auth"'

    def accepts(self, authorization: str | None, *, method: str, uri: str) -> bool:
        """Whether the Authorization header answers this challenge for that request, with or without qop."""
        scheme, _, rest = (authorization or "").partition(" ")
        if scheme.lower() != "digest":
            return False
        fields = {name.lower(): quoted or token for name, quoted, token in _FIELD.findall(rest)}
        if (
            fields.get("username") != self._credentials.user
            or fields.get("nonce") != self._nonce
            or fields.get("uri") != uri
        ):
            return False
        middle = self._nonce
        if "qop" in fields:
            count = fields.get("nc", "")
            if fields["qop"] != "auth" or not _COUNT.fullmatch(count) or int(count, 16) <= self._last_count:
                return False
            middle = f"{self._nonce}:{count}:{fields.get('cnonce', '')}:auth"
        expected = self._response(middle, method=method, uri=uri)
        if not hmac.compare_digest(expected.encode(), fields.get("response", "").encode()):
            return False
        if "qop" in fields:
            self._last_count = int(fields["nc"], 16)
        return True

    def _response(self, middle: str, *, method: str, uri: str) -> str:
        secret = _md5(f"{self._credentials.user}:{self._realm}:{self._credentials.password}")
        return _md5(f"{secret}:{middle}:{_md5(f'{method}:{uri}')}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
