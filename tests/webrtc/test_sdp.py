"""Offers, as far as they matter here, and what is no offer."""

from __future__ import annotations

import re

import pytest

from gateway.webrtc.sdp import MAX_OFFER_BYTES, Codec, SdpError, parse_offer
from tests.webrtc.stage import offer

HEAD = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"


def section_of(*lines: str) -> str:
    return HEAD + VIDEO + "".join(f"{line}\r\n" for line in lines)


def test_chromiums_offer_is_understood() -> None:
    parsed = parse_offer(offer("chromium-video-audio"))
    video, audio = parsed.sections
    assert parsed.bundle == ["0", "1"]
    assert (video.kind, video.port, video.profile, video.mid) == ("video", 9, "UDP/TLS/RTP/SAVPF", "0")
    assert (video.direction, video.rtcp_mux, video.setup) == ("recvonly", True, "actpass")
    assert video.codecs[108] == Codec(
        108,
        "H264",
        90_000,
        1,
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"],
    )
    assert video.codecs[109].parameter("apt") == "108"
    assert video.extensions["http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"] == 5
    assert audio.codecs[111] == Codec(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", ["transport-cc"])
    assert audio.codecs[8] == Codec(8, "PCMA", 8000)


def test_transport_attributes_of_the_session_hold_for_every_section() -> None:
    for section in parse_offer(offer("session-level")).sections:
        assert (section.ufrag, section.password) == ("Ufr4g", "AbCdEfGhIjKlMnOpQrStUvWx")
        assert section.setup == "active"
        assert section.fingerprints[0].startswith("sha-256 9B:41:")


def test_bundled_sections_inherit_the_transport_of_the_first() -> None:
    text = (
        HEAD
        + "a=group:BUNDLE a b\r\n"
        + VIDEO
        + "a=mid:a\r\na=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppp\r\na=setup:actpass\r\n"
        + VIDEO
        + "a=mid:b\r\n"
        + VIDEO
        + "a=mid:c\r\n"
    )
    assert [section.ufrag for section in parse_offer(text).sections] == ["uuuu", "uuuu", None]


def test_static_payload_types_need_no_rtpmap() -> None:
    (_, audio) = parse_offer(offer("session-level")).sections
    assert audio.codecs[8] == Codec(8, "PCMA", 8000)


def test_feedback_for_all_codecs_is_for_each() -> None:
    (video, _) = parse_offer(offer("session-level")).sections
    assert video.codecs[96].feedback == ["nack"]


def test_format_parameters_are_found_whatever_their_case_and_spacing() -> None:
    codec = Codec(96, fmtp="Packetization-Mode=1; profile-level-id = 42e01f;x")
    assert codec.parameter("packetization-mode") == "1"
    assert codec.parameter("x") == ""
    assert codec.parameter("apt") is None


def test_weak_fingerprints_are_left_out() -> None:
    (section,) = parse_offer(section_of("a=fingerprint:sha-1 AA:BB", "a=fingerprint:SHA-256 cc:dd")).sections
    assert section.fingerprints == ["sha-256 CC:DD"]


def test_attributes_of_codecs_not_listed_are_left_out() -> None:
    (section,) = parse_offer(section_of("a=rtpmap:100 VP8/90000", "a=fmtp:100 x=1", "a=rtcp-fb:100 nack")).sections
    assert list(section.codecs) == [96]


def test_ice_lite_is_noticed() -> None:
    assert parse_offer(HEAD + "a=ice-lite\r\n" + VIDEO).ice_lite
    assert not parse_offer(HEAD + VIDEO).ice_lite


def test_other_groups_and_unknown_attributes_mean_nothing() -> None:
    parsed = parse_offer(HEAD + "a=group:LS 0 1\r\na=x-secret:1\r\nb=AS:100\r\n" + VIDEO)
    assert parsed.bundle == []


def test_a_direction_of_the_session_holds_where_a_section_says_nothing() -> None:
    text = HEAD + "a=inactive\r\n" + VIDEO + VIDEO + "a=recvonly\r\n"
    assert [section.direction for section in parse_offer(text).sections] == ["inactive", "recvonly"]


def test_sections_without_mids_are_told_apart_even_when_equal() -> None:
    parsed = parse_offer(HEAD + VIDEO + VIDEO + VIDEO + "a=mid:0\r\n")
    mids = [section.key for section in parsed.sections]
    assert len(set(mids)) == 3
    assert mids[2] == "0"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_both_line_ends_are_understood(end: str) -> None:
    assert len(parse_offer(offer("firefox").replace("\r\n", end)).sections) == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("hello", id="not SDP"),
        pytest.param("v=1\r\n" + VIDEO, id="another version"),
        pytest.param('{"type": "offer"}', id="JSON"),
        pytest.param(HEAD, id="no section"),
        pytest.param(HEAD + VIDEO * 17, id="too many sections"),
        pytest.param(HEAD + "m=video\r\n", id="section without port"),
        pytest.param(HEAD + "m=video x UDP/TLS/RTP/SAVPF 96\r\n", id="port not a number"),
        pytest.param(HEAD + "m=video 70000 UDP/TLS/RTP/SAVPF 96\r\n", id="port beyond 65535"),
        pytest.param(HEAD + "m=video -1 UDP/TLS/RTP/SAVPF 96\r\n", id="negative port"),
        pytest.param(HEAD + "m=video 9 UDP/TLS/RTP/SAVPF 128\r\n", id="payload type beyond 127"),
        pytest.param(HEAD + "m=video 9 UDP/TLS/RTP/SAVPF -1\r\n", id="negative payload type"),
        pytest.param(HEAD + "m=video 9 UDP/TLS/RTP/SAVPF x\r\n", id="payload type not a number"),
        pytest.param(section_of("a=rtpmap:96 H264"), id="rtpmap without clock rate"),
        pytest.param(section_of("a=rtpmap:96 H264/x"), id="clock rate not a number"),
        pytest.param(section_of("a=rtpmap:x H264/90000"), id="rtpmap without payload type"),
        pytest.param(section_of("a=fingerprint:sha-256"), id="fingerprint without digest"),
        pytest.param(section_of("a=extmap:x uri"), id="extension id not a number"),
        pytest.param(section_of("a=extmap:1"), id="extension without URI"),
        pytest.param(section_of("a=mid:"), id="empty mid"),
        pytest.param(section_of("a=mid:a b"), id="mid with space"),
        pytest.param(section_of("a=ice-ufrag:" + "x" * 257), id="user name fragment too long"),
        pytest.param(section_of("a=ice-ufrag:é…ü"), id="user name fragment beyond ICE's characters"),
        pytest.param(section_of("a=ice-pwd:\udcff" + "x" * 24), id="password that is no text"),
        pytest.param(HEAD + "a=group:\r\n" + VIDEO, id="empty group"),
        pytest.param(section_of("a=mid:x") + VIDEO + "a=mid:x\r\n", id="one mid twice"),
        pytest.param(section_of("a=" + "x" * 1025), id="line too long"),
        pytest.param(section_of(*["a=x"] * 1500), id="too many lines"),
    ],
)
def test_what_no_browser_sends_is_refused_as_malformed(text: str) -> None:
    with pytest.raises(SdpError) as refused:
        parse_offer(text)
    assert (refused.value.code, refused.value.malformed) == ("bad_sdp", True)


