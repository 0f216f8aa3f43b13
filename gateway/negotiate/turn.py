"""Credentials for a TURN server that live for minutes and name their holder (pure).

The server shares one secret with the gateway and keeps no list of users (draft-uberti-behave-turn-rest, which coturn
calls `use-auth-secret`): the name says until when, the password proves that we wrote it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Any, Final

LONGEST_LIFE_S: Final = 600
"""A browser keeps relaying with what it began with; only beginning anew needs fresh credentials."""

_HOLDER = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server's addresses (`turn:HOST:PORT?transport=udp`) and the secret it shares with the gateway."""

    urls: tuple[str, ...]
    secret: str = field(repr=False)


def account_holder(turn: Turn, account: str) -> str:
    """Who a user or API key is to the server: always the same, and nobody without the secret can tell whose it is."""
    return hmac.new(turn.secret.encode(), b"holder:" + account.encode(), hashlib.sha256).hexdigest()[:16]


def turn_server(turn: Turn, *, holder: str, now: float, expires_at: float | None) -> dict[str, Any]:
    """An `RTCIceServer` good until `expires_at` (unix seconds), 10 min at most.

    `holder` (a grant's or session's id) ends up in the server's log and limits, never a person's name.  Raises
    ValueError for what can't stand in a name.
    """
    if not _HOLDER.fullmatch(holder):
        raise ValueError("a TURN credential's holder has 1 to 64 letters, digits, '_' or '-'")
    end = now + LONGEST_LIFE_S
    if expires_at is not None:
        end = min(end, expires_at)
    username = f"{int(end)}:{holder}"
    # SHA-1 is what the servers compute; an HMAC does not need it to resist collisions.
    digest = hmac.new(turn.secret.encode(), username.encode(), hashlib.sha1).digest()
    return {"urls": list(turn.urls), "username": username, "credential": base64.b64encode(digest).decode("ascii")}
