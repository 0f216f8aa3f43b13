"""CPU time per grant verified: `python -m bench.access_verify`; exit code 1 if it is more than promised."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from gateway.access.decision import Asked, Policy, decide
from gateway.access.grants import new_grant_id, sign_grant, verify_grant
from gateway.access.keyring import new_key
from gateway.access.keys import Keys
from gateway.access.prefixes import known_prefixes, prefix_of

LIMIT_US: Final = 20.0
"""For verifying a grant, whatever it covers and however long the camera's name is."""

_VERIFY: Final = "verify: "
_ROUNDS: Final = 7
_CALLS: Final = 5000


def measure(*, rounds: int = _ROUNDS, calls: int = _CALLS) -> dict[str, float]:
    """Microseconds per call, the best round's: what others do meanwhile only adds to it."""
    now = time.time()
    keys = Keys((new_key(now=now), new_key(now=now - 86400)))
    deep = "a/b/c/d/e/f/g/h"
    cameras = [*(f"site{number // 10}/cam{number}" for number in range(1000)), "cam1", deep]
    policy = Policy(keys, frozenset(cameras), known_prefixes(cameras))

    def token(name: str) -> str:
        return sign_grant(keys.live[1], prefix=prefix_of(name), expires=int(now) + 300, grant_id=new_grant_id())

    forged = f"{token('cam1')[:-4]}0000"
    timed: dict[str, tuple[Callable[[], object], int]] = {}
    for label, grant, camera in (
        ("a camera by its own grant", token("cam1"), "cam1"),
        ("a site's grant", token("site1/"), "site1/cam11"),
        ("the longest name, a grant for everything", token("/"), deep),
        ("the longest name, forged, on a socket", forged, deep),
    ):
        timed[_VERIFY + label] = partial(verify_grant, grant, camera=camera, keys=keys, now=now), calls
    asked = Asked("GET", f"/g/{token('site1/cam11')}/site1/cam11/_hls/v/part12.m4s")
    timed["decide: the whole decision about a part"] = partial(decide, asked, policy, now=now), calls
    refused = Asked("GET", f"/g/{token('cam1')}/site1/cam11/index.m3u8")
    few = max(1, calls // 100)
    timed[f"decide: 403 among {len(policy.known)} prefixes"] = partial(decide, refused, policy, now=now), few
    return {label: min(_per_call_us(call, count) for _ in range(rounds)) for label, (call, count) in timed.items()}


def _per_call_us(call: Callable[[], object], calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - started) / calls * 1e6


def too_slow(figures: Mapping[str, float]) -> list[str]:
    """What takes longer than promised."""
    return [label for label, figure in figures.items() if label.startswith(_VERIFY) and figure >= LIMIT_US]


def main() -> int:
    """Returns the exit code."""
    figures = measure()
    for label, figure in figures.items():
        print(f"{label:<52}{figure:>9.1f} µs")
    missed = too_slow(figures)
    print(f"verifying < {LIMIT_US:.0f} µs: " + (f"MISSED by {', '.join(missed)}" if missed else "met"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
