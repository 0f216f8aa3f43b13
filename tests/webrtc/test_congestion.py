"""When a viewer's link counts as too bad for retransmissions."""

from __future__ import annotations

from gateway.webrtc.congestion import HOLD_S, LossGate


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
