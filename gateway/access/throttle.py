"""Slows down who asks too often: a token bucket for each address or account (pure)."""

from __future__ import annotations

import functools
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

_ROUNDING_S = 1e-3
_ADDRESSES: Final = 1024


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then one every `interval_s`."""

    burst: int
    interval_s: float


LOGIN_PER_ADDRESS: Final = Rate(burst=10, interval_s=6.0)
LOGIN_PER_ACCOUNT: Final = Rate(burst=20, interval_s=30.0)
"""Slower, as many addresses may try one account, yet never closed: its owner gets in between the guesses."""
REFUSED_PER_ADDRESS: Final = Rate(burst=100, interval_s=0.5)
"""Requests answered 401 or 403: telling these two apart costs more than letting somebody in."""
WRITES_PER_ADDRESS: Final = Rate(burst=60, interval_s=0.1)
SIGN_PER_ACCOUNT: Final = Rate(burst=60, interval_s=0.2)
STRANGER_TOLD: Final = Rate(burst=1, interval_s=60.0)
GRANTS_PER_SOCKET: Final = Rate(burst=5, interval_s=1.0)
OFFERS_PER_SOCKET: Final = Rate(burst=10, interval_s=1.0)
ASKED_PER_SOCKET: Final = Rate(burst=10, interval_s=1.0)


class Throttle:
    """Buckets of one rate.  Holds `max_keys` of them; beyond that the one used longest ago is forgotten."""

    def __init__(self, rate: Rate, *, max_keys: int = 10_000) -> None:
        self._rate = rate
        self._max_keys = max_keys
        # For each key the time at which its bucket will be full again.
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, *, now: float) -> float:
        """Takes one token at `now` (monotonic seconds): 0.0, or the seconds to wait, and then nothing was taken."""
        wait_s = self.wait_s(key, now=now)
        if wait_s > 0:
            self._full_at.move_to_end(key)
            return wait_s
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._rate.interval_s
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
        return 0.0

    def wait_s(self, key: str, *, now: float) -> float:
        """How long until `take` would succeed, without taking."""
        full_at = self._full_at.get(key)
        if full_at is None or full_at <= now:
            return 0.0
        wait_s = full_at - now - (self._rate.burst - 1) * self._rate.interval_s
        return wait_s if wait_s > _ROUNDING_S else 0.0

    def give_back(self, key: str) -> None:
        """Takes the last `take` back, and no more: who got it right may not have guessed right before."""
        full_at = self._full_at.get(key)
        if full_at is not None:
            self._full_at[key] = full_at - self._rate.interval_s


@functools.lru_cache(maxsize=_ADDRESSES)
def address_key(host: str) -> str:
    """What counts as one address: an IPv6 customer has a whole /64; text that is no address counts as it is."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return host
