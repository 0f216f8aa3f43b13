"""RTP headers, interleaving and sender reports, read back byte by byte (RFC 3550)."""

from __future__ import annotations

from gateway.demo.rtp_stream import RtpStream
from tests.demo.rtsp_client import RtpPacket


def test_packets_are_numbered_and_wrap() -> None:
    stream = RtpStream(payload_type=96, ssrc=0xAABBCCDD, sequence=0xFFFF)
    burst = stream.burst([b"one", b"two"], timestamp=(1 << 32) + 5, mark_last=True)
    assert [RtpPacket.parse(packet) for packet in burst.packets] == [
        RtpPacket(payload_type=96, marker=False, sequence=0xFFFF, timestamp=5, ssrc=0xAABBCCDD, payload=b"one"),
        RtpPacket(payload_type=96, marker=True, sequence=0, timestamp=5, ssrc=0xAABBCCDD, payload=b"two"),
    ]
    assert stream.next_sequence == 1


def test_sound_has_no_marker() -> None:
    burst = RtpStream(payload_type=0, ssrc=1, sequence=1).burst([b"a"], timestamp=-1, mark_last=False)
    packet = RtpPacket.parse(burst.packets[0])
    assert (packet.marker, packet.timestamp) == (False, 0xFFFFFFFF)


def test_interleaved_bytes_are_made_once_per_channel() -> None:
    burst = RtpStream(payload_type=96, ssrc=1, sequence=1).burst([b"ab", b"c"], timestamp=0, mark_last=True)
    framed = burst.interleaved(4)
    assert framed == b"$\x04\x00\x0e" + burst.packets[0] + b"$\x04\x00\x0d" + burst.packets[1]
    assert burst.interleaved(4) is framed
    assert burst.interleaved(0)[:2] == b"$\x00"


def test_sender_report_says_when_what_and_how_much() -> None:
    stream = RtpStream(payload_type=96, ssrc=0x01020304, sequence=1)
    stream.burst([b"12345", b"678"], timestamp=0, mark_last=True)
    report = stream.sender_report(wall_s=1_790_000_000.5, timestamp=(1 << 32) + 9, cname="cam")
    assert report[:8] == bytes.fromhex("80c80006 01020304")
    assert int.from_bytes(report[8:12], "big") == 1_790_000_000 + 2_208_988_800
    assert int.from_bytes(report[12:16], "big") == 1 << 31
    assert [int.from_bytes(report[at : at + 4], "big") for at in (16, 20, 24)] == [9, 2, 8]
    description = report[28:]
    assert description == bytes.fromhex("81ca0003 01020304 0103") + b"cam" + b"\x00" * 3
    assert len(report) % 4 == 0
