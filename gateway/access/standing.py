"""A verdict that need not be made again while nothing it was made from has changed (pure).

Whoever watches over HLS asks ten times a second with the same grant.  Nothing is taken for longer than `decide` would:
the policy must be the very same object, nobody signed out or withdrawn, and the time within what the grant or session
was judged by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.access.carriers import Carrier, session_cookies
from gateway.access.cookies import good_between as session_good_between
from gateway.access.decision import Asked, Policy, Verdict
from gateway.access.grants import good_between as grant_good_between
from gateway.access.principal import Kind

_ALWAYS: Final = (float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class Standing:
    """A verdict that let somebody in, the policy it came from, and from when until when it holds (unix seconds)."""

    verdict: Verdict
    _policy: Policy = field(repr=False)
    _revocations: int
    _first: float
    _last: float

    def holds(self, policy: Policy, *, now: float) -> bool:
        """Whether `decide` would say the same."""
        return (
            policy is self._policy
            and policy.revocations.version == self._revocations
            and self._first <= now <= self._last
        )


def standing(asked: Asked, verdict: Verdict, policy: Policy) -> Standing | None:
    """What `decide` has just said about `asked`; None for a refusal, and for what depends on more than these."""
    if verdict.refusal is not None:
        return None
    principal, session = verdict.principal, verdict.session
    first, last = _ALWAYS
    if session is not None:
        if len(session_cookies(asked.cookie)) > 1:
            # Another of them could come of age.
            return None
        first, last = session_good_between(session)
    elif verdict.carrier is Carrier.BASIC:
        return None
    elif principal.kind is Kind.GRANT:
        if principal.expires_at is None:
            return None
        first, last = grant_good_between(int(principal.expires_at))
    return Standing(verdict, policy, policy.revocations.version, first, last)
