"""API keys of programs: 32 random bytes, of which only the SHA-256 is kept (pure).

A plain hash is enough for what nobody can guess; passwords need more (gateway.access.passwords).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

from gateway.access.principal import Account

_MARK: Final = "cgk_"
_KEY = re.compile(r"cgk_[A-Za-z0-9_-]{43}")


def new_api_key() -> str:
    """`cgk_` and 43 characters; shown once, then only its hash is left."""
    return _MARK + secrets.token_urlsafe(32)


def is_api_key(text: str) -> bool:
    """Whether it looks like one, whole or damaged."""
    return text.startswith(_MARK)


def hash_api_key(text: str) -> str:
    """SHA-256 of the whole key in hex, as `access.api_keys.NAME.hash` wants it; ValueError for what is no key."""
    if not _KEY.fullmatch(text):
        raise ValueError("an API key is cgk_ and 43 letters, digits, '_' or '-'")
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def find_api_key(text: str, accounts: Iterable[Account]) -> Account | None:
    """The account whose key it is; takes the same time wherever that stands."""
    try:
        digest = hash_api_key(text)
    except ValueError:
        return None
    found = None
    for account in accounts:
        if hmac.compare_digest(account.secret_hash, digest):
            found = account
    return found
