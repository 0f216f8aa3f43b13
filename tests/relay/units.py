"""Access units made up for tests: their bytes mean nothing, their times everything."""

from __future__ import annotations

from fractions import Fraction

from gateway.media.units import (
    VIDEO_TIME_BASE,
    AccessUnit,
    AudioCodec,
    AudioTrack,
    StreamInfo,
    TrackKind,
    VideoCodec,
    VideoTrack,
)

EPOCH_S = 1_790_000_000.0

VIDEO = VideoTrack(VideoCodec.H264, "h264", "avc1.42c01f", 320, 240, 30.0)
OPUS = AudioTrack(AudioCodec.OPUS, "opus", "opus", 48_000, 2)
PCMU = AudioTrack(AudioCodec.PCMU, "pcm_mulaw", "pcmu", 8_000, 1)
AAC = AudioTrack(AudioCodec.AAC, "aac", "mp4a.40.2", 16_000, 1)

SILENT_STREAM = StreamInfo(VIDEO)
OPUS_STREAM = StreamInfo(VIDEO, OPUS)
PCMU_STREAM = StreamInfo(VIDEO, PCMU)


def picture(at: float, *, keyframe: bool = False, size: int = 10) -> AccessUnit:
    """A picture `at` seconds on the camera's timeline."""
    pts = round(at * 90_000)
    return AccessUnit(TrackKind.VIDEO, pts, pts, 3000, VIDEO_TIME_BASE, keyframe, b"v" * size, EPOCH_S + at)


def audio(at: float, *, size: int = 5, clock_rate: int = 48_000) -> AccessUnit:
    """20 ms of sound `at` seconds on the camera's timeline."""
    pts = round(at * clock_rate)
    return AccessUnit(
        TrackKind.AUDIO, pts, pts, clock_rate // 50, Fraction(1, clock_rate), False, b"a" * size, EPOCH_S + at
    )
