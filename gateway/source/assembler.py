"""Turns what one connection delivers into access units: parameter sets, one timeline, capture times (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from gateway.media import h264, h265
from gateway.media.bits import InvalidBitstream
from gateway.media.capture_clock import CaptureClock, ClockEstimate, ClockMode
from gateway.media.codecs import audio_codec, audio_codec_string, codec_name, video_codec
from gateway.media.timestamps import FrameInterval, Resume, Timeline
from gateway.media.units import (
    VIDEO_CLOCK_RATE,
    VIDEO_TIME_BASE,
    AccessUnit,
    AudioTrack,
    StreamInfo,
    TrackKind,
    VideoCodec,
    VideoTrack,
)
from gateway.source.parameter_sets import Leading, ParameterSets, read_leading, syntax_of

_SLICES_AT_START: Final = 150
_SLICES_PER_KEYFRAME: Final = 8
_PICTURES_TO_SUSPECT: Final = 16
_FPS_TOLERANCE: Final = 0.1


@dataclass(frozen=True, slots=True)
class VideoSource:
    """The connection's video as FFmpeg names it; `extradata` are the SDP's parameter sets in Annex B, or empty."""

    codec: str
    extradata: bytes = b""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class AudioSource:
    """The connection's sound as FFmpeg names it; `clock_rate` in Hz is that of its timestamps."""

    codec: str
    clock_rate: int
    channels: int
    extradata: bytes = b""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When something reached the gateway: `at` in unix seconds, `monotonic_s` for durations."""

    at: float
    monotonic_s: float


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a connection hands to the next one of the same camera."""

    resume: Resume | None = None
    last_captured_at: float | None = None


