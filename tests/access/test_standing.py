"""A verdict that stands: never longer than `decide` would say the same."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from gateway.access.api_keys import hash_api_key
from gateway.access.carriers import COOKIE_NAME
from gateway.access.cookies import make_cookie, new_session
from gateway.access.decision import Asked, Policy, decide
from gateway.access.grants import MAX_AGE_S, SKEW_S, new_grant_id, sign_grant
from gateway.access.keys import Keys, SigningKey
from gateway.access.principal import Account, Kind, everybody
from gateway.access.scopes import Scope
from gateway.access.standing import standing

NOW = 1_790_000_000
KEY = SigningKey("k1", "ab" * 32, NOW)
API_KEY = f"cgk_{'v' * 43}"
POLICY = Policy(
    Keys((KEY,)),
    frozenset({"yard"}),
    known=("/yard/",),
    users={"ann": Account.of(Kind.USER, "ann", secret_hash="h", cameras=["yard"], scopes=[Scope.VIEW])},
    api_keys={
        "viewer": Account.of(
            Kind.API_KEY, "viewer", secret_hash=hash_api_key(API_KEY), cameras=["yard"], scopes=[Scope.VIEW]
        )
    },
)
OPEN = replace(POLICY, everybody=everybody([Scope.VIEW]))
GRANT_ID = new_grant_id()
EXPIRES = NOW + 300
TOKEN = sign_grant(KEY, prefix="/yard/", expires=EXPIRES, grant_id=GRANT_ID)
SESSION = new_session("ann", now=NOW)
COOKIE = f"{COOKIE_NAME}={make_cookie(SESSION, key=KEY, password_hash='h')}"
TARGET = "/yard/_hls/0/live.m3u8"

BY_GRANT = Asked("GET", f"/g/{TOKEN}{TARGET}")
BY_HEADER = Asked("GET", TARGET, authorization=(f"Bearer {TOKEN}",))
BY_KEY = Asked("GET", TARGET, authorization=(f"Bearer {API_KEY}",))
BY_COOKIE = Asked("GET", TARGET, cookie=(COOKIE,))
ANYBODY = Asked("GET", TARGET)


@pytest.mark.parametrize(
    ("asked", "policy"),
    [(BY_GRANT, POLICY), (BY_HEADER, POLICY), (BY_KEY, POLICY), (BY_COOKIE, POLICY), (ANYBODY, OPEN)],
)
def test_it_stands_exactly_as_long_as_it_would_be_given_again(asked: Asked, policy: Policy) -> None:
    found = standing(asked, decide(asked, policy, now=NOW), policy)
    assert found is not None
    edges = [EXPIRES + SKEW_S, EXPIRES - MAX_AGE_S - SKEW_S, SESSION.expires, SESSION.issued - SKEW_S, NOW]
    for edge in edges:
        for now in (edge - 1, math.nextafter(edge, 0), edge, math.nextafter(edge, math.inf), edge + 1):
            again = decide(asked, policy, now=now)
            assert found.holds(policy, now=now) == (again.refusal is None), now - NOW


@pytest.mark.parametrize("asked", [BY_GRANT, BY_COOKIE, BY_KEY])
def test_any_other_policy_is_judged_by_anew(asked: Asked) -> None:
    found = standing(asked, decide(asked, POLICY, now=NOW), POLICY)
    assert found is not None
    assert not found.holds(replace(POLICY), now=NOW)


def test_whoever_is_withdrawn_or_signs_out_ends_it() -> None:
    policy = replace(POLICY, revocations=type(POLICY.revocations)())
    by_grant = standing(BY_GRANT, decide(BY_GRANT, policy, now=NOW), policy)
    by_cookie = standing(BY_COOKIE, decide(BY_COOKIE, policy, now=NOW), policy)
    assert by_grant is not None
    assert by_cookie is not None
    policy.revocations.withdraw(GRANT_ID, expires=EXPIRES, now=NOW)
    assert not by_grant.holds(policy, now=NOW)
    assert decide(BY_GRANT, policy, now=NOW).refusal is not None
    # Somebody else's end is judged anew, with the same result.
    assert not by_cookie.holds(policy, now=NOW)
    by_cookie = standing(BY_COOKIE, decide(BY_COOKIE, policy, now=NOW), policy)
    assert by_cookie is not None
    policy.revocations.revoke(SESSION, now=NOW)
    assert not by_cookie.holds(policy, now=NOW)


@pytest.mark.parametrize(
    ("asked", "checked_user"),
    [
        (ANYBODY, None),
        (Asked("GET", f"/g/x{TARGET}"), None),
        (Asked("GET", TARGET, authorization=("Basic YW5uOng=",)), "ann"),
        (Asked("GET", TARGET, cookie=(f"{COOKIE}; {COOKIE_NAME}=x",)), None),
    ],
)
def test_what_rests_on_more_does_not_stand(asked: Asked, checked_user: str | None) -> None:
    assert standing(asked, decide(asked, POLICY, now=NOW, checked_user=checked_user), POLICY) is None


def test_it_tells_no_secret() -> None:
    found = standing(BY_GRANT, decide(BY_GRANT, POLICY, now=NOW), POLICY)
    assert TOKEN not in repr(found)
    assert KEY.secret not in repr(found)
