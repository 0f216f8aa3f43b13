"""The one-line form of a demo camera, and what cannot be made."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gateway.demo.spec import DEMO_CAMERAS, AudioChoice, CameraSpec, ParameterSets, Scene, parse_camera
from gateway.media.units import VideoCodec


def test_every_option_is_read() -> None:
    text = (
        "site/yard:1920x1080@25:gop=1.5s:bitrate=4M:codec=h264:profile=high:bframes=2:audio=pcma"
        ":sets=sdp-only:scene=garage:copies=2"
    )
    assert parse_camera(text) == CameraSpec(
        name="site/yard",
        width=1920,
        height=1080,
        fps=Fraction(25),
        gop_s=1.5,
        bitrate_bps=4_000_000,
        profile="high",
        b_frames=2,
        audio=AudioChoice.PCMA,
        parameter_sets=ParameterSets.SDP_ONLY,
        scene=Scene.GARAGE,
        copies=2,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", CameraSpec(name="a")),
        ("a:640x360", CameraSpec(name="a", width=640, height=360)),
        ("a:640x360@12.5", CameraSpec(name="a", width=640, height=360, fps=Fraction(25, 2))),
        ("a:gop=10", CameraSpec(name="a", gop_s=10)),
        ("a:bitrate=800k", CameraSpec(name="a", bitrate_bps=800_000)),
        ("a:bitrate=64000", CameraSpec(name="a", bitrate_bps=64_000)),
        ("a:codec=h265", CameraSpec(name="a", codec=VideoCodec.H265)),
        ("a:bframes=1", CameraSpec(name="a", profile="main", b_frames=1)),
    ],
)
def test_options_may_be_left_out(text: str, expected: CameraSpec) -> None:
    assert parse_camera(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a name is"),
        ("../x", "a name is"),
        ("a:640", "write the size as"),
        ("a:640x361", "width and height are even"),
        ("a:32x32", "from 64x64"),
        ("a:640x360@0", "frame rate"),
        ("a:gop=0", "GOP"),
        ("a:gop=nan", "GOP"),
        ("a:gop=x", "'x' is not a value of gop"),
        ("a:bitrate=4G", "'4G' is not a value of bitrate"),
        ("a:bitrate=1", "bitrate is from"),
        ("a:codec=av1", "'av1' is not a value of codec"),
        ("a:codec=other", "codec is h264 or h265"),
        ("a:profile=extended", "profile is one of"),
        ("a:bframes=9", "B-frames is from"),
        ("a:bframes=1:profile=baseline", "B-frames need"),
        ("a:audio=mp3", "'mp3' is not a value of audio"),
        ("a:copies=0", "copies"),
        ("a:colour=red", "no option 'colour'"),
    ],
)
def test_what_cannot_be_made_is_named_with_the_camera(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        parse_camera(text)
    assert str(caught.value).startswith("Demo camera ")


def test_copies_are_numbered_paths() -> None:
    assert CameraSpec(name="a").paths == ("a",)
    assert CameraSpec(name="a", copies=3).paths == ("a-1", "a-2", "a-3")


def test_gop_in_frames_is_never_zero() -> None:
    assert CameraSpec(name="a", fps=Fraction(25), gop_s=2).gop_frames == 50
    assert CameraSpec(name="a", fps=Fraction(5), gop_s=0.01).gop_frames == 1


def test_the_demo_has_three_cameras_one_with_sound() -> None:
    assert [(spec.width, spec.height, float(spec.fps), spec.gop_s) for spec in DEMO_CAMERAS] == [
        (1280, 720, 30, 2.0),
        (1280, 720, 25, 2.0),
        (1920, 1080, 30, 2.0),
    ]
    assert [spec.audio for spec in DEMO_CAMERAS] == [AudioChoice.OPUS, AudioChoice.NONE, AudioChoice.NONE]
