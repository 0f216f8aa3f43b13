"""Session cookies of people who signed in (pure).

The value is `{kid}.{user}.{issued}.{expires}.{id}.{signature}`, the user in base64url, the signature a hex HMAC-SHA256
with a secret derived from the signing key.  Signed with it is the hash of the user's password: a changed password ends
every session made with the old one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import re
import secrets
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.access.grants import SKEW_S
from gateway.access.keys import Keys, SigningKey

SESSION_AGE_S: Final = 7 * 86400
"""How long a session lasts without being renewed."""

RENEW_AFTER_S: Final = 86400
"""A session in use that is older than this gets a new cookie."""

_COOKIE = re.compile(
    r"([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{1,400})\.([1-9][0-9]{0,10})\.([1-9][0-9]{0,10})\.([0-9a-f]{32})\.([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in; `issued` and `expires` in unix seconds, `id` stays the same when the cookie is renewed."""

    user: str
    issued: int
    expires: int
    id: str


class PasswordHashes(Protocol):
    """The configured hash of each user's password."""

    def __call__(self, user: str, /) -> str | None:
        """None if there is no such user."""


def new_session(user: str, *, now: float) -> Session:
    """For somebody who has just proved to be `user`."""
    issued = int(now)
    return Session(user, issued, issued + SESSION_AGE_S, secrets.token_hex(16))


def renewed(session: Session, *, now: float) -> Session | None:
    """The same session for longer, or None while there is no need to renew it."""
    if now < session.issued + RENEW_AFTER_S:
        return None
    return Session(session.user, int(now), int(now) + SESSION_AGE_S, session.id)


def good_between(session: Session) -> tuple[float, float]:
    """The first and the last moment (unix seconds) at which a session's cookie is good."""
    return session.issued - SKEW_S, math.nextafter(session.expires, -math.inf)


def make_cookie(session: Session, *, key: SigningKey, password_hash: str) -> str:
    """The cookie's value; `password_hash` is the user's, as configured."""
    user = base64.urlsafe_b64encode(session.user.encode("utf-8")).decode("ascii").rstrip("=")
    head = f"{key.id}.{user}.{session.issued}.{session.expires}.{session.id}"
    return f"{head}.{_signature(key, head, password_hash)}"


def read_cookie(value: str, *, keys: Keys, now: float, password_hashes: PasswordHashes) -> Session | None:
    """The session, if the cookie is good at `now` (unix seconds); logging out is `Revocations`' to know."""
    match = _COOKIE.fullmatch(value)
    key = keys.find(match[1]) if match else None
    if match is None or key is None:
        return None
    try:
        user = base64.urlsafe_b64decode(match[2] + "=" * (-len(match[2]) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    session = Session(user, int(match[3]), int(match[4]), match[5])
    password_hash = password_hashes(user)
    # A user who doesn't exist takes as long as one who does.
    signature = _signature(key, value.rpartition(".")[0], password_hash or "")
    if not hmac.compare_digest(signature, match[6]) or password_hash is None:
        return None
    first, last = good_between(session)
    return session if first <= now <= last else None


def _signature(key: SigningKey, head: str, password_hash: str) -> str:
    fingerprint = hashlib.sha256(password_hash.encode("utf-8")).hexdigest()
    return hmac.digest(key.session_secret, f"v1\n{head}\n{fingerprint}".encode("ascii"), "sha256").hex()
