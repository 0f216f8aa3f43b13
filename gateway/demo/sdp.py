"""The session description of a demo camera (RFC 8866, with the payload formats' own parameters)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.demo.spec import AudioChoice
from gateway.media.units import VideoCodec

if TYPE_CHECKING:
    from gateway.demo.audio_encoder import AudioConfig
    from gateway.demo.video_encoder import VideoConfig

VIDEO_PAYLOAD_TYPE: Final = 96
_AUDIO_PAYLOAD_TYPES: Final = {
    AudioChoice.OPUS: 97,
    AudioChoice.AAC: 98,
    AudioChoice.PCMU: 0,
    AudioChoice.PCMA: 8,
}


def audio_payload_type(choice: AudioChoice) -> int:
    """The RTP payload type of each kind of sound; G.711 has RFC 3551's."""
    return _AUDIO_PAYLOAD_TYPES[choice]


@dataclass(frozen=True, slots=True)
class Description:
    """What one camera announces; `parameter_sets` False keeps SPS and PPS out of it."""

    name: str
    session_id: int
    host: str
    video: VideoConfig
    audio: AudioConfig | None
    parameter_sets: bool

    def render(self) -> str:
        """The SDP, with a control URL relative to the request's for each track (RFC 2326 appendix C.1.1)."""
        family = "IP6" if ":" in self.host else "IP4"
        unspecified = "::" if family == "IP6" else "0.0.0.0"  # noqa: S104 - what SDP calls any address; nothing is bound
        lines = [
            "v=0",
            f"o=- {self.session_id} 1 IN {family} {self.host}",
            f"s={self.name}",
            f"c=IN {family} {unspecified}",
            "t=0 0",
            "a=control:*",
            "a=range:npt=now-",
            *self._video_lines(),
        ]
        if self.audio is not None:
            lines += _audio_lines(self.audio)
        return "\r\n".join(lines) + "\r\n"

    def _video_lines(self) -> list[str]:
        video = self.video
        h264 = video.codec is VideoCodec.H264
        parameters = _h264_parameters(self) if h264 else _h265_parameters(self)
        lines = [
            f"m=video 0 RTP/AVP {VIDEO_PAYLOAD_TYPE}",
            f"a=rtpmap:{VIDEO_PAYLOAD_TYPE} {'H264' if h264 else 'H265'}/90000",
        ]
        if parameters:
            lines.append(f"a=fmtp:{VIDEO_PAYLOAD_TYPE} {parameters}")
        lines += [
            f"a=framerate:{video.fps:g}",
            f"a=x-dimensions:{video.width},{video.height}",
            "a=control:trackID=0",
        ]
        return lines


def _h264_parameters(description: Description) -> str:
    sets = description.video.parameter_sets
    parts = ["packetization-mode=1"]
    if description.parameter_sets:
        # profile_idc, constraint flags and level_idc are the SPS's first three bytes (RFC 6184 section 8.1).
        parts.append(f"profile-level-id={sets[0][1:4].hex()}")
        parts.append(f"sprop-parameter-sets={','.join(_base64(nal_unit) for nal_unit in sets)}")
    return "; ".join(parts)


def _h265_parameters(description: Description) -> str:
    if not description.parameter_sets:
        return ""
    names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
    sets = description.video.parameter_sets
    return "; ".join(f"{names[nal_unit[0] >> 1 & 0x3F]}={_base64(nal_unit)}" for nal_unit in sets)


def _audio_lines(audio: AudioConfig) -> list[str]:
    kind = audio_payload_type(audio.choice)
    match audio.choice:
        case AudioChoice.OPUS:
            name, parameters = "opus/48000/2", "sprop-stereo=0; minptime=20"
        case AudioChoice.AAC:
            name = f"mpeg4-generic/{audio.clock_rate}/{audio.channels}"
            parameters = (
                "streamtype=5; profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; "
                f"config={audio.setup.hex().upper()}"
            )
        case _:
            name, parameters = f"{audio.choice.upper()}/{audio.clock_rate}/{audio.channels}", ""
    lines = [f"m=audio 0 RTP/AVP {kind}", f"a=rtpmap:{kind} {name}"]
    if parameters:
        lines.append(f"a=fmtp:{kind} {parameters}")
    return [*lines, "a=control:trackID=1"]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
