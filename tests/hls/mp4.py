"""Reads fragmented MP4 for tests, by the standard and not by what the gateway writes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"dinf"}


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its path as `moof/traf/tfdt`, its content, and where it began."""

    path: str
    content: bytes
    offset: int


def boxes(data: bytes, *, path: str = "", offset: int = 0) -> Iterator[Box]:
    """All boxes, containers before what they hold; every length must fit exactly."""
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        assert 8 <= size <= len(data) - position, f"{path}/{kind!r} has a length of {size}"
        inner = f"{path}/{kind.decode()}".lstrip("/")
        content = data[position + 8 : position + size]
        yield Box(inner, content, offset + position)
        if kind in CONTAINERS:
            yield from boxes(content, path=inner, offset=offset + position + 8)
        position += size


def find(data: bytes, path: str) -> list[Box]:
    """The boxes at a path."""
    return [box for box in boxes(data) if box.path == path]


@dataclass(frozen=True, slots=True)
class TrackRun:
    """One track's samples in a fragment; `data` is each one's bytes."""

    track_id: int
    decode_time: int
    durations: tuple[int, ...]
    offsets: tuple[int, ...]
    sync: tuple[bool, ...]
    data: tuple[bytes, ...]

    @property
    def end(self) -> int:
        """Where it ends, in the track's timescale."""
        return self.decode_time + sum(self.durations)


def track_runs(fragment: bytes) -> dict[int, TrackRun]:
    """The tracks of a fragment by id; the fragment must be one moof and one mdat that is used up."""
    top = [box for box in boxes(fragment) if "/" not in box.path]
    assert [box.path for box in top] == ["moof", "mdat"]
    runs: dict[int, TrackRun] = {}
    used = 0
    headers = (find(fragment, f"moof/traf/{kind}") for kind in ("tfhd", "tfdt", "trun"))
    for header, time, run in zip(*headers, strict=True):
        flags, track_id = struct.unpack_from(">II", header.content)
        assert flags == 0x020020, "default-base-is-moof and default-sample-flags are what follows"
        (default_flags,) = struct.unpack_from(">I", header.content, 8)
        version_flags, decode_time = struct.unpack(">IQ", time.content)
        assert version_flags >> 24 == 1
        read = _read_run(run.content, default_flags)
        position, pieces = read.data_offset, []
        for size in read.sizes:
            pieces.append(fragment[position : position + size])
            position += size
        used += sum(read.sizes)
        runs[track_id] = TrackRun(track_id, decode_time, read.durations, read.offsets, read.sync, tuple(pieces))
    assert used == len(top[1].content), "the mdat holds the samples and nothing else"
    return runs


@dataclass(frozen=True, slots=True)
class _Table:
    data_offset: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    sync: tuple[bool, ...]
    offsets: tuple[int, ...]


def _read_run(content: bytes, default_flags: int) -> _Table:
    flags, count, data_offset = struct.unpack_from(">IIi", content)
    assert flags & 0x301 == 0x301, "offset, durations and sizes are there"
    position = 12
    durations, sizes, sync, offsets = [], [], [], []
    for _ in range(count):
        duration, size = struct.unpack_from(">II", content, position)
        position += 8
        sample_flags = default_flags
        if flags & 0x400:
            (sample_flags,) = struct.unpack_from(">I", content, position)
            position += 4
        offset = 0
        if flags & 0x800:
            (offset,) = struct.unpack_from(">i", content, position)
            position += 4
        durations.append(duration)
        sizes.append(size)
        sync.append(not sample_flags & 0x10000)
        offsets.append(offset)
    assert position == len(content)
    return _Table(data_offset, tuple(durations), tuple(sizes), tuple(sync), tuple(offsets))
