"""Checks what stands in the configuration instead of passwords and API keys (pure).

Quick to import, as every command reads the configuration.
"""

from __future__ import annotations

import re
from typing import Final

_PASSWORD_HASH = re.compile(
    r"\$argon2(?:id|i|d)\$v=19\$m=([1-9][0-9]{0,8}),t=([1-9][0-9]{0,8}),p=[1-9][0-9]{0,2}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
)
_API_KEY_HASH = re.compile(r"[0-9a-f]{64}")
_MAX_MEMORY_KIB: Final = 1024 * 1024
_MAX_ROUNDS: Final = 64


def parse_password_hash(text: str) -> str:
    """Returns `text` if it is an argon2 hash that can be checked in reasonable time; ValueError doesn't repeat it."""
    match = _PASSWORD_HASH.fullmatch(text)
    if match is None:
        raise ValueError("must be the hash that 'camera-gateway keys hash-password' prints, not the password itself")
    if int(match[1]) > _MAX_MEMORY_KIB or int(match[2]) > _MAX_ROUNDS:
        raise ValueError("takes too long to check; make it with 'camera-gateway keys hash-password'")
    return text


def parse_api_key_hash(text: str) -> str:
    """Returns `text` if it is a SHA-256 in hex; ValueError doesn't repeat it."""
    if not _API_KEY_HASH.fullmatch(text):
        raise ValueError("must be the hash that 'camera-gateway keys new-api-key' prints, not the key itself")
    return text
