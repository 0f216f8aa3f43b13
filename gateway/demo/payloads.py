"""RTP payload formats only the demo cameras send: H.265 (RFC 7798) and AAC (RFC 3640)."""

from __future__ import annotations

from gateway.media.annexb import split_annex_b

_H265_FRAGMENT = 49
_FRAGMENT_START = 0x80
_FRAGMENT_END = 0x40
_AAC_SIZE_LIMIT = 1 << 13


def packetize_h265(access_unit: bytes, *, max_payload: int) -> list[bytes]:
    """The payloads of one access unit in Annex B: single NAL units and fragments (RFC 7798 section 4.4)."""
    payloads: list[bytes] = []
    for nal_unit in split_annex_b(access_unit):
        if len(nal_unit) <= max_payload:
            payloads.append(nal_unit)
        else:
            payloads.extend(_fragments(nal_unit, max_payload))
    return payloads


def _fragments(nal_unit: bytes, max_payload: int) -> list[bytes]:
    kind = nal_unit[0] >> 1 & 0x3F
    header = bytes((nal_unit[0] & 0x81 | _H265_FRAGMENT << 1, nal_unit[1]))
    step = max_payload - 3
    parts = [nal_unit[begin : begin + step] for begin in range(2, len(nal_unit), step)]
    last = len(parts) - 1
    return [
        header
        + bytes((kind | (_FRAGMENT_START if index == 0 else 0) | (_FRAGMENT_END if index == last else 0),))
        + part
        for index, part in enumerate(parts)
    ]


def packetize_aac(frame: bytes) -> list[bytes]:
    """The payload of one AAC frame in mode AAC-hbr: one 16-bit AU header (RFC 3640 section 3.3.6)."""
    if len(frame) >= _AAC_SIZE_LIMIT:
        raise ValueError(f"An AAC frame of {len(frame)} bytes does not fit mode AAC-hbr.")
    return [b"\x00\x10" + (len(frame) << 3).to_bytes(2, "big") + frame]
