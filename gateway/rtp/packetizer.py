"""RTP payloads: H.264 (RFC 6184) as single NAL unit, STAP-A and FU-A packets, and G.711 split to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.media.annexb import split_annex_b
from gateway.media.units import AccessUnit

_STAP_A = 24
_FU_A = 28
_FU_START = 0x80
_FU_END = 0x40
_ACCESS_UNIT_DELIMITER = 9
_FILLER = 12

MIN_PAYLOAD = 64
"""Smallest payload size the packetizer accepts, in bytes."""


def packetize_h264(access_unit: bytes, *, max_payload: int) -> list[bytes]:
    """Return the RTP payloads of one Annex B access unit, each at most `max_payload` bytes (≥ 64).

    Small neighbours are aggregated (section 5.7.1), large NAL units fragmented into equal fragments but the last
    (section 5.8), so that the packets of a frame can leave in one segmented send.  Access unit delimiters and filler
    carry nothing a receiver needs and are left out.  The marker bit belongs on the last payload.
    """
    if max_payload < MIN_PAYLOAD:
        raise ValueError(f"max_payload is {max_payload}, must be at least {MIN_PAYLOAD}")
    payloads: list[bytes] = []
    pending: list[bytes] = []
    pending_size = 1
    for nal_unit in split_annex_b(access_unit):
        if nal_unit[0] & 31 in (_ACCESS_UNIT_DELIMITER, _FILLER):
            continue
        size = len(nal_unit)
        if pending and pending_size + 2 + size > max_payload:
            payloads.append(_aggregate(pending))
            pending, pending_size = [], 1
        if size + 3 <= max_payload:
            pending.append(nal_unit)
            pending_size += 2 + size
        elif size <= max_payload:
            payloads.append(nal_unit)
        else:
            payloads.extend(_fragments(nal_unit, max_payload))
    if pending:
        payloads.append(_aggregate(pending))
    return payloads


def split_samples(unit: AccessUnit, *, max_payload: int) -> list[AccessUnit]:
    """Split a unit of audio with one byte per sample (G.711; RFC 3551 section 4.5.14) so that each part fits."""
    if len(unit.data) <= max_payload:
        return [unit]
    parts = []
    for begin in range(0, len(unit.data), max_payload):
        data = unit.data[begin : begin + max_payload]
        later_s = float(begin * unit.time_base)
        parts.append(
            replace(
                unit,
                pts=unit.pts + begin,
                dts=unit.dts + begin,
                duration=len(data),
                data=data,
                captured_at=unit.captured_at + later_s,
            )
        )
    return parts


def _aggregate(nal_units: Sequence[bytes]) -> bytes:
    if len(nal_units) == 1:
        return nal_units[0]
    # The aggregate's F bit is the OR and its NRI the maximum of those it holds (section 5.7).
    forbidden = max(nal_unit[0] & 0x80 for nal_unit in nal_units)
    importance = max(nal_unit[0] & 0x60 for nal_unit in nal_units)
    parts = [bytes((forbidden | importance | _STAP_A,))]
    for nal_unit in nal_units:
        parts.append(len(nal_unit).to_bytes(2, "big"))
        parts.append(nal_unit)
    return b"".join(parts)


def _fragments(nal_unit: bytes, max_payload: int) -> list[bytes]:
    indicator = (nal_unit[0] & 0xE0) | _FU_A
    nal_type = nal_unit[0] & 31
    step = max_payload - 2
    fragments: list[bytes] = []
    last = len(nal_unit) - 1
    for begin in range(1, len(nal_unit), step):
        header = nal_type
        if begin == 1:
            header |= _FU_START
        if begin + step > last:
            header |= _FU_END
        fragments.append(bytes((indicator, header)) + nal_unit[begin : begin + step])
    return fragments
