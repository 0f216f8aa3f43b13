"""H.265 and AAC payloads, put together again as a receiver would."""

from __future__ import annotations

import pytest

from gateway.demo.payloads import packetize_aac, packetize_h265

_START_CODE = b"\x00\x00\x00\x01"


def _reassemble(payloads: list[bytes]) -> list[bytes]:
    """NAL units out of single and fragmented payloads (RFC 7798 section 4.4.3)."""
    found: list[bytes] = []
    for payload in payloads:
        if payload[0] >> 1 & 0x3F != 49:
            found.append(payload)
            continue
        if payload[2] & 0x80:
            found.append(bytes((payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1])))
        found[-1] += payload[3:]
    return found


@pytest.mark.parametrize("size", [3, 99, 100, 101, 197, 198, 1000])
def test_h265_nal_units_survive_fragmentation(size: int) -> None:
    small = b"\x40\x01\x55"
    large = b"\x26\x01" + bytes(step % 251 + 1 for step in range(size - 2))
    payloads = packetize_h265(_START_CODE + small + _START_CODE + large, max_payload=100)
    assert max(len(payload) for payload in payloads) <= 100
    assert _reassemble(payloads) == [small, large]
    fragments = [payload for payload in payloads if payload[0] >> 1 & 0x3F == 49]
    assert [index for index, part in enumerate(fragments) if part[2] & 0x80] == [0][: len(fragments)]
    assert [index for index, part in enumerate(fragments) if part[2] & 0x40] == [len(fragments) - 1][: len(fragments)]


def test_aac_frame_stands_behind_its_size() -> None:
    (payload,) = packetize_aac(b"x" * 300)
    assert payload[:2] == b"\x00\x10"
    assert int.from_bytes(payload[2:4], "big") >> 3 == 300
    assert payload[4:] == b"x" * 300


def test_aac_frame_beyond_13_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="8192 bytes"):
        packetize_aac(b"x" * 8192)
