"""Opens a camera with PyAV and describes what it carries; the only place that knows FFmpeg's options."""

from __future__ import annotations

from typing import Final, Literal

import av
from av.container import InputContainer

from gateway.media.codecs import audio_codec
from gateway.media.units import AudioCodec
from gateway.source.assembler import AudioSource, VideoSource

READ_TIMEOUT_S: Final = 4.0
"""Deadline of each single socket operation inside FFmpeg: connecting, an answer, a packet."""

_UDP_BUFFER_BYTES: Final = 1 << 20
_AUDIO_PREFERENCE: Final = (AudioCodec.OPUS, AudioCodec.PCMU, AudioCodec.PCMA, AudioCodec.AAC, AudioCodec.OTHER)


def options(transport: Literal["tcp", "udp"]) -> dict[str, str]:
    """FFmpeg's options for the RTSP demuxer.

    Not `fflags=nobuffer`: it throws away the packets that were looked at while opening, which for a camera that begins
    with a keyframe costs the whole first GOP; with a probe this small nothing is held back anyway.  Not PyAV's
    `timeout=`, whose callback takes the GIL on each read.  `flags=low_delay` is for decoders; nothing is decoded here.
    """
    return {
        "rtsp_transport": transport,
        "allowed_media_types": "video+audio",
        "timeout": str(round(READ_TIMEOUT_S * 1_000_000)),
        "probesize": "32",
        "analyzeduration": "1",
        **({"buffer_size": str(_UDP_BUFFER_BYTES)} if transport == "udp" else {}),
    }


def open_container(url: str, transport: Literal["tcp", "udp"]) -> InputContainer:
    """Connect and start playing.  Blocks for as long as the camera keeps answering, however slowly.

    Raises av.FFmpegError, whose text holds the password; to be closed by the same thread.
    """
    # FFmpeg's log prints whole URLs to stderr.
    av.logging.set_level(None)
    return av.open(url, format="rtsp", container_options=options(transport), metadata_errors="replace")


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """The stream to show: the first."""
    return container.streams.video[0] if container.streams.video else None


def audio_stream(container: InputContainer) -> av.AudioStream | None:
    """The stream to hear: the one that passes most rungs."""
    return min(
        container.streams.audio,
        key=lambda stream: _AUDIO_PREFERENCE.index(audio_codec(stream.codec_context.name)),
        default=None,
    )


def describe_video(stream: av.VideoStream) -> VideoSource:
    """What FFmpeg knows of it before the first picture."""
    context = stream.codec_context
    return VideoSource(context.name, bytes(context.extradata or b""), context.width or 0, context.height or 0)


def describe_audio(stream: av.AudioStream) -> AudioSource | None:
    """What FFmpeg knows of it; None if its timestamps have no clock."""
    if not stream.time_base or stream.time_base.numerator != 1:
        return None
    context = stream.codec_context
    return AudioSource(
        context.name, stream.time_base.denominator, context.channels or 1, bytes(context.extradata or b"")
    )
