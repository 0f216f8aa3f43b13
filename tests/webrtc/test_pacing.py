"""How fast bursts go to one viewer."""

from __future__ import annotations

import pytest

from gateway.webrtc.pacing import (
    DOUBLING_S,
    HEADROOM,
    INITIAL_RATE_BPS,
    LEAST_HEADROOM,
    MAX_RATE_BPS,
    PACE_S,
    REPEATED_LOSS,
    UNPACED_BYTES,
    Pace,
)

STRIDE = 1200


def clean_pace(*, stream_bps: int = 0) -> Pace:
    """Of a link that has proved clean."""
    pace = Pace(0.0, stream_bps=stream_bps)
    pace.reported(0.0)
    return pace


def send_all(pace: Pace) -> int:
    """Bytes that leave now."""
    return pace.take(STRIDE, 1 << 30) * STRIDE


def burst(pace: Pace, *, seconds: float, start: float = 0.0) -> int:
    """Bytes that leave in `seconds` of a burst without end."""
    sent = 0
    for look in range(1, round(seconds / PACE_S) + 1):
        pace.advance(start + look * PACE_S, bursting=True)
        sent += send_all(pace)
    return sent


def test_ordinary_frames_leave_at_once() -> None:
    assert send_all(Pace(0.0)) == UNPACED_BYTES // STRIDE * STRIDE


def test_what_was_sent_must_be_earned_again() -> None:
    pace = Pace(0.0)
    pace.spend(UNPACED_BYTES)
    assert pace.take(STRIDE, 1) == 0
    pace.advance(0.001, bursting=False)
    assert send_all(pace) == INITIAL_RATE_BPS // 8000 // STRIDE * STRIDE


