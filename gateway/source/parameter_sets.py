"""Keeps a stream's parameter sets and puts them before keyframes that come without them (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.media import h264, h265
from gateway.media.annexb import PREFIX, START_CODE, split_annex_b
from gateway.media.units import VideoCodec

_LEADING_LIMIT: Final = 24
_SLICE_PREFIX_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one codec numbers what matters here; `sets` are its parameter sets in the order a decoder needs them."""

    sets: tuple[int, ...]
    sps: int
    aud: int

    def kind(self, first_byte: int) -> int:
        """nal_unit_type from the first byte of a NAL unit."""
        return first_byte & 0x1F if self is H264 else (first_byte >> 1) & 0x3F

    def is_slice(self, kind: int) -> bool:
        """Whether coded picture data begins with a NAL unit of this type."""
        return kind in h264.SLICE_TYPES if self is H264 else kind < h265.FIRST_NON_SLICE


H264: Final = Syntax((h264.NalType.SPS, h264.NalType.PPS), h264.NalType.SPS, h264.NalType.AUD)
H265: Final = Syntax((h265.NalType.VPS, h265.NalType.SPS, h265.NalType.PPS), h265.NalType.SPS, h265.NalType.AUD)


def syntax_of(codec: VideoCodec) -> Syntax | None:
    """The syntax of codecs that have parameter sets."""
    return {VideoCodec.H264: H264, VideoCodec.H265: H265}.get(codec)


@dataclass(frozen=True, slots=True)
class Leading:
    """What stands in front of an access unit's picture data: parameter sets by type, and the first slice's header.

    `after_aud` is where NAL units may be inserted: behind the access unit delimiter, if there is one.
    """

    sets: dict[int, list[bytes]]
    first_slice: bytes
    after_aud: int


def read_leading(data: bytes, syntax: Syntax) -> Leading:
    """Look at NAL units up to the first slice only: the payload is never searched."""
    sets: dict[int, list[bytes]] = {}
    after_aud = 0
    for kind, begin, end in _nal_units(data, syntax):
        if syntax.is_slice(kind):
            return Leading(sets, data[begin : begin + _SLICE_PREFIX_BYTES], after_aud)
        if kind in syntax.sets:
            sets.setdefault(kind, []).append(data[begin:end].rstrip(b"\x00"))
        elif kind == syntax.aud:
            after_aud = len(data[:end].rstrip(b"\x00"))
    return Leading(sets, b"", after_aud)


def _nal_units(data: bytes, syntax: Syntax) -> Iterator[tuple[int, int, int]]:
    """(type, begin, end) of the first NAL units; the end of a slice is not looked for."""
    begin = data.find(PREFIX) + 3
    for _ in range(_LEADING_LIMIT):
        if begin < 3 or begin >= len(data):
            return
        kind = syntax.kind(data[begin])
        if syntax.is_slice(kind):
            yield kind, begin, len(data)
            return
        end = data.find(PREFIX, begin)
        yield kind, begin, end if end >= 0 else len(data)
        begin = end + 3


class ParameterSets:
    """The newest parameter sets of one connection, from the SDP first, from the stream as they come."""

    def __init__(self, syntax: Syntax, extradata: bytes = b"") -> None:
        self._syntax = syntax
        self._sets: dict[int, list[bytes]] = {}
        for nal_unit in split_annex_b(extradata):
            kind = syntax.kind(nal_unit[0])
            if kind in syntax.sets:
                self._sets.setdefault(kind, []).append(nal_unit)

    @property
    def sps(self) -> bytes | None:
        """The newest sequence parameter set, None while unknown."""
        known = self._sets.get(self._syntax.sps)
        return known[-1] if known else None

    def update(self, leading: Leading) -> None:
        """Take the parameter sets that came with an access unit."""
        self._sets.update(leading.sets)

    def complete(self, data: bytes, leading: Leading) -> bytes:
        """A keyframe's `data` with all parameter sets; only those that are missing are put in."""
        missing = [kind for kind in self._syntax.sets if kind not in leading.sets and kind in self._sets]
        if not missing:
            return data
        inserted = b"".join(START_CODE + nal_unit for kind in missing for nal_unit in self._sets[kind])
        return data[: leading.after_aud] + inserted + data[leading.after_aud :]
