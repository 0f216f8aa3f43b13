"""Makes samples of access units: H.264 with lengths for start codes and its parameter sets kept aside (pure)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from gateway.hls.fmp4 import AacEntry, AudioEntry, AvcEntry, OpusEntry
from gateway.media.annexb import PREFIX, split_annex_b
from gateway.media.h264 import SLICE_TYPES, NalType
from gateway.media.units import AccessUnit, AudioCodec, AudioTrack, VideoTrack

_LENGTH: Final = struct.Struct(">I")
_SET_TYPES: Final = frozenset({NalType.SPS, NalType.PPS})
_LEFT_OUT: Final = frozenset({NalType.AUD, 10, 11, 12})
"""Delimiters, ends and filler."""

_OPUS_RATE_HZ: Final = 48_000


@dataclass(frozen=True, slots=True)
class Sets:
    """Parameter sets without start codes, each once."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Coded:
    """An access unit's bytes for an mdat."""

    pieces: tuple[bytes, ...]
    size: int


def first_slice(data: bytes) -> int:
    """Where the start code of the first slice is, -1 where there is no picture; nothing behind it is looked at."""
    begin = data.find(PREFIX)
    while 0 <= begin < len(data) - len(PREFIX):
        if data[begin + len(PREFIX)] & 0x1F in SLICE_TYPES:
            return begin
        begin = data.find(PREFIX, begin + len(PREFIX))
    return -1


def leading_sets(data: bytes) -> Sets:
    """The parameter sets before an access unit's first slice; all of them are there, where there are any."""
    begin = first_slice(data)
    leading = split_annex_b(data[:begin] if begin >= 0 else data)
    # The same set twice in one access unit is one.
    sps, pps = (
        tuple(dict.fromkeys(nal_unit for nal_unit in leading if nal_unit[0] & 0x1F == kind))
        for kind in (NalType.SPS, NalType.PPS)
    )
    return Sets(sps, pps)


def coded(unit: AccessUnit, *, known: AvcEntry | None) -> Coded:
    """The sample of an H.264 access unit.

    Parameter sets are taken out, as `avc1` wants it (14496-15 section 5.4.2.1.2); only those of a picture that is no
    keyframe and that `known` lacks stay, for no initialization section can come before that picture.  Delimiters and
    filler go too.
    """
    pieces: list[bytes] = []
    size = 0
    for nal_unit in split_annex_b(unit.data):
        kind = nal_unit[0] & 0x1F
        if kind in _LEFT_OUT:
            continue
        if kind in _SET_TYPES and (unit.keyframe or known is None or nal_unit in known.sps or nal_unit in known.pps):
            continue
        pieces += (_LENGTH.pack(len(nal_unit)), nal_unit)
        size += 4 + len(nal_unit)
    return Coded(tuple(pieces), size)


def with_sets(sample: Coded, sets: Sets) -> Coded:
    """The same picture with its parameter sets before it, for players that keep to the ones they began with.

    FFmpeg (libavformat/mov.c, "Found duplicated MOOV Atom") skips every initialization section but the first.
    """
    pieces = [piece for nal_unit in (*sets.sps, *sets.pps) for piece in (_LENGTH.pack(len(nal_unit)), nal_unit)]
    return Coded((*pieces, *sample.pieces), sample.size + sum(map(len, pieces)))


def avc_entry(track: VideoTrack, sets: Sets) -> AvcEntry | None:
    """The track's sample entry, None where a parameter set is missing."""
    if not sets.sps or not sets.pps:
        return None
    return AvcEntry(track.width, track.height, sets.sps, sets.pps)


def audio_entry(track: AudioTrack | None) -> AudioEntry | None:
    """The track's sample entry, None where there is no sound that fragmented MP4 can carry."""
    if track is None:
        return None
    if track.codec is AudioCodec.AAC and track.config:
        return AacEntry(track.config, track.channels, track.clock_rate)
    if track.codec is AudioCodec.OPUS and track.clock_rate == _OPUS_RATE_HZ:
        return OpusEntry(track.channels)
    return None
