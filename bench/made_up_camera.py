"""A made-up camera for benchmarks within one process: what it says of itself, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from gateway.media.units import VIDEO_TIME_BASE, AccessUnit, StreamInfo, TrackKind, VideoCodec, VideoTrack

FPS: Final = 30
STREAM: Final = StreamInfo(VideoTrack(VideoCodec.H264, "H.264", "avc1.42c01e", 640, 360, float(FPS)))

_PARAMETER_SETS: Final = b"".join(
    b"\x00\x00\x00\x01" + bytes.fromhex(nal) for nal in ("6742c01e95a0280bfe54", "68ce3c80")
)


def made_up_pictures(bitrate_bps: int, *, captured_at: Callable[[int], float]) -> Iterator[AccessUnit]:
    """Pictures without end, a keyframe each second; `captured_at` dates the one of a number, in unix seconds."""
    picture_bytes = bitrate_bps // 8 // FPS
    number = 0
    while True:
        keyframe = number % FPS == 0
        slice_data = b"\x00\x00\x00\x01" + (b"\x65\x88" if keyframe else b"\x41\x88") + b"\x55" * picture_bytes
        data = _PARAMETER_SETS + slice_data if keyframe else slice_data
        at = number * 3000
        yield AccessUnit(TrackKind.VIDEO, at, at, 3000, VIDEO_TIME_BASE, keyframe, data, captured_at(number))
        number += 1
