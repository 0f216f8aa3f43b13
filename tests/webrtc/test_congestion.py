"""When a viewer's link counts as too bad for retransmissions."""

from __future__ import annotations

import pytest

from gateway.webrtc.congestion import HOLD_S, LossGate, LossMeter


def reports(gate: LossGate, lost_fraction: float, *, begin: float, seconds: float) -> list[float]:
    """When the gate moved while a report came each second."""
    times = [begin + second for second in range(round(seconds) + 1)]
    return [now for now in times if gate.report(lost_fraction, now)]


def test_heavy_loss_closes_the_gate_once_after_it_has_lasted() -> None:
    gate = LossGate()
    assert reports(gate, 0.3, begin=100.0, seconds=20) == [100.0 + HOLD_S]
    assert gate.closed


def test_one_good_report_begins_the_wait_anew() -> None:
    gate = LossGate()
    assert reports(gate, 0.3, begin=0.0, seconds=4) == []
    assert not gate.report(0.0, 4.5)
    assert reports(gate, 0.3, begin=5.0, seconds=4) == []
    assert not gate.closed


def test_loss_at_the_limit_is_borne() -> None:
    gate = LossGate()
    assert reports(gate, 0.2, begin=0.0, seconds=60) == []


def test_a_link_that_is_good_again_opens_the_gate() -> None:
    gate = LossGate()
    reports(gate, 0.5, begin=0.0, seconds=5)
    assert gate.closed
    assert reports(gate, 0.1, begin=6.0, seconds=30) == []
    assert reports(gate, 0.04, begin=40.0, seconds=10) == [45.0]
    assert not gate.closed


def test_loss_is_measured_over_a_second_however_often_reports_come() -> None:
    meter = LossMeter()
    # A browser reports beside each NACK: 100 packets a second of which every fourth is lost.
    measured = [meter.measure(lost=number // 4, highest=1000 + number, now=number / 100) for number in range(0, 301, 5)]
    found = [one for one in measured if one is not None]
    assert len(found) == 3
    assert found == pytest.approx([0.25] * 3)


def test_packets_that_come_late_are_no_loss() -> None:
    meter = LossMeter()
    meter.measure(lost=10, highest=100, now=0.0)
    assert meter.measure(lost=4, highest=200, now=1.0) == 0.0


def test_more_lost_than_expected_is_all_of_it() -> None:
    meter = LossMeter()
    meter.measure(lost=0, highest=100, now=0.0)
    assert meter.measure(lost=500, highest=200, now=1.0) == 1.0


def test_a_second_without_packets_tells_nothing() -> None:
    meter = LossMeter()
    meter.measure(lost=0, highest=100, now=0.0)
    assert meter.measure(lost=0, highest=100, now=1.0) is None
    assert meter.measure(lost=5, highest=110, now=2.0) == 0.5


def test_sequence_numbers_wrap_and_nonsense_is_passed_over() -> None:
    meter = LossMeter()
    meter.measure(lost=0, highest=(1 << 32) - 50, now=0.0)
    assert meter.measure(lost=10, highest=50, now=1.0) == 0.1
    assert meter.measure(lost=10, highest=40, now=2.0) is None