def test_what_was_overdrawn_is_paid_back_first() -> None:
    pace = Pace(0.0)
    pace.spend(UNPACED_BYTES + INITIAL_RATE_BPS // 8000)
    pace.advance(0.001, bursting=False)
    assert pace.take(STRIDE, 1) == 0


def test_no_more_than_one_allowance_is_saved_up() -> None:
    pace = Pace(0.0)
    pace.advance(3600.0, bursting=False)
    assert send_all(pace) == UNPACED_BYTES // STRIDE * STRIDE


def test_waiting_alone_makes_nothing_faster() -> None:
    pace = Pace(0.0)
    pace.advance(10.0, bursting=False)
    assert pace.rate_bps == INITIAL_RATE_BPS


def test_a_burst_does_not_grow_before_its_link_has_proved_clean() -> None:
    pace = Pace(0.0)
    burst(pace, seconds=1.0)
    assert pace.rate_bps == INITIAL_RATE_BPS
    pace.reported(0.02)
    burst(pace, seconds=1.0, start=1.0)
    assert pace.rate_bps == INITIAL_RATE_BPS


def test_a_burst_that_gets_through_doubles_its_rate() -> None:
    pace = clean_pace()
    burst(pace, seconds=DOUBLING_S)
    assert pace.rate_bps == pytest.approx(2 * INITIAL_RATE_BPS)


def test_a_long_pause_counts_as_one_doubling_at_most() -> None:
    pace = clean_pace()
    pace.advance(5.0, bursting=True)
    assert pace.rate_bps == pytest.approx(2 * INITIAL_RATE_BPS)


def test_the_rate_has_an_upper_end_that_is_reached() -> None:
    pace = clean_pace()
    burst(pace, seconds=2.0)
    assert pace.rate_bps == MAX_RATE_BPS
    assert burst(pace, seconds=1.0, start=2.0) * 8 == pytest.approx(MAX_RATE_BPS, rel=0.01)


def test_a_first_burst_fits_a_20_megabit_line_with_a_64_kilobyte_queue() -> None:
    queued, most = 0.0, 0.0
    pace = Pace(0.0)
    # A second of burst is more than a 4 Mb/s camera's group of pictures.
    for look in range(1, round(1 / PACE_S)):
        pace.advance(look * PACE_S, bursting=True)
        queued = max(0.0, queued + send_all(pace) - 20e6 / 8 * PACE_S)
        most = max(most, queued)
    assert most < 65_536


def test_a_rich_camera_is_never_paced_below_what_it_needs() -> None:
    pace = Pace(0.0, stream_bps=20_000_000)
    assert pace.rate_bps == HEADROOM * 20_000_000
    for second in range(10):
        pace.missed(float(second))
    assert pace.rate_bps == HEADROOM * 20_000_000


def test_missed_packets_halve_the_rate_down_to_its_start() -> None:
    pace = clean_pace()
    burst(pace, seconds=2 * DOUBLING_S)
    before = pace.rate_bps
    pace.missed(1.0)
    assert pace.rate_bps == pytest.approx(before / 2)
    for second in range(2, 10):
        pace.missed(float(second))
    assert pace.rate_bps == INITIAL_RATE_BPS


def test_one_burst_of_complaints_counts_once() -> None:
    pace = clean_pace()
    burst(pace, seconds=2 * DOUBLING_S)
    before = pace.rate_bps
    for complaint in range(10):
        pace.missed(1.0 + complaint / 100)
    assert pace.rate_bps == pytest.approx(before / 2)


def test_a_clock_that_stands_still_earns_nothing() -> None:
    pace = Pace(5.0)
    pace.spend(UNPACED_BYTES)
    pace.advance(5.0, bursting=True)
    pace.advance(4.0, bursting=True)
    assert pace.take(STRIDE, 1) == 0
    assert pace.rate_bps == INITIAL_RATE_BPS


def lossy(pace: Pace, seconds: int) -> None:
    for _ in range(seconds):
        pace.reported(2 * REPEATED_LOSS)


def test_one_lossy_second_takes_nothing_from_the_first_rate() -> None:
    pace = Pace(0.0, stream_bps=4_000_000)
    lossy(pace, 1)
    pace.reported(REPEATED_LOSS)
    lossy(pace, 1)
    assert pace.rate_bps == INITIAL_RATE_BPS


def test_repeated_loss_lowers_the_rate_to_what_the_camera_needs_and_no_further() -> None:
    pace = Pace(0.0, stream_bps=4_000_000)
    lossy(pace, 2)
    assert pace.rate_bps == INITIAL_RATE_BPS / 2
    lossy(pace, 20)
    assert pace.rate_bps == pytest.approx(LEAST_HEADROOM * 4_000_000)


def test_misses_do_not_lift_a_rate_that_loss_has_lowered() -> None:
    pace = Pace(0.0, stream_bps=4_000_000)
    lossy(pace, 20)
    pace.missed(1.0)
    assert pace.rate_bps == pytest.approx(LEAST_HEADROOM * 4_000_000)


def test_clean_seconds_bring_the_first_rate_back() -> None:
    pace = Pace(0.0, stream_bps=4_000_000)
    lossy(pace, 20)
    rates = []
    for _ in range(5):
        pace.reported(0.0)
        rates.append(pace.rate_bps)
    assert rates == sorted(rates)
    assert rates[0] < INITIAL_RATE_BPS == rates[-1]


def test_without_knowing_the_cameras_need_the_rate_stays_where_it_began() -> None:
    pace = Pace(0.0)
    lossy(pace, 20)
    assert pace.rate_bps == INITIAL_RATE_BPS


def test_a_camera_that_needs_more_than_before_gets_it() -> None:
    pace = Pace(0.0, stream_bps=1_000_000)
    lossy(pace, 20)
    pace.needs(10_000_000)
    assert pace.rate_bps == LEAST_HEADROOM * 10_000_000


def test_what_waits_leaves_in_pieces_worth_a_system_call() -> None:
    pace = Pace(0.0)
    enough = UNPACED_BYTES // STRIDE
    assert pace.take(STRIDE, 100, least=enough + 1) == 0
    assert pace.take(STRIDE, 100, least=enough) == enough
    pace.advance(0.001, bursting=False)
    # The end of a frame is no piece too small.
    assert pace.take(STRIDE, 1, least=8) == 1
