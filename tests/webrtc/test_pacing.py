"""How fast bursts go to one viewer."""

from __future__ import annotations

import pytest

from gateway.webrtc.pacing import DOUBLING_S, INITIAL_RATE_BPS, MAX_RATE_BPS, SLICE_S, UNPACED_BYTES, Pace

STRIDE = 1200


def burst(pace: Pace, *, seconds: float, start: float = 0.0) -> int:
    """Bytes that leave in `seconds` of a burst without end."""
    sent = 0
    for slice_number in range(1, round(seconds / SLICE_S) + 1):
        pace.advance(start + slice_number * SLICE_S, bursting=True)
        packets = max(0, pace.packets(STRIDE))
        pace.spend(packets * STRIDE)
        sent += packets * STRIDE
    return sent


def test_ordinary_frames_leave_at_once() -> None:
    pace = Pace(0.0)
    assert pace.allows(UNPACED_BYTES)
    assert not pace.allows(UNPACED_BYTES + 1)


def test_what_was_sent_must_be_earned_again() -> None:
    pace = Pace(0.0)
    pace.spend(UNPACED_BYTES)
    assert not pace.allows(1)
    assert pace.packets(STRIDE) == 0
    pace.advance(0.001, bursting=False)
    assert pace.allows(INITIAL_RATE_BPS // 8000)


def test_no_more_than_one_allowance_is_saved_up() -> None:
    pace = Pace(0.0)
    pace.advance(3600.0, bursting=False)
    assert pace.allows(UNPACED_BYTES)
    assert not pace.allows(UNPACED_BYTES + 1)


def test_waiting_alone_makes_nothing_faster() -> None:
    pace = Pace(0.0)
    pace.advance(10.0, bursting=False)
    assert pace.rate_bps == INITIAL_RATE_BPS


def test_a_burst_that_gets_through_doubles_its_rate() -> None:
    pace = Pace(0.0)
    burst(pace, seconds=DOUBLING_S)
    assert pace.rate_bps == pytest.approx(2 * INITIAL_RATE_BPS)


def test_a_long_pause_counts_as_one_doubling_at_most() -> None:
    pace = Pace(0.0)
    pace.advance(5.0, bursting=True)
    assert pace.rate_bps == pytest.approx(2 * INITIAL_RATE_BPS)


def test_the_rate_has_an_upper_end() -> None:
    pace = Pace(0.0)
    burst(pace, seconds=2.0)
    assert pace.rate_bps == MAX_RATE_BPS


def test_a_first_burst_fits_a_20_megabit_line_with_a_64_kilobyte_queue() -> None:
    queued, most = 0.0, 0.0
    pace = Pace(0.0)
    for slice_number in range(1, 16):
        now = slice_number * SLICE_S
        pace.advance(now, bursting=True)
        packets = max(0, pace.packets(STRIDE))
        pace.spend(packets * STRIDE)
        queued = max(0.0, queued + packets * STRIDE - 20e6 / 8 * SLICE_S)
        most = max(most, queued)
    assert most < 65_536


def test_a_burst_is_sent_in_slices_of_its_rate() -> None:
    pace = Pace(0.0, rate_bps=100_000_000)
    pace.spend(UNPACED_BYTES)
    pace.advance(SLICE_S, bursting=False)
    assert pace.packets(STRIDE) == 100_000_000 // 8 * 2 // 1000 // STRIDE


def test_missed_packets_halve_the_rate_down_to_a_floor() -> None:
    pace = Pace(0.0)
    pace.missed()
    assert pace.rate_bps == INITIAL_RATE_BPS / 2
    for _ in range(10):
        pace.missed()
    assert pace.rate_bps == INITIAL_RATE_BPS / 4


def test_a_clock_that_stands_still_earns_nothing() -> None:
    pace = Pace(5.0)
    pace.spend(UNPACED_BYTES)
    pace.advance(5.0, bursting=True)
    pace.advance(4.0, bursting=True)
    assert not pace.allows(1)
    assert pace.rate_bps == INITIAL_RATE_BPS
