"""Which rung of the ladder can carry a camera's stream, and what to change where none can (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.media.units import AudioCodec, AudioTrack, StreamInfo, VideoCodec, VideoTrack
from gateway.source.status import Reason, ReasonCode

WEBRTC: Final = "webrtc"
RUNGS: Final = (WEBRTC, "mse", "ll-hls")

_G711_RATE_HZ: Final = 8000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something passes; if not, `code` for programs and `message`, a sentence that says what to change."""

    ok: bool
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class RungVerdict:
    """Whether a rung carries the pictures, and, where there is sound, whether it carries that too.

    Sound never decides whether pictures pass.
    """

    ok: bool
    code: str | None = None
    message: str | None = None
    audio: Verdict | None = None

    @property
    def reason(self) -> Reason:
        """Why the rung can't carry the pictures, as a camera's status says it; only where `ok` is false."""
        return Reason(ReasonCode(self.code or ReasonCode.CODEC), self.message or "")


def assess(stream: StreamInfo) -> dict[str, RungVerdict]:
    """Judge `stream` for each of RUNGS."""
    return {rung: _assess_rung(rung, stream) for rung in RUNGS}


def assess_best(stream: StreamInfo) -> RungVerdict:
    """The verdict of the first rung that carries the pictures; where none does, that of the first."""
    verdicts = assess(stream)
    return next((verdict for verdict in verdicts.values() if verdict.ok), verdicts[WEBRTC])


def _assess_rung(rung: str, stream: StreamInfo) -> RungVerdict:
    video = _assess_video(rung, stream.video)
    audio = None if stream.audio is None else _assess_audio(rung, stream.audio)
    return RungVerdict(video.ok, video.code, video.message, audio)


def _assess_video(rung: str, video: VideoTrack | None) -> Verdict:
    if video is None:
        return Verdict(
            ok=False,
            code=ReasonCode.NO_VIDEO,
            message="This address sends no video. Check the path of the camera's URL.",
        )
    if video.codec is not VideoCodec.H264:
        return Verdict(
            ok=False,
            code=ReasonCode.CODEC,
            message=f"This camera sends {video.codec_name}. Your browser can't play it. "
            "Switch its sub-stream to H.264.",
        )
    if rung == WEBRTC and video.b_frames:
        return Verdict(
            ok=False,
            code=ReasonCode.B_FRAMES,
            message="This camera sends B-frames, which can't go over WebRTC. "
            "Switch them off in its video settings, or choose the Baseline profile.",
        )
    return Verdict(ok=True)


def _assess_audio(rung: str, audio: AudioTrack) -> Verdict:
    if rung != WEBRTC:
        if audio.codec in (AudioCodec.AAC, AudioCodec.OPUS):
            return Verdict(ok=True)
        return _silent(f"{audio.codec_name} can't go into fragmented MP4")
    if audio.codec is AudioCodec.OPUS:
        return Verdict(ok=True)
    if audio.codec in (AudioCodec.PCMU, AudioCodec.PCMA):
        if audio.clock_rate == _G711_RATE_HZ and audio.channels == 1:
            return Verdict(ok=True)
        return _silent(f"{audio.codec_name} goes over WebRTC only at 8 kHz with one channel")
    return _silent(f"{audio.codec_name} can't go over WebRTC")


def _silent(message: str) -> Verdict:
    return Verdict(ok=False, code=ReasonCode.CODEC, message=message)
