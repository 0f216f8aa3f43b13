"""Makes samples of access units: H.264 with lengths for start codes and its parameter sets kept aside (pure)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

from gateway.hls.fmp4 import AacEntry, AudioEntry, AvcEntry, OpusEntry
from gateway.media.annexb import split_annex_b
from gateway.media.h264 import NalType
from gateway.media.units import AccessUnit, AudioCodec, AudioTrack, VideoTrack

_LENGTH: Final = struct.Struct(">I")
_SET_TYPES: Final = frozenset({NalType.SPS, NalType.PPS})
_END_OR_FILLER: Final = frozenset({10, 11, 12})
_OPUS_RATE_HZ: Final = 48_000


@dataclass(frozen=True, slots=True)
class Coded:
    """An access unit's bytes for an mdat, and the parameter sets that stood in it."""

    pieces: tuple[bytes, ...]
    size: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]


def coded(unit: AccessUnit, *, known: AvcEntry | None) -> Coded:
    """The sample of an H.264 access unit.

    Parameter sets are taken out, as `avc1` wants it (14496-15 section 5.4.2.1.2); only those of a picture that is no
    keyframe and that `known` lacks stay, for no initialization section can come before that picture.  Delimiters and
    filler go too.
    """
    pieces: list[bytes] = []
    size = 0
    sps: list[bytes] = []
    pps: list[bytes] = []
    for nal_unit in split_annex_b(unit.data):
        kind = nal_unit[0] & 0x1F
        if kind in _SET_TYPES:
            (sps if kind == NalType.SPS else pps).append(nal_unit)
            if unit.keyframe or known is None or nal_unit in known.sps or nal_unit in known.pps:
                continue
        elif kind == NalType.AUD or kind in _END_OR_FILLER:
            continue
        pieces += (_LENGTH.pack(len(nal_unit)), nal_unit)
        size += 4 + len(nal_unit)
    # The same set twice in one access unit is one.
    return Coded(tuple(pieces), size, tuple(dict.fromkeys(sps)), tuple(dict.fromkeys(pps)))


def with_sets(sample: Coded) -> Coded:
    """The same picture with its parameter sets before it, for players that keep to the ones they began with.

    FFmpeg (libavformat/mov.c, "Found duplicated MOOV Atom") skips every initialization section but the first.
    """
    sets = (*sample.sps, *sample.pps)
    pieces = [piece for nal_unit in sets for piece in (_LENGTH.pack(len(nal_unit)), nal_unit)]
    return replace(sample, pieces=(*pieces, *sample.pieces), size=sample.size + sum(map(len, pieces)))


def avc_entry(track: VideoTrack, sets: Coded) -> AvcEntry | None:
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
