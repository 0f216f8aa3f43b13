"""Signs and verifies grants (pure; docs/adr/0007-grants.md).

A grant doesn't say what it covers: the verifier tries what could cover the camera asked for.  To tell a grant for
something else (403) from a forged one (401) it then tries the prefixes of all configured cameras, so the answer does
not depend on whether the camera asked for exists.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.access.keys import Keys, Mac, SigningKey
from gateway.access.prefixes import EVERYTHING, is_prefix, prefixes_covering
from gateway.access.refusal import EXPIRED, FORBIDDEN, MALFORMED, TOO_FAR, UNKNOWN_KEY, Refusal

MAX_AGE_S: Final = 3600
"""The longest time a grant may be signed for; one that reaches further into the future is refused."""

PAGE_AGE_S: Final = 300
"""How long the grants live that a page holds and renews."""

SKEW_S: Final = 30
"""By how much the clocks of signer and verifier may differ, either way."""

_TOKEN = re.compile(r"([A-Za-z0-9_-]{1,32})\.([1-9][0-9]{0,10})\.([0-9a-f]{16})\.([0-9a-f]{64})")
_GRANT_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A verified grant: `expires` in unix seconds, `prefix` with slashes around (`/site1/`)."""

    kid: str
    expires: int
    id: str
    prefix: str


def new_grant_id() -> str:
    """16 random hex digits."""
    return secrets.token_hex(8)


def sign_grant(key: SigningKey, *, prefix: str, expires: int, grant_id: str) -> str:
    """The token for `prefix` (from `prefix_of`) until `expires`, in whole unix seconds.

    Raises ValueError for a prefix or id that can't be, which would make a token that opens nothing.
    """
    if not is_prefix(prefix):
        raise ValueError("a grant's prefix has slashes around: /site1/yard/")
    if not _GRANT_ID.fullmatch(grant_id):
        raise ValueError("a grant's id has 16 digits 0-9 a-f")
    head = f"{key.id}.{expires}.{grant_id}"
    token = f"{head}.{_mac(key, str(expires), grant_id).digest(prefix.encode('ascii')).hex()}"
    if not _TOKEN.fullmatch(token):
        raise ValueError("a grant expires at a time after 1970, in whole seconds")
    return token


def good_between(expires: int) -> tuple[float, float]:
    """The first and the last moment (unix seconds) at which a grant until `expires` is good."""
    return expires - MAX_AGE_S - SKEW_S, expires + SKEW_S


def verify_grant(
    token: str, *, camera: str | None, keys: Keys, now: float, known: Sequence[str] = ()
) -> Grant | Refusal:
    """The grant, if it is good at `now` (unix seconds) for `camera`; None as camera asks for any that is valid.

    `known` (from `known_prefixes`) decides between 401 and 403 where nothing covers `camera`, and finds what a grant
    covers where none is asked for.  Time is judged before the signature, and costs nothing.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        return MALFORMED
    kid, expires_text, grant_id, signature = match.groups()
    expires = int(expires_text)
    first, last = good_between(expires)
    if now > last:
        return EXPIRED
    if now < first:
        return TOO_FAR
    key = keys.find(kid)
    if key is None:
        return UNKNOWN_KEY
    mac = _mac(key, expires_text, grant_id)
    signed = bytes.fromhex(signature)
    candidates = (EVERYTHING,) if camera is None else (*prefixes_covering(camera), EVERYTHING)
    prefix = _signed_prefix(mac, signed, candidates)
    if prefix is not None:
        return Grant(kid, expires, grant_id, prefix)
    prefix = _signed_prefix(mac, signed, known)
    if prefix is None:
        return MALFORMED
    return FORBIDDEN if camera is not None else Grant(kid, expires, grant_id, prefix)


def _signed_prefix(mac: Mac, signature: bytes, prefixes: Iterable[str]) -> str | None:
    for prefix in prefixes:
        if hmac.compare_digest(mac.digest(prefix.encode("ascii")), signature):
            return prefix
    return None


def _mac(key: SigningKey, expires: str, grant_id: str) -> Mac:
    return key.mac(f"v1\n{key.id}\n{expires}\n{grant_id}\n".encode("ascii"))
