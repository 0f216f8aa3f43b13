"""What a demo camera is: picture, coding, sound; and its one-line form for command lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from gateway.media.units import VideoCodec


class AudioChoice(StrEnum):
    """What a demo camera sends beside its picture."""

    NONE = "none"
    OPUS = "opus"
    PCMU = "pcmu"
    PCMA = "pcma"
    AAC = "aac"


class ParameterSets(StrEnum):
    """Where SPS and PPS (and VPS) are sent: RFC 6184 section 8.2.2 allows each of these."""

    EVERYWHERE = "everywhere"
    SDP_ONLY = "sdp-only"
    IN_BAND_ONLY = "in-band-only"


class Scene(StrEnum):
    """What a demo camera looks at."""

    FRONT_DOOR = "front-door"
    YARD = "yard"
    GARAGE = "garage"


_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}){0,7}")
_PROFILES = ("baseline", "main", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSpec:
    """One demo camera.

    `bitrate_bps` None encodes at constant quality (calm pictures cost little); a number adds film grain and really
    gives about that bitrate.  `profile` is H.264's; `baseline` means constrained baseline.  `copies` above 1 serves
    the one encoder under the paths `name-1` to `name-N`.  Raises ValueError with a sentence for what can't be made.
    """

    name: str
    width: int = 1280
    height: int = 720
    fps: Fraction = Fraction(30)
    gop_s: float = 2.0
    bitrate_bps: int | None = None
    codec: VideoCodec = VideoCodec.H264
    profile: str = "baseline"
    b_frames: int = 0
    audio: AudioChoice = AudioChoice.NONE
    parameter_sets: ParameterSets = ParameterSets.EVERYWHERE
    scene: Scene = Scene.YARD
    copies: int = 1

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise ValueError(f"Demo camera {self.name!r}: {problem}")

    @property
    def gop_frames(self) -> int:
        """Frames from one keyframe to the next, at least 1."""
        return max(1, round(self.gop_s * self.fps))

    @property
    def paths(self) -> tuple[str, ...]:
        """The RTSP paths this camera is served under, without the leading slash."""
        if self.copies == 1:
            return (self.name,)
        return tuple(f"{self.name}-{number}" for number in range(1, self.copies + 1))

    def _problem(self) -> str | None:
        checks = (
            (_PATH.fullmatch(self.name), "a name is letters, digits, '_', '.', '-', in up to 8 parts joined by '/'."),
            (
                self.width % 2 == 0 and self.height % 2 == 0 and 64 <= self.width <= 7680 and 64 <= self.height <= 4320,
                "width and height are even, from 64x64 to 7680x4320.",
            ),
            (1 <= self.fps <= 120, "the frame rate is from 1 to 120."),
            (0 < self.gop_s <= 600, "the GOP is above 0 and at most 600 seconds."),
            (
                self.bitrate_bps is None or 10_000 <= self.bitrate_bps <= 200_000_000,
                "the bitrate is from 10k to 200M bits per second.",
            ),
            (self.codec in (VideoCodec.H264, VideoCodec.H265), "the codec is h264 or h265."),
            (self.profile in _PROFILES, f"the profile is one of {', '.join(_PROFILES)}."),
            (0 <= self.b_frames <= 4, "the number of B-frames is from 0 to 4."),
            (
                not (self.b_frames and self.codec is VideoCodec.H264 and self.profile == "baseline"),
                "B-frames need profile main or high.",
            ),
            (1 <= self.copies <= 1000, "the number of copies is from 1 to 1000."),
        )
        return next((sentence for holds, sentence in checks if not holds), None)


DEMO_CAMERAS = (
    CameraSpec(name="front-door", scene=Scene.FRONT_DOOR, audio=AudioChoice.OPUS),
    CameraSpec(name="yard", scene=Scene.YARD, fps=Fraction(25)),
    CameraSpec(name="garage", scene=Scene.GARAGE, width=1920, height=1080),
)
"""The cameras of `camera-gateway demo`."""


def parse_camera(text: str) -> CameraSpec:
    """Reads `NAME:WIDTHxHEIGHT@FPS[:key=value]…`; raises ValueError with a sentence that names what is wrong.

    Keys: gop (seconds), bitrate (such as 4M), codec, profile, bframes, audio, sets, scene, copies.
    """
    name, _, rest = text.partition(":")
    size, *pairs = rest.split(":") if rest else [""]
    spec = CameraSpec(name=name)
    if size and "=" in size:
        pairs.insert(0, size)
    elif size:
        spec = _with_size(spec, size)
    for pair in pairs:
        key, _, value = pair.partition("=")
        spec = _with_option(spec, key=key, value=value)
    # Checked once more as a whole: an option may only be right together with a later one.
    return replace(spec)


def _with_size(spec: CameraSpec, text: str) -> CameraSpec:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})(?:@(\d{1,3}(?:\.\d{1,3})?))?", text)
    if match is None:
        raise ValueError(f"Demo camera {spec.name!r}: write the size as 1280x720@30, not {text!r}.")
    width, height, fps = match.groups()
    return replace(spec, width=int(width), height=int(height), fps=Fraction(fps) if fps else spec.fps)


def _with_option(spec: CameraSpec, *, key: str, value: str) -> CameraSpec:
    try:
        match key:
            case "gop":
                return replace(spec, gop_s=float(value.removesuffix("s")))
            case "bitrate":
                return replace(spec, bitrate_bps=_bitrate(value))
            case "codec":
                return replace(spec, codec=VideoCodec(value))
            case "profile":
                return replace(spec, profile=value)
            case "bframes":
                count = int(value)
                profile = "main" if count and spec.profile == "baseline" else spec.profile
                return replace(spec, b_frames=count, profile=profile)
            case "audio":
                return replace(spec, audio=AudioChoice(value))
            case "sets":
                return replace(spec, parameter_sets=ParameterSets(value))
            case "scene":
                return replace(spec, scene=Scene(value))
            case "copies":
                return replace(spec, copies=int(value))
    except ValueError as error:
        if str(error).startswith("Demo camera"):
            raise
        raise ValueError(f"Demo camera {spec.name!r}: {value!r} is not a value of {key}.") from None
    raise ValueError(f"Demo camera {spec.name!r}: there is no option {key!r}.")


def _bitrate(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([kM]?)", text)
    if match is None:
        raise ValueError(text)
    number, unit = match.groups()
    return int(float(number) * {"": 1, "k": 1_000, "M": 1_000_000}[unit])
