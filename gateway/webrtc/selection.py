"""What of an offer is taken up for a camera's tracks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from gateway.media.units import VIDEO_CLOCK_RATE, AudioCodec, AudioTrack, StreamInfo, VideoCodec, VideoTrack
from gateway.source.validator import WEBRTC, assess
from gateway.webrtc.sdp import Codec, Offer, SdpError, Section

PLAYOUT_DELAY_URI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
_RTP_PROFILES = frozenset({"UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "RTP/SAVPF"})
_AUDIO_NAMES = {AudioCodec.OPUS: "opus", AudioCodec.PCMU: "PCMU", AudioCodec.PCMA: "PCMA"}
_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class VideoChoice:
    """How video will be sent.  `rtx_payload_type` None: no retransmission; `playout_delay_id` 0: not negotiated."""

    mid: str
    codec: Codec
    rtx_payload_type: int | None
    playout_delay_id: int


@dataclass(frozen=True, slots=True)
class AudioChoice:
    """How audio will be sent."""

    mid: str
    codec: Codec


@dataclass(frozen=True, slots=True)
class Selection:
    """What of an offer is taken up."""

    video: VideoChoice | None
    audio: AudioChoice | None

    @property
    def mids(self) -> frozenset[str]:
        """The mids of the sections taken up."""
        return frozenset(choice.mid for choice in (self.video, self.audio) if choice)


def select(offer: Offer, stream: StreamInfo) -> Selection:
    """Choose what to send of a camera's tracks; raises SdpError (not malformed) when nothing fits."""
    if offer.ice_lite:
        raise SdpError("ice_lite", "Both sides are ICE-lite; the viewer has to be a full ICE agent.", malformed=False)
    if stream.video is not None and stream.video.b_frames:
        refused = assess(stream)[WEBRTC]
        raise SdpError(refused.code or "b_frames", refused.message or "", malformed=False)
    usable = [s for s in offer.sections if _usable(s)]
    video = _first(_choose_video(s, stream.video) for s in usable if s.kind == "video")
    if video is None and any(s.kind == "video" for s in usable) and _passes(stream.video):
        raise SdpError(
            "no_h264", "The offer has no H.264 with packetization-mode=1, and this camera sends H.264.", malformed=False
        )
    audio = _first(_choose_audio(s, stream.audio) for s in usable if s.kind == "audio")
    if video and audio and not {video.mid, audio.mid} <= set(offer.bundle):
        # max-bundle: without a bundle only one section can be had, and the picture matters most.
        audio = None
    if video is None and audio is None:
        raise SdpError(
            "nothing_to_send",
            "The offer asks for nothing this camera can send: it needs a recvonly video section with H.264.",
            malformed=False,
        )
    return Selection(video, audio)


def still_offered(selection: Selection, offer: Offer) -> bool:
    """Whether what was taken up of an earlier offer of the same connection means the same in this one."""
    sections = {section.key: section for section in offer.sections}
    for choice in (selection.video, selection.audio):
        if choice is None:
            continue
        section = sections.get(choice.mid)
        codec = section.codecs.get(choice.codec.payload_type) if section is not None else None
        if codec is None or codec.name.lower() != choice.codec.name.lower():
            return False
    return True


def _usable(section: Section) -> bool:
    return (
        section.kind in ("audio", "video")
        and section.profile in _RTP_PROFILES
        and section.direction in ("recvonly", "sendrecv")
        and section.rtcp_mux
        and section.ufrag is not None
        and section.password is not None
        and bool(section.fingerprints)
        and (section.port != 0 or section.bundle_only)
    )


def _passes(track: VideoTrack | None) -> bool:
    return track is not None and track.codec is VideoCodec.H264


def _first(choices: Iterable[_Choice | None]) -> _Choice | None:
    return next((choice for choice in choices if choice is not None), None)


def _choose_video(section: Section, track: VideoTrack | None) -> VideoChoice | None:
    if track is None or not _passes(track):
        return None
    codecs = [
        codec
        for codec in section.codecs.values()
        if codec.name.upper() == "H264"
        and codec.clock_rate == VIDEO_CLOCK_RATE
        and codec.parameter("packetization-mode") == "1"
    ]
    if not codecs:
        return None
    wanted = h264_profile(track.codec_string.rpartition(".")[2])
    codec = next((c for c in codecs if h264_profile(_profile_level_id(c)) == wanted), None)
    # Decoders don't check: one that offers any profile decodes all the browser has, so take the ablest.
    codec = codec or max(codecs, key=lambda c: _PROFILE_RANK.get(h264_profile(_profile_level_id(c)), 0))
    rtx = next(
        (
            c.payload_type
            for c in section.codecs.values()
            if c.name.lower() == "rtx" and c.parameter("apt") == str(codec.payload_type)
        ),
        None,
    )
    delay_id = section.extensions.get(PLAYOUT_DELAY_URI, 0)
    return VideoChoice(
        mid=section.key,
        codec=codec,
        rtx_payload_type=rtx if "nack" in codec.feedback else None,
        # One-byte header extensions carry ids 1…14 (RFC 8285).
        playout_delay_id=delay_id if 0 < delay_id < 15 else 0,
    )


def _profile_level_id(codec: Codec) -> str:
    return (codec.parameter("profile-level-id") or "42E01F").lower()


_PROFILE_RANK = {"constrained-baseline": 1, "baseline": 2, "main": 3, "constrained-high": 4, "high": 5}


def h264_profile(profile_level_id: str) -> str:
    """Name the profile of a profile-level-id, six hex digits (RFC 6184 table 5); '' when it is none of ours."""
    try:
        profile_idc, constraints = int(profile_level_id[0:2], 16), int(profile_level_id[2:4], 16)
    except ValueError:
        return ""
    if profile_idc == 0x42:
        return "constrained-baseline" if constraints & 0x40 else "baseline"
    if profile_idc == 0x4D:
        return "constrained-baseline" if constraints & 0x80 else "main"
    if profile_idc == 0x58 and constraints & 0xC0 == 0xC0:
        return "constrained-baseline"
    if profile_idc == 0x64:
        return "constrained-high" if constraints & 0x0C == 0x0C else "high"
    return ""


def _choose_audio(section: Section, track: AudioTrack | None) -> AudioChoice | None:
    name = _AUDIO_NAMES.get(track.codec) if track else None
    if track is None or name is None:
        return None
    for codec in section.codecs.values():
        if codec.name.lower() == name.lower() and codec.clock_rate == track.clock_rate:
            return AudioChoice(section.key, codec)
    return None
