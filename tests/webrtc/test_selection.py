"""What of an offer is taken up for a camera's tracks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.media.units import AudioTrack, StreamInfo, VideoCodec
from gateway.webrtc.sdp import SdpError, parse_offer
from gateway.webrtc.selection import Selection, h264_profile, select
from tests.relay.units import AAC, OPUS, OPUS_STREAM, PCMU, PCMU_STREAM, SILENT_STREAM, VIDEO
from tests.webrtc.stage import offer


def selected(text: str, stream: StreamInfo = SILENT_STREAM) -> Selection:
    return select(parse_offer(text), stream)


def refused(text: str, stream: StreamInfo = SILENT_STREAM) -> str:
    with pytest.raises(SdpError) as error:
        selected(text, stream)
    assert not error.value.malformed
    return error.value.code


def of_profile(profile: str) -> StreamInfo:
    return StreamInfo(replace(VIDEO, codec_string=f"avc1.{profile}"))


def payload_type(selection: Selection) -> int:
    assert selection.video is not None
    return selection.video.codec.payload_type


@pytest.mark.parametrize(
    ("browser", "camera", "expected"),
    [
        ("chromium-video", "42c01f", 108),
        ("chromium-video", "42e01f", 108),
        ("chromium-video", "42001f", 102),
        ("chromium-video", "4d0028", 116),
        ("firefox", "42c01f", 126),
        ("firefox", "42001e", 105),
        ("safari", "640c1f", 96),
        ("safari", "42c01f", 98),
    ],
)
def test_the_cameras_own_profile_is_preferred(browser: str, camera: str, expected: int) -> None:
    assert payload_type(selected(offer(browser), of_profile(camera))) == expected


@pytest.mark.parametrize(
    ("browser", "camera", "expected"),
    [
        ("chromium-video", "640028", 116),
        ("firefox", "640028", 105),
        ("safari", "640028", 96),
        ("safari", "4d001f", 96),
        ("session-level", "640028", 96),
    ],
)
def test_else_the_ablest_profile_the_browser_has(browser: str, camera: str, expected: int) -> None:
    assert payload_type(selected(offer(browser), of_profile(camera))) == expected


@pytest.mark.parametrize("profile", ["4d001f", "64001f", "640c1f", "f4001f", "nonsense"])
def test_an_offer_of_one_profile_only_is_taken(profile: str) -> None:
    text = offer("session-level").replace("packetization-mode=1", f"packetization-mode=1;profile-level-id={profile}")
    assert payload_type(selected(text)) == 96


def test_retransmission_and_playout_delay_are_taken_up_where_offered() -> None:
    video = selected(offer("chromium-video")).video
    assert video is not None
    assert (video.rtx_payload_type, video.playout_delay_id) == (109, 5)
    video = selected(offer("aiortc")).video
    assert video is not None
    assert (video.rtx_payload_type, video.playout_delay_id) == (102, 0)
    video = selected(offer("session-level")).video
    assert video is not None
    assert (video.rtx_payload_type, video.playout_delay_id) == (None, 0)


def test_without_nack_there_is_no_retransmission() -> None:
    video = selected(offer("chromium-video").replace("a=rtcp-fb:108 nack\r\n", "")).video
    assert video is not None
    assert video.rtx_payload_type is None


@pytest.mark.parametrize("number", [0, 15, 200])
def test_an_extension_id_that_one_byte_headers_cannot_carry_is_left_out(number: int) -> None:
    video = selected(offer("chromium-video").replace("a=extmap:5 ", f"a=extmap:{number} ")).video
    assert video is not None
    assert video.playout_delay_id == 0


@pytest.mark.parametrize(
    ("name", "stream", "expected"),
    [
        ("chromium-video-audio", OPUS_STREAM, 111),
        ("chromium-video-audio", PCMU_STREAM, 0),
        ("firefox", OPUS_STREAM, 109),
        ("safari", PCMU_STREAM, 0),
        ("aiortc", OPUS_STREAM, 96),
    ],
)
def test_audio_the_browser_and_the_camera_have_in_common_is_taken(name: str, stream: StreamInfo, expected: int) -> None:
    selection = selected(offer(name), stream)
    assert selection.audio is not None
    assert selection.audio.codec.payload_type == expected
    assert selection.video is not None
    assert selection.mids == {"0", "1"}


@pytest.mark.parametrize("audio", [None, AAC, replace(OPUS, clock_rate=16_000), replace(PCMU, clock_rate=16_000)])
def test_audio_that_cannot_be_had_leaves_video(audio: AudioTrack | None) -> None:
    selection = selected(offer("chromium-video-audio"), StreamInfo(VIDEO, audio))
    assert selection.audio is None
    assert selection.mids == {"0"}


def test_a_camera_without_a_picture_can_be_listened_to() -> None:
    selection = selected(offer("chromium-video-audio"), StreamInfo(None, OPUS))
    assert selection.video is None
    assert selection.mids == {"1"}


def test_without_a_bundle_only_the_picture_is_taken() -> None:
    text = offer("chromium-video-audio").replace("a=group:BUNDLE 0 1\r\n", "")
    assert selected(text, OPUS_STREAM).mids == {"0"}


def test_audio_outside_the_bundle_is_not_taken() -> None:
    text = offer("chromium-video-audio").replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0")
    assert selected(text, OPUS_STREAM).mids == {"0"}


def test_inactive_sections_are_passed_over() -> None:
    assert selected(offer("chromium-inactive-section")).mids == {"2"}


def test_a_switched_off_section_is_passed_over() -> None:
    text = offer("chromium-video-audio").replace("m=audio 9", "m=audio 0")
    assert selected(text, OPUS_STREAM).mids == {"0"}


def test_a_section_whose_port_stands_in_the_bundle_is_taken() -> None:
    assert selected(offer("session-level"), StreamInfo(VIDEO, replace(PCMU, codec=AAC.codec))).mids == {"video"}
    text = offer("session-level").replace("SAVPF 8\r\n", "SAVPF 0\r\n")
    assert selected(text, PCMU_STREAM).mids == {"video", "audio"}


def test_only_one_section_of_a_kind_is_taken() -> None:
    text = offer("chromium-inactive-section").replace("a=inactive", "a=recvonly")
    assert selected(text).mids == {"0"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("H264/90000", "H265/90000", "no_h264"),
        ("H264/90000", "H264/48000", "no_h264"),
        ("packetization-mode=1", "packetization-mode=0", "no_h264"),
        ("packetization-mode=1;", "", "no_h264"),
        ("a=recvonly", "a=sendonly", "nothing_to_send"),
        ("a=recvonly", "a=inactive", "nothing_to_send"),
        ("a=rtcp-mux\r\n", "", "nothing_to_send"),
        ("a=ice-ufrag:", "a=x-ufrag:", "nothing_to_send"),
        ("a=ice-pwd:", "a=x-pwd:", "nothing_to_send"),
        ("sha-256", "sha-1", "nothing_to_send"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "nothing_to_send"),
        ("m=video", "m=text", "nothing_to_send"),
        ("s=-", "s=-\r\na=ice-lite", "ice_lite"),
    ],
)
def test_an_offer_that_cannot_be_served_is_refused_with_its_reason(old: str, new: str, code: str) -> None:
    text = offer("chromium-video")
    assert old in text
    assert refused(text.replace(old, new)) == code


def test_a_page_that_wants_to_send_is_refused() -> None:
    assert refused(offer("chromium-sendonly")) == "nothing_to_send"


def test_a_camera_that_sends_nothing_is_refused() -> None:
    assert refused(offer("chromium-video"), StreamInfo(None)) == "nothing_to_send"


def test_audio_alone_from_a_camera_without_sound_is_refused() -> None:
    text = offer("chromium-video-audio").replace("m=video", "m=text")
    assert refused(text) == "nothing_to_send"


@pytest.mark.parametrize("codec", [VideoCodec.H265, VideoCodec.OTHER])
def test_video_that_is_not_h264_is_never_sent_as_such(codec: VideoCodec) -> None:
    stream = StreamInfo(replace(VIDEO, codec=codec, codec_string="hvc1.1.6.L93.B0"), OPUS)
    assert selected(offer("chromium-video-audio"), stream).mids == {"1"}


@pytest.mark.parametrize(
    ("profile_level_id", "name"),
    [
        ("42e01f", "constrained-baseline"),
        ("42c01f", "constrained-baseline"),
        ("42001f", "baseline"),
        ("4d001f", "main"),
        ("4d8028", "constrained-baseline"),
        ("58c01f", "constrained-baseline"),
        ("58001f", ""),
        ("640028", "high"),
        ("640c1f", "constrained-high"),
        ("64041f", "high"),
        ("f4001f", ""),
        ("", ""),
        ("zzzzzz", ""),
    ],
)
def test_profiles_have_names(profile_level_id: str, name: str) -> None:
    assert h264_profile(profile_level_id) == name


def test_b_frames_are_refused_with_what_to_change() -> None:
    stream = StreamInfo(replace(VIDEO, b_frames=True))
    assert refused(offer("chromium-video"), stream) == "b_frames"
