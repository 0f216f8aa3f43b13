"""Writes fragmented MP4 (ISO/IEC 14496-12, CMAF 23000-19): initialization sections and movie fragments (pure)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

VIDEO_TRACK_ID: Final = 1
AUDIO_TRACK_ID: Final = 2

_UNITY_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_VIDEO_TIMESCALE: Final = 90_000
_UNDETERMINED_LANGUAGE: Final = 0x55C4
_DPI_72: Final = 72 << 16

# tfhd: default-base-is-moof, and which defaults follow (14496-12 section 8.8.7).
_BASE_IS_MOOF: Final = 0x020000
_DEFAULT_FLAGS: Final = 0x20
# trun: what stands in it (section 8.8.8).
_DATA_OFFSET: Final = 0x1
_PER_SAMPLE_DURATION: Final = 0x100
_PER_SAMPLE_SIZE: Final = 0x200
_PER_SAMPLE_FLAGS: Final = 0x400
_PER_SAMPLE_OFFSET: Final = 0x800

_SYNC: Final = 0x02000000
"""sample_depends_on 2: depends on no other sample."""

_NOT_SYNC: Final = 0x01010000
"""sample_depends_on 1, sample_is_non_sync_sample."""

_AVC_HIGH: Final = 100
_NO_ESDS_LENGTH: Final = 0x80


@dataclass(frozen=True, slots=True)
class AvcEntry:
    """An H.264 track (14496-15 `avc1`): parameter sets without start codes; times count in 1/90000 s."""

    width: int
    height: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    timescale: int = _VIDEO_TIMESCALE


@dataclass(frozen=True, slots=True)
class AacEntry:
    """An AAC track (`mp4a`): `config` is the AudioSpecificConfig; times count in 1/`timescale` s."""

    config: bytes
    channels: int
    timescale: int


@dataclass(frozen=True, slots=True)
class OpusEntry:
    """An Opus track (Opus in ISOBMFF, `Opus` and `dOps`); times count in 1/48000 s."""

    channels: int
    timescale: int = 48_000


AudioEntry = AacEntry | OpusEntry


@dataclass(frozen=True, slots=True)
class Sample:
    """One access unit in a fragment: `pieces` are its bytes in order, times count in the track's timescale."""

    pieces: Sequence[bytes]
    size: int
    duration: int
    sync: bool = True
    composition_offset: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One track's samples in a fragment; `decode_time` is that of the first (tfdt)."""

    track_id: int
    decode_time: int
    samples: Sequence[Sample]


