"""RTCP as a receiver parses it."""

from __future__ import annotations

import pytest
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpRrPacket, RtcpSdesPacket, RtcpSrPacket

from gateway.rtp.rtcp import goodbye, middle_bits, ntp_timestamp, sender_report

UNIX_S = 1_790_000_000.25


def test_unix_time_becomes_ntp_time() -> None:
    assert ntp_timestamp(0) == 2_208_988_800 << 32
    assert ntp_timestamp(UNIX_S) == ((1_790_000_000 + 2_208_988_800) << 32) + (1 << 30)


def test_ntp_time_goes_on_in_its_next_era() -> None:
    assert ntp_timestamp((1 << 32) - 2_208_988_800 + 5.0) == 5 << 32


def test_receivers_return_the_middle_of_an_ntp_timestamp() -> None:
    assert middle_bits(0x1122_3344_5566_7788) == 0x3344_5566


@pytest.mark.parametrize("cname", ["", "a", "ab", "abc", "abcd", "0123456789abcdef", "x" * 255])
def test_a_sender_report_arrives_with_its_cname(cname: str) -> None:
    report, description = RtcpPacket.parse(
        sender_report(ssrc=7, ntp=ntp_timestamp(UNIX_S), rtp_timestamp=1234, packets=10, octets=2000, cname=cname)
    )
    assert isinstance(report, RtcpSrPacket)
    assert isinstance(description, RtcpSdesPacket)
    assert report.ssrc == 7
    info = report.sender_info
    assert (info.ntp_timestamp, info.rtp_timestamp) == (ntp_timestamp(UNIX_S), 1234)
    assert (info.packet_count, info.octet_count) == (10, 2000)
    assert report.reports == []
    ((ssrc, items),) = [(source.ssrc, source.items) for source in description.chunks]
    assert (ssrc, items) == (7, [(1, cname.encode())])


def test_counters_and_timestamps_wrap_at_32_bits() -> None:
    report, _ = RtcpPacket.parse(
        sender_report(
            ssrc=7, ntp=0, rtp_timestamp=(1 << 32) + 1, packets=(1 << 32) + 2, octets=(1 << 32) + 3, cname="c"
        )
    )
    assert isinstance(report, RtcpSrPacket)
    info = report.sender_info
    assert (info.rtp_timestamp, info.packet_count, info.octet_count) == (1, 2, 3)


def test_a_cname_too_long_for_its_field_is_refused() -> None:
    with pytest.raises(ValueError, match="255"):
        sender_report(ssrc=7, ntp=0, rtp_timestamp=0, packets=0, octets=0, cname="x" * 256)


@pytest.mark.parametrize("ssrcs", [(1,), (1, 2), tuple(range(1, 32))])
def test_a_goodbye_names_its_sources(ssrcs: tuple[int, ...]) -> None:
    report, bye = RtcpPacket.parse(goodbye(*ssrcs))
    assert isinstance(report, RtcpRrPacket)
    assert isinstance(bye, RtcpByePacket)
    assert (report.ssrc, report.reports) == (ssrcs[0], [])
    assert bye.sources == list(ssrcs)
