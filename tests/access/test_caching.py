"""What caches may keep, of what was opened by what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.access.caching import narrowed
from gateway.access.carriers import Carrier
from gateway.access.decision import Verdict
from gateway.access.principal import NOBODY

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("carrier", "lasts_s", "cached", "expected"),
    [
        (None, None, "max-age=3600, immutable", "max-age=3600, immutable"),
        (Carrier.PATH, 300.0, "max-age=3600, immutable", "max-age=300, immutable"),
        (Carrier.PATH, 300.9, "max-age=3600, immutable", "max-age=300, immutable"),
        (Carrier.PATH, 300.0, "max-age=24", "max-age=24"),
        (Carrier.PATH, -10.0, "max-age=24", "max-age=0"),
        (Carrier.PATH, 300.0, "no-cache", "no-cache"),
        (Carrier.BEARER, 300.0, "max-age=3600, immutable", "private, max-age=300, immutable"),
        (Carrier.COOKIE, 9000.0, "public, max-age=3600", "private, max-age=3600"),
        (Carrier.API_KEY, None, "private, max-age=1", "private, max-age=1"),
        (Carrier.API_KEY, None, "no-store", "no-store"),
    ],
)
def test_a_shared_cache_needs_the_grant_in_the_address_and_none_keeps_it_longer(
    carrier: Carrier | None, lasts_s: float | None, cached: str, expected: str
) -> None:
    expires_at = None if lasts_s is None else NOW + lasts_s
    verdict = Verdict(None, principal=replace(NOBODY, expires_at=expires_at), carrier=carrier)
    assert narrowed(cached, verdict, now=NOW) == expected
