"""Signing keys: which one signs, which ones verify, and when a new one is due (pure)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAX_LIVE: Final = 2
"""The newest key signs; the one before it still verifies."""

MAX_KEY_AGE_S: Final = 35 * 86400.0

_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SECRET = re.compile(r"[0-9a-f]{64,256}")
_BLOCK_BYTES: Final = 64
_SESSION_PURPOSE: Final = b"camera-gateway session cookie v1"


@dataclass(frozen=True, slots=True)
class Mac:
    """HMAC-SHA256 (RFC 2104) of messages that begin alike, its two hash states being ready.

    A verifier tries up to nine prefixes; copying the standard library's HMAC object would take them half as long again.
    """

    _inner: hashlib._Hash = field(repr=False)
    _outer: hashlib._Hash = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> Self:
        """Of all messages."""
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        key = key.ljust(_BLOCK_BYTES, b"\0")
        return cls(
            hashlib.sha256(bytes(byte ^ 0x36 for byte in key)), hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        )

    def after(self, head: bytes) -> Mac:
        """Of messages that go on with `head`."""
        inner = self._inner.copy()
        inner.update(head)
        return Mac(inner, self._outer)

    def digest(self, rest: bytes) -> bytes:
        """Of the message that ends with `rest`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(rest)
        outer.update(inner.digest())
        return outer.digest()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`secret` is at least 32 bytes in lower-case hex; the HMAC key is that text itself, as ASCII.

    `created` is in unix seconds.  Raises ValueError, without the secret, for what can't be a key.
    """

    id: str
    secret: str = field(repr=False)
    created: int
    session_secret: bytes = field(init=False, repr=False, compare=False)
    """Derived from `secret`, for session cookies: what the edge knows about grants can't make one of them."""
    _mac: Mac = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError("a key's id has 1 to 32 letters, digits, '_' or '-'")
        if not _SECRET.fullmatch(self.secret):
            raise ValueError("a key's secret has 64 to 256 digits 0-9 a-f (32 random bytes or more in hex)")
        if not 0 <= self.created < 10**11:
            raise ValueError("a key's 'created' is a time in seconds since 1970")
        secret = self.secret.encode("ascii")
        derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=_SESSION_PURPOSE)
        object.__setattr__(self, "session_secret", derivation.derive(secret))
        object.__setattr__(self, "_mac", Mac.of(secret))

    def mac(self, head: bytes) -> Mac:
        """HMAC-SHA256 with this key over messages that begin with `head`."""
        return self._mac.after(head)


@dataclass(frozen=True, slots=True)
class Keys:
    """The live keys, newest first: one or two."""

    live: tuple[SigningKey, ...]

    @classmethod
    def newest_of(cls, keys: Iterable[SigningKey]) -> Self:
        """The two created last; among those of one second what comes first counts as newer.

        Raises ValueError without any, or if two have the same id.
        """
        ordered = sorted(keys, key=lambda key: -key.created)
        if not ordered:
            raise ValueError("there is no key")
        ids = [key.id for key in ordered]
        for key_id in ids:
            if ids.count(key_id) > 1:
                raise ValueError(f"two keys have the id '{key_id}'")
        return cls(tuple(ordered[:MAX_LIVE]))

    @property
    def active(self) -> SigningKey:
        """The one that signs."""
        return self.live[0]

    def find(self, key_id: str) -> SigningKey | None:
        """The live key of that id."""
        for key in self.live:
            if key.id == key_id:
                return key
        return None

    def warning(self, now: float) -> str | None:
        """A sentence for the log once the active key is older than 35 days."""
        age_s = now - self.active.created
        if age_s <= MAX_KEY_AGE_S:
            return None
        return (
            f"the signing key {self.active.id} is {int(age_s // 86400)} days old; "
            "run 'camera-gateway keys rotate' once a month"
        )
