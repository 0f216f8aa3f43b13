"""What caches may do with an answer, in view of what let its reader in (pure)."""

from __future__ import annotations

import re
from typing import Final

from gateway.access.carriers import Carrier
from gateway.access.decision import Verdict

_MAX_AGE: Final = re.compile(r"max-age=([0-9]+)")


def narrowed(cached: str, verdict: Verdict, *, now: float) -> str:
    """A Cache-Control for whoever got `verdict`, at `now` in unix seconds.

    A shared cache knows addresses only: without a grant in it, it would give to anybody what one was let in for.  And
    what a grant opened is not given out of a cache when the grant is over.
    """
    if "max-age" not in cached:
        return cached
    if verdict.carrier not in (None, Carrier.PATH):
        cached = ", ".join(["private", *_shareable(cached)])
    expires_at = verdict.principal.expires_at
    if expires_at is None:
        return cached
    longest = max(0, int(expires_at - now))
    return _MAX_AGE.sub(lambda age: f"max-age={min(int(age[1]), longest)}", cached)


def _shareable(cached: str) -> list[str]:
    return [part for part in (part.strip() for part in cached.split(",")) if part not in ("public", "private")]
