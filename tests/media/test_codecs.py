from __future__ import annotations

import pytest

from gateway.media.codecs import audio_codec, audio_codec_string, codec_name, video_codec
from gateway.media.units import AudioCodec, VideoCodec


def test_ffmpeg_names_become_ours() -> None:
    assert [video_codec(name) for name in ("h264", "hevc", "mjpeg")] == [
        VideoCodec.H264,
        VideoCodec.H265,
        VideoCodec.OTHER,
    ]
    assert [audio_codec(name) for name in ("opus", "pcm_mulaw", "pcm_alaw", "aac", "adpcm_g726")] == [
        AudioCodec.OPUS,
        AudioCodec.PCMU,
        AudioCodec.PCMA,
        AudioCodec.AAC,
        AudioCodec.OTHER,
    ]


def test_people_read_the_usual_names() -> None:
    assert (codec_name("hevc"), codec_name("aac"), codec_name("unheard-of")) == ("H.265", "AAC", "unheard-of")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (bytes.fromhex("1190"), "mp4a.40.2"),
        (bytes.fromhex("2b11"), "mp4a.40.5"),
        (bytes.fromhex("f94640"), "mp4a.40.42"),
        (b"\xf8", "mp4a.40.2"),
        (b"", "mp4a.40.2"),
    ],
)
def test_aac_is_named_by_its_object_type(config: bytes, expected: str) -> None:
    assert audio_codec_string(AudioCodec.AAC, config) == expected


def test_other_sound_is_named_by_itself() -> None:
    assert audio_codec_string(AudioCodec.OPUS) == "opus"
    assert audio_codec_string(AudioCodec.PCMU) == "pcmu"
