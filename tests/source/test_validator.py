from __future__ import annotations

import pytest

from gateway.media.units import AudioCodec, AudioTrack, StreamInfo, VideoCodec, VideoTrack
from gateway.source.status import ReasonCode
from gateway.source.validator import RUNGS, RungVerdict, assess, assess_best

H264 = VideoTrack(VideoCodec.H264, "H.264", "avc1.42c01f", 1280, 720, 30.0)
H265 = VideoTrack(VideoCodec.H265, "H.265", "hvc1.1.6.L93.90", 1280, 720, 30.0)
B_FRAMES = VideoTrack(VideoCodec.H264, "H.264", "avc1.640028", 1280, 720, 30.0, b_frames=True)


def _audio(codec: AudioCodec, *, name: str = "Sound", clock_rate: int = 8000, channels: int = 1) -> AudioTrack:
    return AudioTrack(codec, name, codec.value, clock_rate, channels)


def test_plain_h264_passes_everywhere() -> None:
    assert assess(StreamInfo(H264)) == {rung: RungVerdict(ok=True) for rung in RUNGS}


def test_h265_passes_nowhere_and_says_what_to_change() -> None:
    for verdict in assess(StreamInfo(H265)).values():
        assert (verdict.ok, verdict.code) == (False, "codec")
        assert verdict.message == (
            "This camera sends H.265. Your browser can't play it. Switch its sub-stream to H.264."
        )
        assert verdict.reason.code is ReasonCode.CODEC


def test_b_frames_close_only_webrtc() -> None:
    verdicts = assess(StreamInfo(B_FRAMES))
    assert {rung: verdict.ok for rung, verdict in verdicts.items()} == {"webrtc": False, "mse": True, "ll-hls": True}
    assert verdicts["webrtc"].reason.code is ReasonCode.B_FRAMES
    assert "Switch them off" in verdicts["webrtc"].reason.message


def test_the_best_verdict_is_that_of_a_rung_that_carries_the_pictures() -> None:
    assert assess_best(StreamInfo(B_FRAMES)).ok
    worst = assess_best(StreamInfo(H265))
    assert (worst.ok, worst.code) == (False, "codec")


def test_no_video_passes_nowhere() -> None:
    verdicts = assess(StreamInfo(None, _audio(AudioCodec.OPUS)))
    assert not any(verdict.ok for verdict in verdicts.values())
    assert verdicts["webrtc"].reason.code is ReasonCode.NO_VIDEO


def test_aac_silences_webrtc_and_nothing_else() -> None:
    verdicts = assess(StreamInfo(H264, _audio(AudioCodec.AAC, name="AAC")))
    assert all(verdict.ok for verdict in verdicts.values())
    silent = {
        rung: verdict.audio.message for rung, verdict in verdicts.items() if verdict.audio and not verdict.audio.ok
    }
    assert silent == {"webrtc": "AAC can't go over WebRTC"}


@pytest.mark.parametrize(
    ("audio", "rungs"),
    [
        (_audio(AudioCodec.OPUS, clock_rate=48_000, channels=2), {"webrtc", "mse", "ll-hls"}),
        (_audio(AudioCodec.PCMU), {"webrtc"}),
        (_audio(AudioCodec.PCMA), {"webrtc"}),
        (_audio(AudioCodec.PCMA, clock_rate=16_000), set()),
        (_audio(AudioCodec.PCMU, channels=2), set()),
        (_audio(AudioCodec.OTHER), set()),
    ],
)
def test_sound_passes_where_its_codec_does(audio: AudioTrack, rungs: set[str]) -> None:
    verdicts = assess(StreamInfo(H264, audio))
    assert {rung for rung, verdict in verdicts.items() if verdict.audio and verdict.audio.ok} == rungs
    assert all(verdict.ok for verdict in verdicts.values())
