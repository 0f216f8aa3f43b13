"""What aiortc is shown of an offer, and what the viewer gets back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiortc.sdp import SessionDescription

from gateway.media.units import StreamInfo, TrackKind
from gateway.webrtc.answer import complete_answer, reduced_offer
from gateway.webrtc.candidates import host_candidates
from gateway.webrtc.ice import IceLiteAgent
from gateway.webrtc.offers import read_offer
from gateway.webrtc.peer import GatewayPeer, SharedCertificate, make_certificate
from gateway.webrtc.sdp import parse_offer
from gateway.webrtc.selection import select
from tests.relay.units import OPUS_STREAM, PCMU, PCMU_STREAM, SILENT_STREAM, VIDEO
from tests.webrtc.stage import Stage, offer, offer_names

HIGH_STREAM = replace(SILENT_STREAM, video=replace(VIDEO, codec_string="avc1.640028"))
ANSWERABLE = [name for name in offer_names() if name != "chromium-sendonly"]

AIORTC_ANSWER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE {mid}
a=msid-semantic:WMS *
m=video 8190 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 192.0.2.1
a=sendonly
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=mid:{mid}
a=msid:stream track
a=rtcp:9 IN IP4 0.0.0.0
a=rtcp-mux
a=ssrc:1 cname:x
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=fmtp:96 packetization-mode=1
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=candidate:u0 1 udp 1 192.0.2.1 8190 typ host
a=end-of-candidates
a=ice-ufrag:lite
a=ice-pwd:lite
a=fingerprint:sha-256 AA
a=setup:passive
"""


def completed(text: str, stream: StreamInfo = SILENT_STREAM) -> list[str]:
    parsed = parse_offer(text)
    selection = select(parsed, stream)
    assert selection.video is not None
    return complete_answer(AIORTC_ANSWER.format(mid=selection.video.mid), parsed, selection).splitlines()


def test_aiortc_is_shown_one_h264_it_knows_and_nothing_else() -> None:
    parsed = parse_offer(offer("session-level"))
    assert reduced_offer(parsed, select(parsed, HIGH_STREAM)).splitlines() == [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE video",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "c=IN IP4 0.0.0.0",
        "a=mid:video",
        "a=recvonly",
        "a=rtcp-mux",
        "a=ice-ufrag:Ufr4g",
        "a=ice-pwd:AbCdEfGhIjKlMnOpQrStUvWx",
        f"a=fingerprint:{parsed.sections[0].fingerprints[0]}",
        "a=setup:active",
    ]


@pytest.mark.parametrize(("setup", "shown"), [("actpass", "active"), ("active", "active"), ("passive", "passive")])
def test_a_viewer_that_may_be_either_becomes_the_dtls_client(setup: str, shown: str) -> None:
    parsed = parse_offer(offer("chromium-video").replace("a=setup:actpass", f"a=setup:{setup}"))
    assert f"a=setup:{shown}" in reduced_offer(parsed, select(parsed, SILENT_STREAM)).splitlines()


@pytest.mark.parametrize(("stream", "line"), [(OPUS_STREAM, "96 opus/48000/2"), (PCMU_STREAM, "0 PCMU/8000")])
def test_audio_is_shown_as_aiortc_names_it(stream: StreamInfo, line: str) -> None:
    parsed = parse_offer(offer("aiortc").replace("opus/", "OPUS/").replace("PCMU/", "pcmu/"))
    number = line.partition(" ")[0] if stream is PCMU_STREAM else "98"
    shown = reduced_offer(parsed, select(parsed, stream)).splitlines()
    assert f"a=rtpmap:{number} {line.partition(' ')[2]}" in shown
    assert next(text for text in shown if text.startswith("m=")).startswith("m=video")


def test_the_answer_speaks_the_viewers_numbers_and_profile() -> None:
    assert completed(offer("chromium-video"), HIGH_STREAM) == [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=msid-semantic:WMS *",
        "a=group:BUNDLE 0",
        "a=ice-lite",
        "m=video 8190 UDP/TLS/RTP/SAVPF 116 117",
        "c=IN IP4 192.0.2.1",
        "a=sendonly",
        "a=mid:0",
        "a=msid:stream track",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp-mux",
        "a=ssrc:1 cname:x",
        "a=candidate:u0 1 udp 1 192.0.2.1 8190 typ host",
        "a=end-of-candidates",
        "a=ice-ufrag:lite",
        "a=ice-pwd:lite",
        "a=fingerprint:sha-256 AA",
        "a=setup:passive",
        "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        "a=rtpmap:116 H264/90000",
        "a=rtcp-fb:116 nack",
        "a=rtcp-fb:116 nack pli",
        "a=rtcp-fb:116 goog-remb",
        "a=fmtp:116 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f",
        "a=rtpmap:117 rtx/90000",
        "a=fmtp:117 apt=116",
    ]


