"""Made-up cameras: access units with real NAL unit headers, at any pace, with jitter, sound and accidents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
SPS = bytes.fromhex("6742c01e95a0280bfe54")
OTHER_SPS = bytes.fromhex("6742c01f95a01405fe54")
PPS = bytes.fromhex("68ce3c80")
START = b"\x00\x00\x00\x01"

VIDEO = VideoTrack(VideoCodec.H264, "H.264", "avc1.42c01e", 640, 360, 30.0)
AAC = AudioTrack(AudioCodec.AAC, "AAC", "mp4a.40.2", 16_000, 1, bytes.fromhex("1408"))
OPUS = AudioTrack(AudioCodec.OPUS, "Opus", "opus", 48_000, 2)
PCMU = AudioTrack(AudioCodec.PCMU, "G.711 µ-law", "pcmu", 8_000, 1)
PACKET_TICKS = {AudioCodec.AAC: 1024, AudioCodec.OPUS: 960, AudioCodec.PCMU: 160}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One camera.  `jitter_s` moves each timestamp by up to that, both ways; a picture arrives when it is captured."""

    fps: float = 30.0
    gop_s: float = 2.0
    jitter_s: float = 0.0
    audio: AudioTrack | None = None
    seed: int = 1
    begin_s: float = 0.0
    size: int = 500
    sps: bytes = SPS

    @property
    def info(self) -> StreamInfo:
        """Its tracks."""
        return StreamInfo(replace(VIDEO, fps=self.fps), self.audio)

    def units(self, seconds: float) -> Iterator[AccessUnit]:
        """Pictures and sound of so many seconds, in the order of their arrival."""
        dice = random.Random(self.seed)
        interval = round(90_000 / self.fps)
        gop = max(1, round(self.gop_s * self.fps))
        sound = 0
        last = -1
        for number in range(round(seconds * self.fps)):
            at_s = self.begin_s + number / self.fps
            tick = max(last + 1, round((at_s + dice.uniform(-self.jitter_s, self.jitter_s)) * 90_000))
            last = tick
            if self.audio is not None:
                rate, length = self.audio.clock_rate, PACKET_TICKS[self.audio.codec]
                while self.begin_s + (sound + 1) * length / rate <= at_s:
                    yield sound_unit(round(self.begin_s * rate) + sound * length, self.audio)
                    sound += 1
            yield picture(tick, keyframe=number % gop == 0, interval=interval, size=self.size, sps=self.sps)


def picture(
    tick: int,
    *,
    keyframe: bool = False,
    interval: int = 3000,
    size: int = 500,
    sps: bytes = SPS,
    pts: int | None = None,
) -> AccessUnit:
    """A picture at a decoding time of `tick` / 90000 s."""
    slice_data = bytes((0x65 if keyframe else 0x41, 0x88)) + b"\x55" * size
    data = START + slice_data
    if keyframe:
        data = START + b"\x09\xf0" + START + sps + START + PPS + data
    at = EPOCH_S + tick / 90_000
    return AccessUnit(
        TrackKind.VIDEO, tick if pts is None else pts, tick, interval, VIDEO_TIME_BASE, keyframe, data, at
    )


def sound_unit(tick: int, track: AudioTrack) -> AccessUnit:
    """A packet of sound at `tick` / clock rate."""
    rate = track.clock_rate
    at = EPOCH_S + tick / rate
    return AccessUnit(TrackKind.AUDIO, tick, tick, PACKET_TICKS[track.codec], Fraction(1, rate), True, b"\xab" * 40, at)
