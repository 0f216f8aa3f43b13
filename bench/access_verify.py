"""Time per grant verified: python -m bench.access_verify"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from gateway.access.decision import Asked, Policy, decide
from gateway.access.grants import new_grant_id, sign_grant, verify_grant
from gateway.access.keyring import new_key
from gateway.access.keys import Keys
from gateway.access.prefixes import known_prefixes, prefix_of

_ROUNDS = 7
_CALLS = 5000


def main() -> None:
    now = time.time()
    keys = Keys((new_key(now=now), new_key(now=now - 86400)))
    deep = "a/b/c/d/e/f/g/h"
    cameras = [*(f"site{number // 10}/cam{number}" for number in range(1000)), "cam1", deep]
    policy = Policy(keys, frozenset(cameras), known_prefixes(cameras))

    def token(name: str) -> str:
        return sign_grant(keys.live[1], prefix=prefix_of(name), expires=int(now) + 300, grant_id=new_grant_id())

    for label, name, camera in (
        ("verify: a camera by its own grant", "cam1", "cam1"),
        ("verify: a site's grant", "site1/", "site1/cam11"),
        ("verify: the longest name, a grant for everything", "/", deep),
    ):
        _measure(label, partial(verify_grant, token(name), camera=camera, keys=keys, now=now))
    asked = Asked("GET", f"/g/{token('site1/cam11')}/site1/cam11/_hls/v/part12.m4s")
    _measure("decide: the whole decision about a part", partial(decide, asked, policy, now=now))
    refused = Asked("GET", f"/g/{token('cam1')}/site1/cam11/index.m3u8")
    _measure(f"decide: 403 among {len(policy.known)} prefixes", partial(decide, refused, policy, now=now), calls=50)


def _measure(label: str, call: Callable[[], object], *, calls: int = _CALLS) -> None:
    best = min(_round(call, calls) for _ in range(_ROUNDS))
    print(f"{label:<52}{best * 1e6:>9.1f} µs")


def _round(call: Callable[[], object], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


if __name__ == "__main__":
    main()
