"""One track as an RTP stream: numbering and the history kept for retransmission."""

from __future__ import annotations

import pytest

from gateway.media.units import VIDEO_TIME_BASE, AccessUnit, TrackKind
from gateway.rtp.stream import RtpTrack


def in_tens(data: bytes) -> list[bytes]:
    """A packetizer that cuts every ten bytes."""
    return [data[begin : begin + 10] for begin in range(0, len(data), 10)]


def picture(data: bytes, *, at: float = 0.0, keyframe: bool = False) -> AccessUnit:
    pts = round(at * 90_000)
    return AccessUnit(TrackKind.VIDEO, pts, pts, 3000, VIDEO_TIME_BASE, keyframe, data, captured_at=1000 + at)


def track(**limits: float) -> RtpTrack:
    return RtpTrack(in_tens, clock_rate=90_000, timestamp_offset=5, **limits)  # type: ignore[arg-type]


def test_frames_number_their_packets_without_gaps() -> None:
    stream = track()
    frames = [stream.push(picture(b"x" * size)) for size in (25, 5, 40)]
    assert [(f.first_index, f.next_index) for f in frames if f] == [(0, 3), (3, 4), (4, 8)]
    assert stream.next_index == 8


def test_a_frame_says_what_its_unit_was() -> None:
    frame = track().push(picture(b"x" * 25, at=2.0, keyframe=True))
    assert frame is not None
    assert (frame.timestamp, frame.keyframe, frame.captured_at, frame.size) == (180_005, True, 1002.0, 25)
    assert frame.payloads == (b"x" * 10, b"x" * 10, b"x" * 5)


def test_timestamps_wrap_at_32_bits() -> None:
    stream = RtpTrack(in_tens, clock_rate=90_000, timestamp_offset=0xFFFFFFFF)
    assert stream.timestamp(0) == 0xFFFFFFFF
    assert stream.timestamp(1) == 0


def test_a_unit_with_nothing_to_send_takes_no_number() -> None:
    stream = track()
    assert stream.push(picture(b"")) is None
    assert (stream.next_index, list(stream)) == (0, [])


def test_a_packet_is_found_by_its_index() -> None:
    stream = track()
    for number in range(4):
        stream.push(picture(bytes((number,)) * 25, at=number / 30))
    found = stream.find(7)
    assert found is not None
    frame, place = found
    assert frame.payloads[place] == bytes((2,)) * 10
    assert (frame.first_index, place) == (6, 1)


@pytest.mark.parametrize("index", [-1, 3, 1000])
def test_packets_never_made_are_not_found(index: int) -> None:
    stream = track()
    stream.push(picture(b"x" * 25))
    assert stream.find(index) is None


def test_frames_older_than_the_history_are_forgotten() -> None:
    stream = track(history_s=1.0)
    for number in range(31):
        stream.push(picture(b"x" * 10, at=number / 10))
    assert [frame.captured_at for frame in stream] == [pytest.approx(1002 + n / 10) for n in range(11)]
    assert stream.find(19) is None
    assert stream.find(20) is not None


def test_the_history_is_bounded_in_bytes() -> None:
    stream = track(history_bytes=100)
    for number in range(50):
        stream.push(picture(b"x" * 30, at=number / 30))
        assert stream.held_bytes == sum(frame.size for frame in stream) <= 100
    assert len(list(stream)) == 3


def test_the_newest_frame_is_held_however_large_it_is() -> None:
    stream = track(history_bytes=100)
    stream.push(picture(b"x" * 30))
    stream.push(picture(b"y" * 500))
    assert [frame.size for frame in stream] == [500]


def test_another_clock_rate_forgets_what_was_held_and_numbers_on() -> None:
    stream = track()
    stream.push(picture(b"x" * 25))
    stream.reconfigure(clock_rate=48_000)
    assert (stream.clock_rate, list(stream), stream.held_bytes, stream.next_index) == (48_000, [], 0, 3)


def test_the_same_clock_rate_again_forgets_nothing() -> None:
    stream = track()
    stream.push(picture(b"x" * 25))
    stream.reconfigure(clock_rate=90_000)
    assert stream.find(0) is not None