class Assembler:
    """One connection's state.  `stream` is what it carries; it changes only at keyframes, and when B-frames show."""

    def __init__(
        self,
        video: VideoSource | None,
        audio: AudioSource | None,
        *,
        continuation: Continuation | None = None,
        clock_mode: ClockMode = "auto",
    ) -> None:
        continuation = continuation or Continuation()
        self._timeline = Timeline(continuation.resume)
        self._capture = CaptureClock(clock_mode, last_captured_at=continuation.last_captured_at)
        self._codec = video_codec(video.codec) if video else VideoCodec.OTHER
        self._syntax = syntax_of(self._codec)
        self._sets = ParameterSets(self._syntax, video.extradata) if self._syntax and video else None
        self._known_sps: bytes | None = None
        self._interval = FrameInterval()
        self._slices_left = _SLICES_AT_START
        self._suspected = 0
        self._started = False
        self._audio_clock_rate = audio.clock_rate if audio else 0
        self._audio_time_base = Fraction(1, audio.clock_rate) if audio else VIDEO_TIME_BASE
        self.stream = StreamInfo(_video_track(video, self._codec), _audio_track(audio))
        self.clock: ClockEstimate | None = None
        self._refresh_track()

    @property
    def rebases(self) -> int:
        """How often the camera's timestamps jumped."""
        return self._timeline.rebases

    @property
    def suspects_b_frames(self) -> bool:
        """Whether the parameter sets announce reordering and too few pictures were seen to know."""
        return self._suspected > 0

    def video(
        self,
        data: bytes,
        *,
        pts: int | None,
        dts: int | None,
        keyframe: bool,
        arrival: Arrival,
        reported_at: float | None = None,
        early: bool = False,
    ) -> AccessUnit | None:
        """The access unit of one coded picture, None before the first keyframe.

        `pts` and `dts` are the camera's, in 1/90000 s; `reported_at` is the camera's own wall clock for it.  `arrival`
        is that of the picture's end if it is `early`, else that of the next picture's beginning.
        """
        if keyframe or self._slices_left > 0:
            data = self._inspect(data, keyframe=keyframe)
        if keyframe:
            self._refresh_track()
        if not self._started and (not keyframe or (self._sets is not None and self._sets.sps is None)):
            return None
        self._started = True
        interval = self._interval.ticks
        order = dts if dts is not None else pts
        out = self._timeline.video(order, arrived_s=arrival.monotonic_s, interval=interval)
        self._interval.observe(out)
        # One that was held until the next one began had arrived an interval earlier.
        held_s = 0.0 if early else interval / VIDEO_CLOCK_RATE
        captured_at = self._capture.observe(
            out / VIDEO_CLOCK_RATE,
            arrived_at=arrival.at - held_s,
            monotonic_s=arrival.monotonic_s,
            reported_at=reported_at,
        )
        self.clock = ClockEstimate(out / VIDEO_CLOCK_RATE, captured_at, self._capture.source)
        reorder = pts - dts if pts is not None and dts is not None and pts > dts else 0
        return AccessUnit(TrackKind.VIDEO, out + reorder, out, interval, VIDEO_TIME_BASE, keyframe, data, captured_at)

    def audio(self, data: bytes, *, pts: int | None, duration: int, arrival: Arrival) -> AccessUnit | None:
        """The access unit of one packet of sound; None where it has no place on the timeline (yet).

        `pts` and `duration` are in 1/clock rate of the track.
        """
        if pts is None:
            return None
        out = self._timeline.audio(pts, clock_rate=self._audio_clock_rate, arrived_s=arrival.monotonic_s)
        if out is None:
            return None
        captured_at = self._capture.captured_at(out / self._audio_clock_rate)
        return AccessUnit(
            TrackKind.AUDIO,
            pts=out,
            dts=out,
            duration=duration,
            time_base=self._audio_time_base,
            keyframe=True,
            data=data,
            captured_at=captured_at,
        )

    def _inspect(self, data: bytes, *, keyframe: bool) -> bytes:
        """Look at what stands before the picture.  Most of a GOP is spared it: it costs as much as all the rest."""
        if self._sets is None or self._syntax is None:
            return data
        leading = read_leading(data, self._syntax)
        self._sets.update(leading)
        if keyframe:
            data = self._sets.complete(data, leading)
            self._slices_left = max(self._slices_left, _SLICES_PER_KEYFRAME)
        if self._slices_left > 0:
            self._look_for_b_frames(leading)
        return data

    def _look_for_b_frames(self, leading: Leading) -> None:
        self._slices_left -= 1
        self._suspected = max(0, self._suspected - 1)
        if self._codec is not VideoCodec.H264 or not leading.first_slice:
            return
        try:
            has_b_frames = h264.is_b_slice(leading.first_slice)
        except InvalidBitstream:
            return
        video = self.stream.video
        if has_b_frames and video is not None and not video.b_frames:
            self.stream = replace(self.stream, video=replace(video, b_frames=True))

    def _refresh_track(self) -> None:
        """Bring the video track up to date with the newest sequence parameter set and the measured frame rate."""
        video = self.stream.video
        if video is None:
            return
        sps = self._sets.sps if self._sets else None
        if sps is not None and sps != self._known_sps:
            self._known_sps = sps
            video = self._describe(video, sps)
        fps = self._interval.fps
        if abs(fps - video.fps) > _FPS_TOLERANCE * video.fps:
            video = replace(video, fps=fps)
        if video != self.stream.video:
            self.stream = replace(self.stream, video=video)

    def _describe(self, video: VideoTrack, sps: bytes) -> VideoTrack:
        try:
            if self._codec is VideoCodec.H265:
                parsed = h265.parse_sps(sps)
                return replace(video, codec_string=parsed.codec_string, width=parsed.width, height=parsed.height)
            found = h264.parse_sps(sps)
        except InvalidBitstream:
            return video
        self._interval = FrameInterval(found.fps)
        self._suspected = _PICTURES_TO_SUSPECT if found.reorder_frames else 0
        return replace(video, codec_string=found.codec_string, width=found.width, height=found.height)


def _video_track(source: VideoSource | None, codec: VideoCodec) -> VideoTrack | None:
    if source is None:
        return None
    default = {VideoCodec.H264: "avc1", VideoCodec.H265: "hvc1"}.get(codec, source.codec)
    return VideoTrack(codec, codec_name(source.codec), default, source.width, source.height, fps=0.0)


def _audio_track(source: AudioSource | None) -> AudioTrack | None:
    if source is None:
        return None
    codec = audio_codec(source.codec)
    config = source.extradata if codec.value == "aac" else b""
    name = codec_name(source.codec)
    string = audio_codec_string(codec, config) if codec.value != "other" else source.codec
    return AudioTrack(codec, name, string, source.clock_rate, source.channels, config)
