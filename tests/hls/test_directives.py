"""Blocking reload and delta updates: what is answered, what waits, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import BadRequest
from gateway.hls.directives import Decision, Directives, advance_part_limit, decide, parse_directives
from gateway.hls.window import OpenSegment, Snapshot
from tests.hls.test_playlist import part, segment, snapshot, start

ANSWER, WAIT = Decision.ANSWER, Decision.WAIT
# Segments 3, 4 and 5 of five parts each; two parts of segment 6.
OPEN = snapshot((segment(3), segment(4), segment(5)), OpenSegment(start(6, 6), (part(30), part(31))), next_part=32)
# The same before the first part of segment 6.
CLOSED = snapshot((segment(3), segment(4), segment(5)), next_part=30)
# The same while segment 5 is not told of as finished.
TOLD_LATER = replace(
    snapshot((segment(3), segment(4)), OpenSegment(segment(5).start, segment(5).parts), next_part=30), next_msn=6
)
AWAY = snapshot((segment(3), segment(4), segment(5, gap=True)), next_part=25)


@pytest.mark.parametrize(
    ("query", "directives"),
    [
        ({}, Directives()),
        ({"_HLS_msn": "7"}, Directives(7)),
        ({"_HLS_msn": "7", "_HLS_part": "0", "grant": "x"}, Directives(7, 0)),
        ({"_HLS_skip": "YES"}, Directives(skip=True)),
        ({"_HLS_msn": "7", "_HLS_skip": "v2"}, Directives(7, skip=True)),
    ],
)
def test_directives_are_read(query: dict[str, str], directives: Directives) -> None:
    assert parse_directives(query) == directives


@pytest.mark.parametrize(
    "query",
    [
        {"_HLS_part": "1"},
        {"_HLS_msn": ""},
        {"_HLS_msn": "-1"},
        {"_HLS_msn": "1.5"},
        {"_HLS_msn": "²"},
        {"_HLS_msn": "9" * 16},
        {"_HLS_msn": "1", "_HLS_part": "x"},
        {"_HLS_skip": "NO"},
    ],
)
def test_nonsense_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        parse_directives(query)


@pytest.mark.parametrize(
    ("state", "msn", "part_index", "decision"),
    [
        (OPEN, None, None, ANSWER),
        (OPEN, 2, None, ANSWER),
        (OPEN, 5, None, ANSWER),
        (OPEN, 5, 4, ANSWER),
        (OPEN, 5, 9, ANSWER),  # past the end of 5: the first part of 6, which is there
        (OPEN, 6, None, WAIT),
        (OPEN, 6, 1, ANSWER),
        (OPEN, 6, 2, WAIT),
        (OPEN, 7, None, WAIT),
        (OPEN, 7, 0, WAIT),
        (OPEN, 8, 0, WAIT),
        (CLOSED, 5, 4, ANSWER),
        (CLOSED, 5, 5, WAIT),  # the first part of 6, which is not there
        (CLOSED, 5, None, ANSWER),
        (CLOSED, 6, 0, WAIT),
        (CLOSED, 7, None, WAIT),
    ],
)
def test_a_request_is_answered_once_the_playlist_holds_what_it_names(
    state: Snapshot, msn: int | None, part_index: int | None, decision: Decision
) -> None:
    assert decide(Directives(msn, part_index), state) is decision


@pytest.mark.parametrize(
    ("state", "msn", "part_index"), [(OPEN, 9, None), (OPEN, 9, 0), (OPEN, 6, 17), (CLOSED, 8, 0), (OPEN, 7, 15)]
)
def test_what_is_too_far_ahead_is_refused(state: Snapshot, msn: int, part_index: int | None) -> None:
    with pytest.raises(BadRequest) as refused:
        decide(Directives(msn, part_index), state)
    assert refused.value.code == "too_far_ahead"


def test_the_last_part_of_a_long_segment_may_be_asked_for_when_it_has_begun() -> None:
    # hls.js 1.7.4 does without low latency, and takes a refusal for the end.
    state = replace(OPEN, target_duration_s=10)
    assert decide(Directives(6, 49), state) is WAIT
    with pytest.raises(BadRequest):
        decide(Directives(6, 99), state)


def test_up_to_three_seconds_of_parts_may_be_asked_ahead() -> None:
    assert advance_part_limit(OPEN) == 15
    assert decide(Directives(6, 1 + 15), OPEN) is WAIT
