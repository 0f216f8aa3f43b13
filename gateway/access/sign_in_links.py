"""Links that sign somebody in once, such as the one `serve` prints when it starts (pure)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

LINK_AGE_S: Final = 86400.0
"""How long a link waits to be used."""

_MAX_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class _Link:
    user: str
    expires: float


class SignInLinks:
    """The links that were given out and not used.  Holds `max_links`; beyond that the oldest stops working.

    Only hashes of the tokens are kept, and only in memory: a restart ends them.
    """

    def __init__(self, *, max_links: int = 16) -> None:
        self._max_links = max_links
        self._links: dict[bytes, _Link] = {}

    def __len__(self) -> int:
        return len(self._links)

    def issue(self, user: str, *, now: float) -> str:
        """A token for `/login?token=…` (the log hides what is called so); `now` in monotonic seconds."""
        token = secrets.token_urlsafe(32)
        self._links[_digest(token)] = _Link(user, now + LINK_AGE_S)
        if len(self._links) > self._max_links:
            del self._links[next(iter(self._links))]
        return token

    def redeem(self, token: str, *, now: float) -> str | None:
        """The user a token signs in, the first time and in time; else None."""
        if len(token) > _MAX_LENGTH:
            return None
        # Looking up a digest tells nothing about how much of a token was right.
        link = self._links.pop(_digest(token), None)
        return link.user if link is not None and now < link.expires else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
