"""Reading what a viewer says it saw."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.json_fields import MAX_ITEMS, MAX_TEXT
from gateway.negotiate.wishes import RungName
from gateway.observe.report import (
    MAX_END,
    MAX_RUNS,
    Pair,
    RenditionName,
    RenditionRun,
    Report,
    RungRun,
    parse_report,
)

NAMED: dict[str, Any] = {"camera": "site1/yard", "session": "viewing-0001"}
WHOLE: dict[str, Any] = NAMED | {
    "start_s": 0.1,
    "watched_s": 600,
    "stalled_s": 0.4,
    "latency_s": 0.09,
    "rungs": [
        {"rung": "webrtc", "at_s": 0, "first_frame_s": None, "end": "ice"},
        {"rung": "mse", "at_s": 0.4, "first_frame_s": 0.3, "end": None},
    ],
    "renditions": [
        {"rendition": "substream", "at_s": 41, "reason": "too narrow"},
        {"rendition": "main", "at_s": 60, "reason": None},
    ],
    "pair": {"protocol": "udp", "type": "host"},
}


def test_a_whole_report_is_read() -> None:
    assert parse_report(WHOLE) == Report(
        camera="site1/yard",
        session="viewing-0001",
        start_s=0.1,
        watched_s=600.0,
        stalled_s=0.4,
        latency_s=0.09,
        rungs=(RungRun(RungName.WEBRTC, 0.0, None, "ice"), RungRun(RungName.MSE, 0.4, 0.3, None)),
        renditions=(
            RenditionRun(RenditionName.SUBSTREAM, 41.0, "too narrow"),
            RenditionRun(RenditionName.MAIN, 60.0, None),
        ),
        pair=Pair("udp", "host"),
    )


def test_what_it_shows_is_what_came_without_its_name() -> None:
    shown = parse_report(WHOLE).as_json()
    assert shown == {key: value for key, value in WHOLE.items() if key not in NAMED}
    assert parse_report(shown | NAMED) == parse_report(WHOLE)


def test_a_viewer_that_saw_nothing_says_little_and_a_newer_one_more() -> None:
    assert parse_report(NAMED) == Report("site1/yard", "viewing-0001")
    assert parse_report(NAMED | {"start_s": None, "rungs": None, "pair": None, "hdr": 1}) == parse_report(NAMED)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", ""),
        ("the camera can\u2019t be played", "the camera can't be played"),
        ("two\nlines\u2028and \ud800", "two?lines?and ?"),
        ("x" * 1000, "x" * MAX_END),
    ],
)
def test_no_report_is_lost_for_the_words_in_it(said: str, kept: str) -> None:
    runs = [{"rung": "mse", "at_s": 0, "end": said}]
    renditions = [{"rendition": "substream", "at_s": 0, "reason": said}]
    report = parse_report(NAMED | {"rungs": runs, "renditions": renditions})
    assert (report.rungs[0].end, report.renditions[0].reason) == (kept, kept)


def test_of_a_long_story_the_end_is_kept() -> None:
    runs = [{"rung": "hls", "at_s": at_s, "end": "é" + "x" * (MAX_TEXT - 1)} for at_s in range(MAX_ITEMS)]
    pair = {"protocol": "y" * MAX_TEXT, "type": "z" * MAX_TEXT}
    report = parse_report(NAMED | {"rungs": runs, "pair": pair})
    assert [run.at_s for run in report.rungs] == list(range(MAX_ITEMS - MAX_RUNS, MAX_ITEMS))
    assert {run.end for run in report.rungs} == {"?" + "x" * (MAX_END - 1)}
    assert report.pair == Pair("y" * 16, "z" * 16)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "report: must be an object"),
        ({"session": "viewing-0001"}, "camera: say which"),
        (NAMED | {"camera": 7}, "camera: say which"),
        (NAMED | {"camera": "../x"}, "camera: this is no camera's name"),
        ({"camera": "yard"}, "session: must be 8 to 64"),
        (NAMED | {"session": "short"}, "session: must be 8 to 64"),
        (NAMED | {"session": "x" * 65}, "session: must be 8 to 64"),
        (NAMED | {"session": "viewing 0001"}, "session: must be 8 to 64"),
        (NAMED | {"start_s": "0.1"}, "start_s: must be a number"),
        (NAMED | {"watched_s": -1}, "watched_s: must be a number"),
        (NAMED | {"stalled_s": float("nan")}, "stalled_s: must be a number"),
        (NAMED | {"latency_s": float("inf")}, "latency_s: must be a number"),
        (NAMED | {"rungs": {}}, "rungs: must be a list"),
        (NAMED | {"rungs": [{"rung": "mse", "at_s": 0}] * (MAX_ITEMS + 1)}, "rungs: must be a list of at most"),
        (NAMED | {"rungs": [7]}, r"rungs\[0\]: must be an object"),
        (NAMED | {"rungs": [{"rung": "rtmp", "at_s": 0}]}, r"rungs\[0\].rung: must be one of webrtc"),
        (NAMED | {"rungs": [{"rung": "mse"}]}, r"rungs\[0\].at_s: say how many seconds"),
        (NAMED | {"rungs": [{"rung": "mse", "at_s": 0, "first_frame_s": []}]}, r"rungs\[0\].first_frame_s: must be"),
        (NAMED | {"rungs": [{"rung": "mse", "at_s": 0, "end": ["x"]}]}, r"rungs\[0\].end: must be text"),
        (NAMED | {"renditions": [{"rendition": "main", "at_s": 0, "reason": 5}]}, r"renditions\[0\].reason: must be"),
        (NAMED | {"renditions": [{"rendition": "tiny", "at_s": 0}]}, r"renditions\[0\].rendition: must be one of main"),
        (NAMED | {"renditions": [{"rendition": "main"}]}, r"renditions\[0\].at_s: say how many seconds"),
        (NAMED | {"pair": "udp"}, "pair: must be an object"),
        (NAMED | {"pair": {"protocol": "udp"}}, "pair.type: must be text"),
    ],
)
def test_nonsense_is_refused_with_the_key_that_is_wrong(value: object, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        parse_report(value)
