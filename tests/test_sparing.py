"""Lines that strangers provoke are written once in a while."""

from __future__ import annotations

import logging

import pytest

from gateway.sparing import INTERVAL_S, SparingLog
from tests.webrtc.stage import HandClock


@pytest.fixture(name="clock")
def _clock() -> HandClock:
    return HandClock()


@pytest.fixture(name="sparing")
def _sparing(clock: HandClock, caplog: pytest.LogCaptureFixture) -> SparingLog:
    caplog.set_level(logging.INFO)
    return SparingLog(logging.getLogger("tests.sparing"), clock=clock)


def test_a_kind_of_line_is_written_once_in_a_while_with_a_count(
    sparing: SparingLog, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        sparing.info("viewer %d is late", number)
    sparing.warning("viewer %d is late", 7)
    clock.advance(INTERVAL_S)
    sparing.info("viewer %d is late", 200)
    assert caplog.messages == [
        "viewer 0 is late",
        "viewer 7 is late",
        "viewer 200 is late (and 99 more like it before)",
    ]


def test_tracebacks_of_one_kind_are_written_once(sparing: SparingLog, caplog: pytest.LogCaptureFixture) -> None:
    for error in (KeyError("a"), KeyError("b"), ValueError("c")):
        try:
            raise error
        except Exception:  # noqa: BLE001
            sparing.exception("%s failed", "it", kind=type(error).__name__)
    assert len(caplog.records) == 2
    assert all(record.exc_info and record.exc_info[0] for record in caplog.records)


def test_what_is_remembered_is_bounded(sparing: SparingLog, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1000):
        sparing.info(f"kind {number}")
    assert len(caplog.records) == 1000
    assert len(sparing._told) <= 256


def test_lines_nobody_wants_are_not_counted(sparing: SparingLog, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    sparing.info("quiet")
    caplog.set_level(logging.INFO)
    sparing.info("quiet")
    assert caplog.messages == ["quiet"]
