"""The values that cross the gateway: access units and the description of their tracks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

VIDEO_CLOCK_RATE = 90_000
"""RTP clock rate of every video payload format (RFC 6184 section 5.1), in Hz."""

VIDEO_TIME_BASE = Fraction(1, VIDEO_CLOCK_RATE)


class TrackKind(StrEnum):
    """Which of a camera's two tracks a unit belongs to."""

    VIDEO = "video"
    AUDIO = "audio"


class VideoCodec(StrEnum):
    """Video codecs the gateway can name; only H.264 passes WebRTC today."""

    H264 = "h264"
    H265 = "h265"
    OTHER = "other"


class AudioCodec(StrEnum):
    """Audio codecs the gateway can name; Opus and G.711 pass WebRTC."""

    OPUS = "opus"
    PCMU = "pcmu"
    PCMA = "pcma"
    AAC = "aac"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture, or one packet of audio, as the camera made it.

    `pts` and `dts` count in `time_base` on the camera's *gateway timeline*: it starts near 0 when the camera is
    first opened, grows for as long as the gateway runs, also across reconnects, and is common to both tracks
    (so equal seconds mean equal capture time).  Video always has a time base of 1/90000, audio 1/sample rate of
    its RTP clock.  `data` is Annex B for H.264 and H.265, with parameter sets before each keyframe; raw frames
    for audio (AAC without ADTS).  `captured_at` is unix seconds on the gateway's clock.
    """

    track: TrackKind
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    keyframe: bool
    data: bytes
    captured_at: float


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """What a camera's video is.  `codec_string` is RFC 6381's (`avc1.640028`); `fps` is 0 while unknown."""

    codec: VideoCodec
    codec_name: str
    codec_string: str
    width: int
    height: int
    fps: float
    b_frames: bool = False


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """What a camera's audio is.  `config` is the AudioSpecificConfig of AAC, else empty; `clock_rate` in Hz."""

    codec: AudioCodec
    codec_name: str
    codec_string: str
    clock_rate: int
    channels: int
    config: bytes = b""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The tracks of one connection to a camera."""

    video: VideoTrack | None
    audio: AudioTrack | None = None
