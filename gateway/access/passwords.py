"""Hashes and checks people's passwords, by argon2id.

A check takes some 30 ms and 19 MiB on purpose: run it in a thread, few at a time, after the throttle.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

MAX_LENGTH: Final = 1024
MIN_LENGTH: Final = 8

# OWASP's choice for argon2id where memory is scarce, as on the small machines that stand beside cameras.
_HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """The hash for `access.users.NAME.hash`; ValueError, without the password, if it is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ValueError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    return _HASHER.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is right; takes as long for a user who doesn't exist (None)."""
    try:
        _HASHER.verify(password_hash or _hash_of_nobody(), password[:MAX_LENGTH])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None and len(password) <= MAX_LENGTH


@cache
def _hash_of_nobody() -> str:
    return _HASHER.hash("the password of nobody")
