"""Turns pictures into access units of H.264 or H.265, live: no look-ahead, one slice a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
from av.codec.context import Flags
from av.video.frame import PictureType

from gateway.media.annexb import split_annex_b
from gateway.media.units import VideoCodec

if TYPE_CHECKING:
    from gateway.demo.spec import CameraSpec

_START_CODE = b"\x00\x00\x00\x01"
_COLOUR_BT709 = 1
_RANGE_LIMITED = 1
_IN_FLIGHT_LIMIT = 64


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """What an SDP says of the video: size in pixels, frames per second, parameter sets without start codes."""

    codec: VideoCodec
    width: int
    height: int
    fps: float
    parameter_sets: tuple[bytes, ...]

    @property
    def in_band(self) -> bytes:
        """The parameter sets as Annex B, to stand before a keyframe."""
        return b"".join(_START_CODE + nal_unit for nal_unit in self.parameter_sets)


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """One access unit in Annex B without parameter sets; `capture_s` is that picture's time of capture."""

    capture_s: float
    keyframe: bool
    data: bytes


class VideoEncoder:
    """One libx264 or libx265 context; used by one thread at a time."""

    def __init__(self, spec: CameraSpec) -> None:
        h264 = spec.codec is VideoCodec.H264
        context = av.CodecContext.create("libx264" if h264 else "libx265", "w")
        if not isinstance(context, av.VideoCodecContext):
            raise TypeError(f"FFmpeg's encoder for {spec.codec} does not take pictures.")
        context.width, context.height, context.pix_fmt = spec.width, spec.height, "yuv420p"
        context.time_base = 1 / spec.fps
        context.framerate = spec.fps
        context.gop_size = spec.gop_frames
        context.max_b_frames = spec.b_frames
        # Parameter sets come apart from the pictures, so that a camera can leave them out of the band.
        context.flags |= Flags.global_header
        context.thread_count = 1
        context.color_range = _RANGE_LIMITED
        context.color_primaries = context.color_trc = context.colorspace = _COLOUR_BT709
        context.options = _x264_options(spec) if h264 else _x265_options(spec)
        context.open()
        self._context = context
        self._capture_times: dict[int, float] = {}
        self._frame_number = 0
        extradata = context.extradata or b""
        self.config = VideoConfig(
            codec=spec.codec,
            width=spec.width,
            height=spec.height,
            fps=float(spec.fps),
            parameter_sets=tuple(nal for nal in split_annex_b(extradata) if _is_parameter_set(nal, h264=h264)),
        )

    def encode(self, frame: av.VideoFrame, *, capture_s: float, keyframe: bool) -> list[CodedPicture]:
        """The pictures that are ready after `frame`: just that one unless there are B-frames."""
        number = self._frame_number
        self._frame_number += 1
        self._capture_times[number] = capture_s
        frame.pts = number
        frame.time_base = self._context.time_base
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        pictures = [
            CodedPicture(
                capture_s=self._capture_times.pop(packet.pts),
                keyframe=packet.is_keyframe,
                data=bytes(packet),
            )
            for packet in self._context.encode(frame)
            if packet.pts in self._capture_times
        ]
        if len(self._capture_times) > _IN_FLIGHT_LIMIT:
            raise RuntimeError(f"The encoder holds back more than {_IN_FLIGHT_LIMIT} pictures.")
        return pictures


def _is_parameter_set(nal_unit: bytes, *, h264: bool) -> bool:
    if h264:
        return nal_unit[0] & 0x1F in (7, 8)
    return nal_unit[0] >> 1 & 0x3F in (32, 33, 34)


def _x264_options(spec: CameraSpec) -> dict[str, str]:
    options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": spec.profile,
        "sc_threshold": "0",
        "forced-idr": "1",
        "bf": str(spec.b_frames),
        "b_strategy": "0",
    }
    return options | _rate_options(spec, quality="24")


def _x265_options(spec: CameraSpec) -> dict[str, str]:
    gop = spec.gop_frames
    fixed = (
        f"log-level=none:keyint={gop}:min-keyint={gop}:scenecut=0:bframes={spec.b_frames}:repeat-headers=0"
        ":info=0:pools=none:frame-threads=1"
    )
    options = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1", "x265-params": fixed}
    return options | _rate_options(spec, quality="28")


def _rate_options(spec: CameraSpec, *, quality: str) -> dict[str, str]:
    if spec.bitrate_bps is None:
        return {"crf": quality}
    # Half a second of buffer: keyframes keep their size, and what a second of it costs stays near the rate.
    return {
        "b": str(spec.bitrate_bps),
        "maxrate": str(spec.bitrate_bps),
        "bufsize": str(spec.bitrate_bps // 2),
    }
