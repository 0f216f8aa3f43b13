"""When a viewer's link counts as too bad for retransmissions."""

from __future__ import annotations

import pytest

from gateway.webrtc.congestion import (
    HOLD_S,
    QUEUEING_S,
    SEVERE_HOLD_S,
    SEVERE_LOSS,
    DelayMeter,
    LinkGate,
    LossMeter,
    Reported,
)

NEED_BPS = 4_000_000


def reports(
    gate: LinkGate,
    lost_fraction: float,
    *,
    begin: float,
    seconds: float,
    queueing_s: float = 0.0,
    estimate_bps: int | None = None,
) -> list[float]:
    """When the gate moved while a report came each second."""
    link = Reported(lost_fraction, queueing_s, estimate_bps)
    times = [begin + second for second in range(round(seconds) + 1)]
    return [now for now in times if gate.report(link, now, need_bps=NEED_BPS)]


def test_heavy_loss_closes_the_gate_once_after_it_has_lasted() -> None:
    gate = LinkGate()
    assert reports(gate, 0.3, begin=100.0, seconds=20) == [100.0 + HOLD_S]
    assert gate.closed


def test_severe_loss_closes_the_gate_sooner() -> None:
    gate = LinkGate()
    assert reports(gate, SEVERE_LOSS + 0.01, begin=100.0, seconds=20) == [100.0 + SEVERE_HOLD_S]
    assert gate.closed


def test_one_report_of_less_begins_the_shorter_wait_anew_and_not_the_longer_one() -> None:
    gate = LinkGate()
    assert reports(gate, 0.9, begin=0.0, seconds=1) == []
    assert reports(gate, 0.3, begin=2.0, seconds=1) == []
    assert reports(gate, 0.9, begin=4.0, seconds=0) == []
    assert reports(gate, 0.9, begin=5.0, seconds=0) == [HOLD_S]


def test_severe_loss_while_it_is_closed_keeps_it_closed() -> None:
    gate = LinkGate()
    assert reports(gate, 0.9, begin=0.0, seconds=20) == [SEVERE_HOLD_S]
    assert gate.closed


def test_one_good_report_begins_the_wait_anew() -> None:
    gate = LinkGate()
    assert reports(gate, 0.3, begin=0.0, seconds=4) == []
    assert not gate.report(Reported(0.0), 4.5, need_bps=NEED_BPS)
    assert reports(gate, 0.3, begin=5.0, seconds=4) == []
    assert not gate.closed


def test_loss_at_the_limit_is_borne() -> None:
    gate = LinkGate()
    assert reports(gate, 0.2, begin=0.0, seconds=60) == []


def test_a_link_that_is_good_again_opens_the_gate() -> None:
    gate = LinkGate()
    reports(gate, SEVERE_LOSS, begin=0.0, seconds=5)
    assert gate.closed
    assert reports(gate, 0.1, begin=6.0, seconds=30) == []
    assert reports(gate, 0.04, begin=40.0, seconds=10) == [45.0]
    assert not gate.closed


def test_a_link_estimated_below_the_cameras_need_is_noticed_at_a_loss_that_would_be_borne_otherwise() -> None:
    assert reports(LinkGate(), 0.1, begin=0.0, seconds=60) == []
    assert reports(LinkGate(), 0.1, begin=0.0, seconds=60, estimate_bps=NEED_BPS + 1) == []
    assert reports(LinkGate(), 0.1, begin=0.0, seconds=6, estimate_bps=NEED_BPS - 1) == [HOLD_S]


def test_a_link_estimated_too_low_whose_packets_queue_is_noticed_without_loss() -> None:
    waiting = 2 * QUEUEING_S
    assert reports(LinkGate(), 0.0, begin=0.0, seconds=60, queueing_s=waiting) == []
    assert reports(LinkGate(), 0.0, begin=0.0, seconds=6, queueing_s=waiting, estimate_bps=1_000_000) == [HOLD_S]


def test_an_estimate_alone_moves_nothing() -> None:
    # It grows slowly from what was sent so far: a quiet picture that begins to move is no bad link.
    assert reports(LinkGate(), 0.0, begin=0.0, seconds=60, estimate_bps=300_000) == []


def test_an_estimate_too_low_for_a_moment_only_is_no_reason() -> None:
    gate = LinkGate()
    assert reports(gate, 0.1, begin=0.0, seconds=4, estimate_bps=1_000_000) == []
    assert reports(gate, 0.1, begin=5.0, seconds=0, estimate_bps=NEED_BPS) == []
    assert reports(gate, 0.1, begin=6.0, seconds=4, estimate_bps=1_000_000) == []


def test_keyframes_alone_keep_the_estimate_low_and_do_not_keep_the_gate_closed() -> None:
    gate = LinkGate()
    reports(gate, 0.5, begin=0.0, seconds=5)
    assert reports(gate, 0.0, begin=6.0, seconds=5, estimate_bps=100_000) == [11.0]


def test_nobody_falls_short_of_a_need_that_is_not_known() -> None:
    gate = LinkGate()
    low = Reported(0.1, 1.0, 1000)
    assert not any(gate.report(low, float(second), need_bps=0) for second in range(20))


def test_queueing_is_what_a_round_trip_takes_longer_than_the_shortest() -> None:
    delay = DelayMeter()
    for second, rtt_s in enumerate((0.050, 0.045, 0.350)):
        delay.measure(rtt_s, float(second))
    assert delay.queueing_s == pytest.approx(0.305)


def test_a_path_that_has_become_longer_is_no_queue_for_ever() -> None:
    delay = DelayMeter()
    delay.measure(0.05, 0.0)
    for second in range(1, 62):
        delay.measure(0.4, float(second))
    assert delay.queueing_s == 0.0


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
