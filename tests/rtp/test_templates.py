"""Frames laid out for sending, as a receiver parses them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from aiortc.rtp import RtpPacket

from gateway.rtp.stream import RtpFrame
from gateway.rtp.templates import (
    MAX_DATAGRAM,
    MAX_PAYLOAD,
    MAX_RUN_BYTES,
    MAX_RUN_PACKETS,
    TAG_SIZE,
    PacketClass,
    Run,
    extension,
    header,
    lay_out,
    retransmission,
    retransmission_size,
)

PLAIN = PacketClass(ssrc=0x01020304, payload_type=102)
DELAYED = PacketClass(ssrc=0x01020304, payload_type=102, playout_delay_id=5, min_delay=0, max_delay=0)


def frame(*sizes: int, first_index: int = 7) -> RtpFrame:
    payloads = tuple(bytes((place % 256,)) * size for place, size in enumerate(sizes))
    return RtpFrame(first_index, 0xFFFFFF00, payloads, keyframe=False, captured_at=0.0, size=sum(sizes))


def packets(run: Run) -> Iterator[bytes]:
    for place, size in enumerate(run.sizes):
        yield run.data[place * run.stride : place * run.stride + size]


def payloads(runs: Sequence[Run]) -> list[bytes]:
    return [RtpPacket.parse(packet).payload for run in runs for packet in packets(run)]


def test_packets_carry_class_timestamp_and_payload() -> None:
    (run,) = lay_out(frame(100, 100, 30), PLAIN)
    parsed = [RtpPacket.parse(packet) for packet in packets(run)]
    assert {(p.ssrc, p.payload_type, p.timestamp) for p in parsed} == {(0x01020304, 102, 0xFFFFFF00)}
    assert [p.payload for p in parsed] == list(frame(100, 100, 30).payloads)


def test_only_the_last_packet_of_a_frame_has_the_marker() -> None:
    runs = lay_out(frame(100, 50, 100, 100), PLAIN)
    assert [RtpPacket.parse(packet).marker for run in runs for packet in packets(run)] == [0, 0, 0, 1]


def test_playout_delay_stands_in_every_packet() -> None:
    packet_class = PacketClass(1, 102, playout_delay_id=14, min_delay=0x123, max_delay=0xFFF)
    (run,) = lay_out(frame(10, 10), packet_class)
    for packet in packets(run):
        assert packet[0] == 0x90
        assert packet[12:20] == bytes.fromhex("bede0001 e2 123fff")


def test_a_class_without_playout_delay_has_no_extension() -> None:
    assert extension(PLAIN) == b""
    assert header(PLAIN, timestamp=0, marker=0)[0] == 0x80


def test_a_header_takes_the_low_16_bits_of_its_number() -> None:
    assert RtpPacket.parse(header(PLAIN, timestamp=1, marker=0x80, sequence_number=0x12345)).sequence_number == 0x2345


@pytest.mark.parametrize("packet_class", [PLAIN, DELAYED])
def test_no_datagram_is_larger_than_every_path_carries(packet_class: PacketClass) -> None:
    full = frame(*[MAX_PAYLOAD] * 3)
    sent = [len(packet) + TAG_SIZE for run in lay_out(full, packet_class) for packet in packets(run)]
    again = retransmission(full, 0, packet_class, original_sequence_number=1, sequence_number=2)
    assert max(sent) <= MAX_DATAGRAM
    assert len(again) + TAG_SIZE <= MAX_DATAGRAM
    if packet_class is DELAYED:
        assert len(again) + TAG_SIZE == MAX_DATAGRAM


def test_packets_of_equal_size_and_one_shorter_last_form_one_run() -> None:
    (run,) = lay_out(frame(500, 500, 500, 20), PLAIN)
    assert run.sizes == (512, 512, 512, 32)
    assert (run.stride, run.first_index) == (512 + TAG_SIZE, 7)


def test_a_longer_packet_and_one_behind_a_shorter_start_new_runs() -> None:
    runs = lay_out(frame(20, 500, 500, 30, 30), PLAIN)
    assert [run.sizes for run in runs] == [(32,), (512, 512, 42), (42,)]
    assert [run.first_index for run in runs] == [7, 8, 11]


def test_a_run_keeps_to_the_kernels_number_of_segments() -> None:
    runs = lay_out(frame(*[100] * 150), PLAIN)
    assert [len(run.sizes) for run in runs] == [MAX_RUN_PACKETS, MAX_RUN_PACKETS, 22]


def test_a_run_keeps_to_one_datagrams_size() -> None:
    runs = lay_out(frame(*[MAX_PAYLOAD] * 100), DELAYED)
    assert max(len(run.data) for run in runs) <= MAX_RUN_BYTES
    assert [len(run.sizes) for run in runs] == [54, 46]


@pytest.mark.parametrize("seed", range(30))
def test_any_frame_is_laid_out_whole_within_all_limits(seed: int) -> None:
    dice = random.Random(seed)
    sizes = [
        MAX_PAYLOAD if dice.random() < 0.7 else dice.randrange(1, MAX_PAYLOAD + 1)
        for _ in range(dice.randrange(1, 300))
    ]
    whole = frame(*sizes, first_index=dice.randrange(1 << 20))
    runs = lay_out(whole, dice.choice((PLAIN, DELAYED)))
    assert payloads(runs) == list(whole.payloads)
    index = whole.first_index
    for run in runs:
        assert run.first_index == index
        index += len(run.sizes)
        assert len(run.sizes) <= MAX_RUN_PACKETS
        assert len(run.data) <= MAX_RUN_BYTES
        assert all(size + TAG_SIZE == run.stride for size in run.sizes[:-1])
        assert run.sizes[-1] + TAG_SIZE <= run.stride
        assert len(run.data) == (len(run.sizes) - 1) * run.stride + run.sizes[-1] + TAG_SIZE
        for place, size in enumerate(run.sizes):
            assert run.data[place * run.stride + size :][:TAG_SIZE] == bytes(TAG_SIZE)


def test_room_is_kept_for_exactly_the_classes_tag() -> None:
    (run,) = lay_out(frame(100, 100, 20), PacketClass(ssrc=1, payload_type=96, tag_size=10))
    assert run.stride == 12 + 100 + 10
    assert len(run.data) == 2 * run.stride + 12 + 20 + 10
    assert payloads([run]) == list(frame(100, 100, 20).payloads)


def test_a_retransmission_names_the_packet_it_repeats() -> None:
    rtx = PacketClass(ssrc=99, payload_type=103, playout_delay_id=5)
    packet = RtpPacket.parse(
        retransmission(frame(10, 20), 1, rtx, original_sequence_number=0x1FFFE, sequence_number=0x10003)
    )
    assert (packet.ssrc, packet.payload_type, packet.sequence_number, packet.marker) == (99, 103, 3, 1)
    assert packet.timestamp == 0xFFFFFF00
    assert packet.payload == b"\xff\xfe" + frame(10, 20).payloads[1]


def test_a_retransmission_of_a_packet_inside_a_frame_has_no_marker() -> None:
    packet = RtpPacket.parse(retransmission(frame(10, 20), 0, PLAIN, original_sequence_number=1, sequence_number=1))
    assert packet.marker == 0


def test_a_run_knows_its_payload_without_headers() -> None:
    (run,) = lay_out(frame(100, 100, 30), DELAYED)
    assert run.payload_size(0, 3) == 230
    assert run.payload_size(1, 3) == 130
    assert run.payload_size(0, 1) == 100


def test_a_retransmissions_size_is_known_before_it_is_made() -> None:
    for packet_class in (PLAIN, DELAYED):
        packet = retransmission(frame(10, 77), 1, packet_class, original_sequence_number=1, sequence_number=1)
        assert retransmission_size(frame(10, 77), 1, packet_class) == len(packet)