def initialization(video: AvcEntry, audio: AudioEntry | None = None, *, origin: int = 0) -> bytes:
    """The boxes ftyp and moov for one video and perhaps one audio track.

    Media time `origin`, in 1/90000 s, is to be presentation time 0 (an edit list, 14496-12 section 8.6.6).
    """
    brands = b"iso6cmf2cmfcmp41"
    tracks = [_track(VIDEO_TRACK_ID, video, origin)]
    extends = [_track_extends(VIDEO_TRACK_ID)]
    if audio is not None:
        tracks.append(_track(AUDIO_TRACK_ID, audio, origin * audio.timescale // _VIDEO_TIMESCALE))
        extends.append(_track_extends(AUDIO_TRACK_ID))
    header = struct.pack(">IIII", 0, 0, 1000, 0) + struct.pack(">IHHII", 0x10000, 0x0100, 0, 0, 0) + _UNITY_MATRIX
    movie_header = _full_box(b"mvhd", header + bytes(24) + struct.pack(">I", AUDIO_TRACK_ID + 1))
    return _box(b"ftyp", b"iso6", bytes(4), brands) + _box(b"moov", movie_header, *tracks, _box(b"mvex", *extends))


def fragment(sequence_number: int, runs: Sequence[Run]) -> bytes:
    """The boxes moof and mdat; the runs' bytes follow each other in the mdat."""
    offset = begin = headers_size({run.track_id: len(run.samples) for run in runs})
    offsets = []
    media: list[bytes] = []
    for run in runs:
        offsets.append(offset)
        for sample in run.samples:
            media += sample.pieces
            offset += sample.size
    header = struct.pack(">I4s", _MDAT_HEADER + offset - begin, b"mdat")
    return b"".join([_movie_fragment(sequence_number, runs, offsets), header, *media])


def headers_size(counts: Mapping[int, int]) -> int:
    """How many bytes a fragment has besides its samples, of which there are so many in each track's run."""
    rows = [(_VIDEO_ROW if track_id == VIDEO_TRACK_ID else _AUDIO_ROW).size * counts[track_id] for track_id in counts]
    return _MOOF_BASE + len(counts) * _TRAF_BASE + sum(rows) + _MDAT_HEADER


def _movie_fragment(sequence_number: int, runs: Sequence[Run], offsets: Sequence[int]) -> bytes:
    header = struct.pack(">I4sII", 16, b"mfhd", 0, sequence_number & 0xFFFFFFFF)
    fragments = [_track_fragment(run, offset) for run, offset in zip(runs, offsets, strict=True)]
    return _box(b"moof", header, *fragments)


def _track_fragment(run: Run, offset: int) -> bytes:
    defaults = struct.pack(">I4sIII", 20, b"tfhd", _BASE_IS_MOOF | _DEFAULT_FLAGS, run.track_id, _SYNC)
    decode_time = struct.pack(">I4sIQ", 20, b"tfdt", 0x01000000, run.decode_time)
    samples = run.samples
    if run.track_id == VIDEO_TRACK_ID:
        flags = _DATA_OFFSET | _PER_SAMPLE_DURATION | _PER_SAMPLE_SIZE | _PER_SAMPLE_FLAGS | _PER_SAMPLE_OFFSET
        table = b"".join(
            [_VIDEO_ROW.pack(s.duration, s.size, _SYNC if s.sync else _NOT_SYNC, s.composition_offset) for s in samples]
        )
    else:
        flags = _DATA_OFFSET | _PER_SAMPLE_DURATION | _PER_SAMPLE_SIZE
        table = b"".join([_AUDIO_ROW.pack(s.duration, s.size) for s in samples])
    # Version 1: composition offsets may be negative.
    head = struct.pack(">I4sIIi", 20 + len(table), b"trun", 0x01000000 | flags, len(samples), offset)
    return _box(b"traf", defaults, decode_time, head, table)


_VIDEO_ROW: Final = struct.Struct(">IIIi")
_AUDIO_ROW: Final = struct.Struct(">II")

_MDAT_HEADER: Final = 8
# moof and mfhd; traf, tfhd, tfdt and trun without its rows.
_MOOF_BASE: Final = 8 + 16
_TRAF_BASE: Final = 8 + 20 + 20 + 20


def _box(kind: bytes, *content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)


def _full_box(kind: bytes, *content: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *content)


def _edits(origin: int) -> bytes:
    """From media time `origin` on, to the end of whatever is to come."""
    if not origin:
        return b""
    return _box(b"edts", _box(b"elst", struct.pack(">IIQqI", 0x01000000, 1, 0, origin, 0x10000)))


def _track(track_id: int, entry: AvcEntry | AudioEntry, origin: int) -> bytes:
    is_video = isinstance(entry, AvcEntry)
    width, height = (entry.width, entry.height) if isinstance(entry, AvcEntry) else (0, 0)
    header = (
        struct.pack(">IIIII", 0, 0, track_id, 0, 0)
        + struct.pack(">QhhHH", 0, 0, 0, 0 if is_video else 0x0100, 0)
        + _UNITY_MATRIX
        + struct.pack(">II", width << 16, height << 16)
    )
    media_header = struct.pack(">IIIIHH", 0, 0, entry.timescale, 0, _UNDETERMINED_LANGUAGE, 0)
    handler = struct.pack(">I4s12x", 0, b"vide" if is_video else b"soun") + b"\x00"
    kind_header = _full_box(b"vmhd", bytes(8), flags=1) if is_video else _full_box(b"smhd", bytes(4))
    references = _full_box(b"dref", struct.pack(">I", 1), _full_box(b"url ", flags=1))
    tables = _box(
        b"stbl",
        _full_box(b"stsd", struct.pack(">I", 1), _sample_entry(entry)),
        _full_box(b"stts", bytes(4)),
        _full_box(b"stsc", bytes(4)),
        _full_box(b"stsz", bytes(8)),
        _full_box(b"stco", bytes(4)),
    )
    return _box(
        b"trak",
        _full_box(b"tkhd", header, flags=3),
        _edits(origin),
        _box(
            b"mdia",
            _full_box(b"mdhd", media_header),
            _full_box(b"hdlr", handler),
            _box(b"minf", kind_header, _box(b"dinf", references), tables),
        ),
    )


def _track_extends(track_id: int) -> bytes:
    return _full_box(b"trex", struct.pack(">IIIII", track_id, 1, 0, 0, 0))


def _sample_entry(entry: AvcEntry | AudioEntry) -> bytes:
    if isinstance(entry, AvcEntry):
        return _avc_entry(entry)
    sound = struct.pack(">6xH8xHHHHI", 1, entry.channels, 16, 0, 0, entry.timescale << 16)
    if isinstance(entry, OpusEntry):
        specific = _box(b"dOps", struct.pack(">BBHIhB", 0, entry.channels, 0, entry.timescale, 0, 0))
        return _box(b"Opus", sound, specific)
    return _box(b"mp4a", sound, _full_box(b"esds", _elementary_stream(entry.config)))


def _avc_entry(entry: AvcEntry) -> bytes:
    picture = struct.pack(
        ">6xH16xHHIIIH32xHh", 1, entry.width, entry.height, _DPI_72, _DPI_72, 0, 1, 0x0018, -1
    )  # 24 bits, no colour table
    return _box(b"avc1", picture, _box(b"avcC", _avc_configuration(entry)))


def _avc_configuration(entry: AvcEntry) -> bytes:
    """AVCDecoderConfigurationRecord (14496-15 section 5.3.3.1), with four-byte lengths."""
    first = entry.sps[0]
    pieces = [b"\x01", first[1:4], bytes((0xFF, 0xE0 | len(entry.sps)))]
    pieces += [struct.pack(">H", len(sps)) + sps for sps in entry.sps]
    pieces.append(bytes((len(entry.pps),)))
    pieces += [struct.pack(">H", len(pps)) + pps for pps in entry.pps]
    if first[1] == _AVC_HIGH:
        # What High can be: 4:2:0 of 8 bits; no SPS extensions.
        pieces.append(b"\xfd\xf8\xf8\x00")
    return b"".join(pieces)


def _elementary_stream(config: bytes) -> bytes:
    """ES_Descriptor (14496-1 section 7.2.6.5) for AAC: object type 0x40, an audio stream."""
    decoder = struct.pack(">BB3xII", 0x40, 0x15, 0, 0) + _descriptor(0x05, config)
    return _descriptor(0x03, struct.pack(">HB", 0, 0) + _descriptor(0x04, decoder) + _descriptor(0x06, b"\x02"))


def _descriptor(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length >= _NO_ESDS_LENGTH:
        return bytes((tag, 0x80 | length >> 7, length & 0x7F)) + content
    return bytes((tag, length)) + content
