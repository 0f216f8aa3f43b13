"""Names codecs: FFmpeg's names to ours, RFC 6381 strings and words for people (pure)."""

from __future__ import annotations

from typing import Final

from gateway.media.units import AudioCodec, VideoCodec

_VIDEO: Final = {"h264": VideoCodec.H264, "hevc": VideoCodec.H265}
_AUDIO: Final = {
    "opus": AudioCodec.OPUS,
    "pcm_mulaw": AudioCodec.PCMU,
    "pcm_alaw": AudioCodec.PCMA,
    "aac": AudioCodec.AAC,
}
_NAMES: Final = {
    "h264": "H.264",
    "hevc": "H.265",
    "mjpeg": "Motion JPEG",
    "mpeg4": "MPEG-4 Part 2",
    "av1": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "opus": "Opus",
    "pcm_mulaw": "G.711 µ-law",
    "pcm_alaw": "G.711 A-law",
    "aac": "AAC",
    "adpcm_g726": "G.726",
    "adpcm_g726le": "G.726",
    "adpcm_g722": "G.722",
    "pcm_s16be": "uncompressed sound",
    "mp2": "MP2",
    "mp3": "MP3",
}
_ESCAPED_OBJECT_TYPE: Final = 31
_AAC_LC: Final = 2


def video_codec(name: str) -> VideoCodec:
    """The codec FFmpeg calls `name`."""
    return _VIDEO.get(name, VideoCodec.OTHER)


def audio_codec(name: str) -> AudioCodec:
    """The codec FFmpeg calls `name`."""
    return _AUDIO.get(name, AudioCodec.OTHER)


def codec_name(name: str) -> str:
    """What people call the codec FFmpeg calls `name`."""
    return _NAMES.get(name, name)


def audio_codec_string(codec: AudioCodec, config: bytes = b"") -> str:
    """RFC 6381's string, where there is one; `config` is AAC's AudioSpecificConfig, AAC-LC is assumed without it."""
    if codec is AudioCodec.AAC:
        return f"mp4a.40.{_audio_object_type(config)}"
    return codec.value


def _audio_object_type(config: bytes) -> int:
    """ISO/IEC 14496-3 section 1.6.2.1: 5 bits, or 31 and 6 more."""
    if not config:
        return _AAC_LC
    kind = config[0] >> 3
    if kind != _ESCAPED_OBJECT_TYPE:
        return kind
    if len(config) < 2:
        return _AAC_LC
    return 32 + (((config[0] & 0x07) << 3) | (config[1] >> 5))
