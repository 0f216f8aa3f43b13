"""Checks people's passwords away from the event loop, few at a time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gateway.access.passwords import verify_password
from gateway.errors import TooManyRequests

_THREADS: Final = 2
_WAITING: Final = 32
"""Checks that may wait for a thread; more are told to come back, whoever they are."""
_REMEMBERED_S: Final = 60.0
_REMEMBERED: Final = 256


def too_many(what: str, wait_s: float) -> TooManyRequests:
    """`what` is the sentence up to when to come back."""
    seconds = max(1, round(wait_s + 0.5))
    return TooManyRequests(f"{what}; try again in {seconds} s", retry_after_s=seconds)


class Passwords:
    """Checks passwords in threads, few at a time, and remembers for a minute which were right.

    What is remembered is a MAC of name, password and configured hash with a key of this process.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="password")
        self._waiting = 0
        self._secret = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()

    def _digest(self, user: str, password: str, password_hash: str | None) -> bytes:
        message = "\0".join((user, password_hash or "", password)).encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, hashlib.sha256(message).digest(), "sha256")

    def remembers(self, user: str, password: str, password_hash: str | None, *, now: float) -> bool:
        """Whether this was right within the last minute."""
        until = self._right.get(self._digest(user, password, password_hash))
        return until is not None and now < until

    async def check(self, user: str, password: str, password_hash: str | None, *, now: float) -> bool:
        """Whether it is right; takes as long for a user who doesn't exist (None).  Raises TooManyRequests."""
        if self._waiting >= _WAITING:
            raise too_many("Too many people sign in at once", 1.0)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._executor, verify_password, password, password_hash)
        finally:
            self._waiting -= 1
        if right:
            self._right[self._digest(user, password, password_hash)] = now + _REMEMBERED_S
            while len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)
        return right

    def close(self) -> None:
        """Stop; what is being checked is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)