def test_what_is_not_taken_up_comes_back_in_its_place_held_inside_the_bundle_or_rejected() -> None:
    lines = completed(offer("chromium-home-assistant"))
    places = [place for place, line in enumerate(lines) if line.startswith("m=")]
    audio, video, data = places
    held = lines[audio:video]
    assert held[0].startswith("m=audio ")
    assert held[0].split()[1] == lines[video].split()[1]
    assert {"a=mid:0", "a=inactive", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"} <= set(held)
    for kind in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:", "a=candidate:"):
        assert {line for line in held if line.startswith(kind)} == {
            line for line in lines[video:data] if line.startswith(kind)
        }
    assert lines[data:] == [
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:2",
        "a=inactive",
    ]
    assert "a=group:BUNDLE 0 1" in lines


def test_outside_a_bundle_what_is_not_taken_up_is_rejected() -> None:
    lines = completed(offer("chromium-video-audio").replace("a=group:BUNDLE 0 1\r\n", ""))
    (audio,) = [line for line in lines if line.startswith("m=audio")]
    assert audio.split()[1] == "0"


def test_the_answer_bundles_only_what_the_offer_bundles() -> None:
    text = offer("chromium-video-audio")
    assert not [line for line in completed(text.replace("a=group:BUNDLE 0 1\r\n", "")) if "BUNDLE" in line]
    assert not [line for line in completed(text.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 1")) if "BUNDLE" in line]


def test_an_offer_without_mids_is_answered_without_mids() -> None:
    text = offer("chromium-video").replace("a=mid:0\r\n", "").replace("a=group:BUNDLE 0\r\n", "")
    assert not [line for line in completed(text) if line.startswith(("a=mid", "a=group"))]


def test_feedback_the_viewer_did_not_offer_is_not_answered() -> None:
    text = offer("chromium-video").replace("a=rtcp-fb:108 goog-remb\r\n", "")
    assert "a=rtcp-fb:108 goog-remb" not in completed(text)
    assert not [line for line in completed(offer("chromium-video")) if "transport-cc" in line or "abs-send" in line]


def test_formats_missing_from_a_rejected_section_become_one() -> None:
    text = offer("chromium-video") + "m=text 9 UDP/TLS/RTP/SAVPF\r\na=mid:9\r\n"
    assert "m=text 0 UDP/TLS/RTP/SAVPF 0" in completed(text)


@pytest.fixture(scope="module")
def certificate() -> SharedCertificate:
    return make_certificate()


@pytest.mark.parametrize("name", ANSWERABLE)
@pytest.mark.parametrize("stream", [SILENT_STREAM, OPUS_STREAM, PCMU_STREAM], ids=["silent", "opus", "pcmu"])
async def test_answers_are_accepted_by_an_independent_parser_in_the_offers_shape(
    stage: Stage, name: str, stream: StreamInfo
) -> None:
    stage.publisher().live(stream)
    text = offer(name)
    session = await stage.sessions.open(stage.camera(), read_offer(text), host=None)
    offered, answered = parse_offer(text), SessionDescription.parse(session.answer)
    assert [media.kind for media in answered.media] == [section.kind for section in offered.sections]
    assert [media.rtp.muxId for media in answered.media] == [section.mid for section in offered.sections]
    selection = session.selection
    taken = [section.key in selection.mids for section in offered.sections]
    held = [
        section.kind in ("audio", "video") and section.mid in offered.bundle and section.key not in selection.mids
        for section in offered.sections
    ]
    assert [media.port != 0 for media in answered.media] == [t or h for t, h in zip(taken, held, strict=True)]
    assert [media.direction == "sendonly" for media in answered.media] == taken
    assert {media.port for media in answered.media} <= {0, stage.port.number}
    for media, section in zip(answered.media, offered.sections, strict=True):
        if media.port:
            assert {codec.payloadType for codec in media.rtp.codecs} <= set(section.codecs)
            assert {(c.protocol, c.ip, c.port) for c in media.ice_candidates} == {
                ("udp", "127.0.0.1", stage.port.number),
                ("tcp", "127.0.0.1", stage.port.number),
            }
            assert media.ice_candidates_complete
            assert media.dtls is not None
            assert media.dtls.role == "server"
            assert media.rtcp_mux
        else:
            assert media.direction == "inactive"
    assert len({media.msid.split()[0] for media in answered.media if media.port and media.msid}) == 1
    assert "a=ice-lite" in session.answer.splitlines()


async def test_a_viewer_that_insists_on_being_dtls_server_is_answered_active(stage: Stage) -> None:
    text = offer("chromium-video").replace("a=setup:actpass", "a=setup:passive")
    session = await stage.sessions.open(stage.camera(), read_offer(text), host=None)
    assert "a=setup:active" in session.answer.splitlines()


async def test_video_and_audio_are_answered_in_whatever_order_they_are_offered(stage: Stage) -> None:
    stage.publisher().live(replace(OPUS_STREAM, audio=PCMU))
    for name, kinds in (("chromium-video-audio", ["video", "audio"]), ("safari", ["audio", "video"])):
        session = await stage.sessions.open(stage.camera(), read_offer(offer(name)), host=None)
        answered = SessionDescription.parse(session.answer)
        assert [(media.kind, media.port != 0) for media in answered.media] == [(kind, True) for kind in kinds]
        assert "a=group:BUNDLE 0 1" in session.answer.splitlines()


async def test_the_answers_are_made_by_aiortc_from_the_reduced_offer(
    stage: Stage, certificate: SharedCertificate
) -> None:
    parsed = parse_offer(offer("chromium-video"))
    agent: IceLiteAgent = stage.port.agent(host_candidates([], 1))
    peer = GatewayPeer(agent, certificate)
    try:
        peer.prepare(TrackKind.VIDEO, ssrc=7, rtx_ssrc=8)
        answer = await peer.answer(reduced_offer(parsed, select(parsed, SILENT_STREAM)))
    finally:
        await peer.close()
    media = SessionDescription.parse(answer).media
    assert [(m.kind, m.direction) for m in media] == [("video", "sendonly")]
    assert {source.ssrc for source in media[0].ssrc} == {7, 8}
