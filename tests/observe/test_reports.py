"""What is kept of viewers' reports, for how long, and what it comes to."""

from __future__ import annotations

from gateway.negotiate.wishes import RungName
from gateway.observe.ends import MAX_KINDS
from gateway.observe.report import RenditionName, RenditionRun, Report, RungRun
from gateway.observe.reports import LIFE_S, Reports
from tests.webrtc.stage import HandClock


def report(session: str, *, camera: str = "yard", watched_s: float = 1.0) -> Report:
    return Report(camera, session, watched_s=watched_s)


def watched(reports: Reports, camera: str = "yard") -> list[float]:
    return [report.watched_s for report in reports.of_camera(camera)]


def test_the_last_word_of_a_viewing_wins() -> None:
    reports = Reports(clock=HandClock())
    for watched_s in (1.0, 2.0, 3.0):
        reports.take(report("a", watched_s=watched_s))
    assert watched(reports) == [3.0]
    assert len(reports) == 1


def test_a_viewing_keeps_the_connection_it_was_known_by() -> None:
    reports = Reports(clock=HandClock())
    reports.take(report("a"), connection="c1")
    reports.take(report("a", watched_s=9.0))
    seen = reports.of_connection("c1")
    assert seen is not None
    assert seen.watched_s == 9.0
    # The same viewer behind another connection; the first one's is over.
    reports.take(report("a", watched_s=10.0), connection="c2")
    assert reports.of_connection("c1") is None
    assert reports.of_connection("c2") == report("a", watched_s=10.0)


def test_the_same_name_at_two_cameras_is_two_viewings() -> None:
    reports = Reports(clock=HandClock())
    reports.take(report("a"))
    reports.take(report("a", camera="gate", watched_s=2.0))
    assert (watched(reports), watched(reports, "gate")) == ([1.0], [2.0])


def test_beyond_the_limits_the_one_silent_for_longest_goes() -> None:
    reports = Reports(clock=HandClock(), max_reports=4, max_per_camera=2)
    for number, session in enumerate("abca", start=1):
        reports.take(report(session, watched_s=number))
    assert watched(reports) == [3.0, 4.0]
    for session in "xyz":
        reports.take(report(session, camera=session))
    assert len(reports) == 4
    assert watched(reports) == [4.0]


def test_what_is_long_silent_is_forgotten() -> None:
    clock = HandClock()
    reports = Reports(clock=clock)
    reports.take(report("old"), connection="c1")
    clock.advance(LIFE_S)
    reports.take(report("new", watched_s=2.0))
    assert watched(reports) == [1.0, 2.0]
    clock.advance(0.1)
    assert watched(reports) == [2.0]
    assert reports.of_connection("c1") is None
    clock.advance(LIFE_S + 1)
    assert list(reports.cameras()) == []


def test_a_camera_that_is_gone_is_forgotten() -> None:
    reports = Reports(clock=HandClock())
    reports.take(report("a"))
    reports.take(report("b", camera="gate"))
    for _ in range(2):
        reports.forget_camera("yard")
    assert list(reports.cameras()) == ["gate"]


def test_a_summary_says_what_viewers_saw() -> None:
    failed = RungRun(RungName.WEBRTC, 0.0, None, "ice")
    narrow = (
        RenditionRun(RenditionName.SUBSTREAM, 41.0, "too narrow"),
        RenditionRun(RenditionName.MAIN, 60.0, None),
    )
    seen = [
        Report("yard", "a", start_s=0.1, watched_s=90.0, stalled_s=10.0, latency_s=0.08, renditions=narrow),
        Report("yard", "b", start_s=0.3, watched_s=100.0, latency_s=0.4, rungs=(failed, run(RungName.MSE))),
        Report("yard", "c", rungs=(failed, RungRun(RungName.MSE, 1.0, None, "network"))),
    ]
    reports = Reports(clock=HandClock())
    for one in seen:
        reports.take(one)
    assert reports.summary("yard") == {
        "viewings": 3,
        "watched_s": 190.0,
        "stalled_share": 0.05,
        "start_s": {"p50": 0.1, "p95": 0.3},
        "latency_s": {"p50": 0.08, "p95": 0.4},
        "without_picture": 1,
        "last_rungs": {"mse": 2},
        "ends": {"webrtc: ice": 2, "mse: network": 1},
        "renditions": {"substream: too narrow": 1, "main": 1},
    }


def run(rung: RungName) -> RungRun:
    return RungRun(rung, 0.4, 0.2, None)


def test_a_summary_of_nothing_is_empty() -> None:
    nothing = Reports(clock=HandClock()).summary("yard")
    assert (nothing["viewings"], nothing["stalled_share"], nothing["start_s"]) == (0, 0.0, None)


def ended(session: str, *ends: str) -> Report:
    return Report("yard", session, rungs=tuple(RungRun(RungName.HLS, 0.0, None, end) for end in ends))


def test_why_rungs_ended_is_counted_for_the_viewings_that_are_known() -> None:
    reports = Reports(clock=HandClock(), max_per_camera=2)
    reports.take(ended("a", "network", "network"))
    reports.take(ended("a", "network", "decode"))
    assert reports.summary("yard")["ends"] == {"hls: network": 1, "hls: decode": 1}
    for session in "bc":
        reports.take(ended(session, "decode"))
    assert reports.summary("yard")["ends"] == {"hls: decode": 2}


def test_a_camera_has_only_so_many_kinds_of_ends() -> None:
    reports = Reports(clock=HandClock())
    for session in range(2 * MAX_KINDS):
        reports.take(ended(str(session), f"made up {session}"))
    assert reports.summary("yard")["ends"]["other"] == MAX_KINDS
    for session in range(2 * MAX_KINDS):
        reports.take(ended(str(session), "network"))
    # The first to say so came while there were too many.
    assert reports.summary("yard")["ends"] == {"hls: network": 2 * MAX_KINDS - 1, "other": 1}
