"""What was ended before its time stays ended, through restarts too, and is forgotten when that makes no difference."""

from __future__ import annotations

import json

import pytest

from gateway.access.cookies import RENEW_AFTER_S, SESSION_AGE_S, new_session, renewed
from gateway.access.grants import MAX_AGE_S, SKEW_S
from gateway.access.revocations import Revocations

NOW = 1_790_000_000.0
ANN = new_session("ann", now=NOW)
GRANT = "0123456789abcdef"


def test_a_session_that_was_ended_stays_so_with_its_renewed_cookies() -> None:
    revocations = Revocations()
    assert revocations.allows(ANN)
    revocations.revoke(ANN, now=NOW)
    revocations.revoke(ANN, now=NOW)
    assert not revocations.allows(ANN)
    again = renewed(ANN, now=NOW + RENEW_AFTER_S)
    assert again is not None
    assert not revocations.allows(again)
    assert revocations.allows(new_session("ann", now=NOW))
    assert len(revocations) == 1


def test_when_full_it_forgets_what_has_expired_anyway() -> None:
    revocations = Revocations(max_entries=2)
    for _ in range(2):
        revocations.revoke(new_session("ann", now=NOW), now=NOW)
    later = NOW + SESSION_AGE_S + 1
    revocations.revoke(new_session("ann", now=later), now=later)
    assert len(revocations) == 1
    assert revocations.allows(new_session("ann", now=later))


def test_when_full_of_living_ones_nobody_who_logged_out_comes_back() -> None:
    revocations = Revocations(max_entries=2)
    sessions = [new_session("ann", now=NOW + second) for second in range(5)]
    for second, session in enumerate(sessions):
        revocations.revoke(session, now=NOW + second + 10)
    assert len(revocations) == 2
    assert not any(revocations.allows(session) for session in sessions)
    assert revocations.allows(new_session("ann", now=NOW + 20))


def test_a_withdrawn_grant_is_remembered_until_it_would_have_expired_on_any_clock() -> None:
    revocations = Revocations()
    revocations.withdraw(GRANT, expires=NOW + 300, now=NOW)
    assert not revocations.allows_grant(GRANT)
    assert revocations.allows_grant("f" * 16)
    assert GRANT in revocations.as_text(now=NOW + 300 + SKEW_S)
    assert GRANT not in revocations.as_text(now=NOW + 300 + SKEW_S + 1)
    assert len(revocations) == 0


def test_when_full_of_grants_those_that_expire_first_are_forgotten() -> None:
    revocations = Revocations(max_entries=2)
    for number, lasts_s in enumerate((200, 100, 300)):
        revocations.withdraw(f"{number:016x}", expires=NOW + lasts_s, now=NOW)
    assert [revocations.allows_grant(f"{number:016x}") for number in range(3)] == [False, True, False]


def test_it_is_the_same_after_being_written_and_read() -> None:
    full = Revocations(max_entries=2)
    sessions = [new_session("ann", now=NOW + second) for second in range(4)]
    for session in sessions:
        full.revoke(session, now=NOW + 5)
    full.withdraw(GRANT, expires=NOW + 300, now=NOW)
    again = Revocations.of_text(full.as_text(now=NOW), now=NOW + 6, max_entries=2)
    assert not any(again.allows(session) for session in sessions)
    assert not again.allows_grant(GRANT)
    assert again.allows(new_session("ann", now=NOW + 10))
    assert len(again) == 3
    late = Revocations.of_text(full.as_text(now=NOW), now=NOW + SESSION_AGE_S + 5, max_entries=2)
    assert len(late) == 0


def test_what_is_kept_by_a_clock_that_was_wrong_expires_all_the_same() -> None:
    text = json.dumps(
        {"version": 1, "not_before": 0, "sessions": {ANN.id: 10**10}, "grants": {GRANT: 10**10}},
    )
    revocations = Revocations.of_text(text, now=NOW)
    assert not revocations.allows(ANN)
    assert not revocations.allows_grant(GRANT)
    assert json.loads(revocations.as_text(now=NOW + MAX_AGE_S + 2 * SKEW_S + 1))["grants"] == {}
    assert json.loads(revocations.as_text(now=NOW + SESSION_AGE_S))["sessions"] == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"version": 2, "not_before": 0, "sessions": {}, "grants": {}}',
        '{"version": 1, "not_before": true, "sessions": {}, "grants": {}}',
        '{"version": 1, "not_before": -1, "sessions": {}, "grants": {}}',
        '{"version": 1, "not_before": 0, "sessions": [], "grants": {}}',
        '{"version": 1, "not_before": 0, "sessions": {"x": 1}, "grants": {}}',
        '{"version": 1, "not_before": 0, "sessions": {}, "grants": {"0123456789abcdef": 1.5}}',
        json.dumps(
            {
                "version": 1,
                "not_before": 0,
                "sessions": {},
                "grants": {f"{number:016x}": 10**10 for number in range(3)},
            }
        ),
    ],
)
def test_what_is_damaged_is_not_read(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whoever asks gives its own reason
        Revocations.of_text(text, now=NOW, max_entries=2)
