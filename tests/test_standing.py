"""Whether another server is there, decided by its answers."""

from __future__ import annotations

import pytest

from gateway.standing import DOUBT_INTERVAL_S, INTERVAL_S, Standing


def after(answers: str) -> tuple[str, str]:
    """State after each check (`+` answered, `-` not), and where that was a change."""
    standing, states, changes = Standing(), "", ""
    for answer in answers:
        changed = standing.heard(answered=answer == "+")
        states += "u" if standing.is_up else "d"
        changes += "!" if changed else "."
    return states, changes


@pytest.mark.parametrize(
    ("answers", "states", "changes"),
    [
        ("+", "u", "!"),
        ("-", "d", "."),
        ("-+", "dd", ".."),
        ("-++", "ddu", "..!"),
        ("+-", "uu", "!."),
        ("+--", "uud", "!.!"),
        ("+-+-+-", "uuuuuu", "!....."),
        ("+--+-+-++", "uuddddddu", "!.!.....!"),
    ],
)
def test_one_answer_lost_is_no_outage_and_one_that_comes_no_recovery(answers: str, states: str, changes: str) -> None:
    assert after(answers) == (states, changes)


def test_it_is_down_before_anything_was_heard() -> None:
    assert not Standing().is_up


def test_in_doubt_it_is_asked_sooner() -> None:
    standing = Standing()
    standing.heard(answered=True)
    assert standing.next_check_s == INTERVAL_S
    standing.heard(answered=False)
    assert standing.next_check_s == DOUBT_INTERVAL_S
    standing.heard(answered=False)
    assert standing.next_check_s == INTERVAL_S
