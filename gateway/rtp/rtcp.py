"""RTCP that the gateway sends: sender reports with CNAME, and BYE (RFC 3550 section 6)."""

from __future__ import annotations

import struct

_SENDER_REPORT = 200
_SOURCE_DESCRIPTION = 202
_BYE = 203
_CNAME = 1
_NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP starts counting, to 1970."""


def ntp_timestamp(unix_s: float) -> int:
    """Unix seconds as a 64-bit NTP timestamp (RFC 5905 section 6)."""
    return int((unix_s + _NTP_EPOCH_S) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def middle_bits(ntp: int) -> int:
    """The middle 32 bits of an NTP timestamp, as receiver reports return them (LSR)."""
    return (ntp >> 16) & 0xFFFF_FFFF


def sender_report(*, ssrc: int, ntp: int, rtp_timestamp: int, packets: int, octets: int, cname: str) -> bytes:
    """A compound packet: sender report without report blocks (6.4.1), then SDES with the CNAME (6.5)."""
    report = struct.pack(
        ">BBHIQIII",
        0x80,
        _SENDER_REPORT,
        6,
        ssrc,
        ntp,
        rtp_timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    name = cname.encode()
    if len(name) > 255:
        raise ValueError("a CNAME has at most 255 bytes")
    item = struct.pack(">IBB", ssrc, _CNAME, len(name)) + name
    # The item list ends with a zero octet and is filled up to a word.
    item += bytes(4 - len(item) % 4)
    return report + struct.pack(">BBH", 0x81, _SOURCE_DESCRIPTION, len(item) // 4) + item


def goodbye(*ssrcs: int) -> bytes:
    """A BYE for up to 31 sources (6.6); an empty receiver report leads, as a compound packet must begin with one."""
    head = struct.pack(">BBHI", 0x80, 201, 1, ssrcs[0])
    return head + struct.pack(f">BBH{len(ssrcs)}I", 0x80 | len(ssrcs), _BYE, len(ssrcs), *ssrcs)