def test_an_offer_beyond_the_limit_is_refused_by_its_size() -> None:
    with pytest.raises(SdpError) as refused:
        parse_offer(HEAD + VIDEO + "a=x\r\n" * MAX_OFFER_BYTES)
    assert refused.value.code == "sdp_too_large"


def test_the_refusal_quotes_the_malformed_line() -> None:
    with pytest.raises(SdpError, match="a=extmap:x uri"):
        parse_offer(section_of("a=extmap:x uri"))


@pytest.mark.parametrize("attribute", ["a=ice-pwd:" + "secret" * 43, "a=fingerprint:secret"])
def test_the_refusal_never_quotes_a_password(attribute: str) -> None:
    with pytest.raises(SdpError) as refused:
        parse_offer(section_of(attribute))
    if attribute.startswith("a=ice-pwd"):
        assert "secret" not in str(refused.value)


def test_offers_of_one_peer_connection_share_their_identity() -> None:
    text = offer("chromium-video")
    first = parse_offer(text)
    assert first.origin == ("-", "3105422273646971525")
    again = text.replace("o=- 3105422273646971525 2 ", "o=- 3105422273646971525 3 ").replace("ufrag:Iaw8", "ufrag:next")
    assert parse_offer(again).identity == first.identity
    assert parse_offer(text.replace("o=- 3", "o=- 4")).identity != first.identity
    fingerprint = next(line for line in text.splitlines() if line.startswith("a=fingerprint:"))
    other = text.replace(fingerprint, fingerprint[:-2] + ("00" if fingerprint[-2:] != "00" else "11"))
    assert parse_offer(other).identity != first.identity


@pytest.mark.parametrize("line", ["o=", "o=-", "o=- é 1 IN IP4 0.0.0.0"])
def test_a_malformed_origin_is_refused(line: str) -> None:
    with pytest.raises(SdpError, match="malformed line"):
        parse_offer(re.sub(r"o=.*", line, offer("chromium-video"), count=1))
