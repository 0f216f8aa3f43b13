"""The seam to aiortc.  The first tests fail by name when aiortc, aioice or pylibsrtp move what the seam relies on."""

from __future__ import annotations

import inspect
import re
from typing import Any
from unittest import mock

import aioice.stun
import aiortc.rtcicetransport
import aiortc.rtcpeerconnection
import pylibsrtp
import pytest
from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80, RTCDtlsTransport
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.sdp import SessionDescription
from pylibsrtp._binding import lib

from gateway.media.units import TrackKind
from gateway.webrtc.ice import IceLiteAgent
from gateway.webrtc.offers import read_offer
from gateway.webrtc.peer import (
    SRTP_PROFILES,
    FanoutSender,
    GatewayPeer,
    SharedCertificate,
    SilentReceiver,
    make_certificate,
)
from tests.webrtc.client import client
from tests.webrtc.stage import Stage, settled


@pytest.mark.parametrize(
    ("owner", "name", "used_for"),
    [
        (RTCPeerConnection, "_RTCPeerConnection__createDtlsTransport", "putting the ICE transport on the media port"),
        (RTCPeerConnection, "_RTCPeerConnection__createTransceiver", "making senders that take ready packets"),
        (RTCCertificate, "_create_ssl_context", "sharing one TLS context among all viewers"),
        (RTCCertificate, "getFingerprints", "telling one fingerprint, computed once"),
        (aiortc.rtcpeerconnection, "RTCCertificate", "giving each connection the certificate of all"),
        (RTCDtlsTransport, "_register_rtp_sender", "routing RTCP to the fan-out"),
        (RTCDtlsTransport, "_unregister_rtp_sender", "routing RTCP no longer"),
        (RTCRtpSender, "_handle_rtcp_packet", "hearing NACK, PLI and reports"),
        (RTCRtpSender, "send", "learning that DTLS is up"),
        (RTCRtpSender, "stop", "ending a sender that never polled"),
        (lib, "srtp_protect", "encrypting in place"),
        (aioice.stun.Message, "check_message_integrity", "authenticating checks"),
        (aioice.stun.Message, "add_message_integrity", "signing answers"),
    ],
)
def test_aiortc_still_has_what_the_seam_relies_on(owner: object, name: str, used_for: str) -> None:
    assert hasattr(owner, name), f"{owner!r} has no {name} any more; gateway/webrtc needs it for {used_for}"


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (getattr(RTCPeerConnection, "_RTCPeerConnection__createTransceiver"), "self direction kind sender_track"),  # noqa: B009
        (getattr(RTCPeerConnection, "_RTCPeerConnection__createDtlsTransport"), "self"),  # noqa: B009
        (RTCCertificate._create_ssl_context, "self srtp_profiles"),
        (RTCDtlsTransport._register_rtp_sender, "self sender parameters"),
        (RTCDtlsTransport._unregister_rtp_sender, "self sender"),
        (RTCRtpSender._handle_rtcp_packet, "self packet"),
        (RTCRtpSender.send, "self parameters"),
    ],
)
def test_aiortc_still_calls_the_seam_with_the_same_parameters(function: Any, parameters: str) -> None:
    names = " ".join(inspect.signature(function).parameters)
    assert names == parameters, f"{function.__qualname__} takes other parameters; look at gateway/webrtc/peer.py"


async def test_aiortcs_objects_still_have_the_attributes_the_seam_sets() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        for name in ("certificates", "stream_id", "transceivers"):
            assert hasattr(pc, f"_RTCPeerConnection__{name}"), f"RTCPeerConnection has no __{name} any more"
        transceiver = pc.addTransceiver("video", direction="sendonly")
        assert hasattr(transceiver, "_bundled"), "RTCRtpTransceiver has no _bundled any more"
        sender, transport = transceiver.sender, transceiver.sender.transport
        for name in ("_ssrc", "_rtx_ssrc", "_stream_id"):
            assert hasattr(sender, name), f"RTCRtpSender has no {name} any more"
        for name in ("_srtp_profiles", "_tx_srtp", "_ssl", "_role"):
            assert hasattr(transport, name), f"RTCDtlsTransport has no {name} any more"
        ice = transport.transport
        for name in ("_connection", "_recv", "_send"):
            assert hasattr(ice, name), f"RTCIceTransport has no {name} any more"
        assert hasattr(ice.iceGatherer, "_connection"), "RTCIceGatherer has no _connection any more"
    finally:
        await pc.close()


def test_libsrtps_session_still_shows_its_context() -> None:
    policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    session = pylibsrtp.Session(policy)
    assert hasattr(session, "_srtp"), "pylibsrtp.Session has no _srtp any more; Protector encrypts through it"
    assert session._srtp[0], "pylibsrtp.Session._srtp is no pointer to the context any more"


async def test_the_agent_has_every_attribute_aiortc_reads_from_a_connection(stage: Stage) -> None:
    """What aiortc's ICE code reads off `_connection`, found in its source, is there on ours."""
    source = inspect.getsource(aiortc.rtcicetransport)
    names = set(re.findall(r"\b_?connection\.([a-z_]\w*)", source)) - {"_transport_closed"}
    assert {"connect", "recv", "send", "get_event", "close", "remote_username"} <= names, "aiortc's ICE code has moved"
    agent = stage.port.agent([])
    missing = sorted(name for name in names if not hasattr(agent, name))
    await agent.close()
    assert missing == []


async def test_the_overridden_factories_are_the_ones_aiortc_calls(stage: Stage) -> None:
    agent = stage.port.agent([])
    peer = GatewayPeer(agent, make_certificate())
    sender = peer.prepare(TrackKind.VIDEO, ssrc=11, rtx_ssrc=12)
    (transceiver,) = peer.getTransceivers()
    assert transceiver.sender is sender
    assert isinstance(sender, FanoutSender)
    receiver: object = transceiver.receiver
    assert isinstance(receiver, SilentReceiver)
    connection: object = sender.transport.transport._connection
    assert connection is agent
    assert isinstance(agent, IceLiteAgent)
    assert peer.srtp_profile == ""
    assert peer.path is None
    with pytest.raises(ConnectionError, match="DTLS is not up"):
        peer.protector()
    await peer.close()
    assert stage.port.agent_count == 0


async def test_all_tracks_share_one_transport(stage: Stage) -> None:
    peer = GatewayPeer(stage.port.agent([]), make_certificate())
    video = peer.prepare(TrackKind.VIDEO, ssrc=1, rtx_ssrc=2)
    audio = peer.prepare(TrackKind.AUDIO, ssrc=3, rtx_ssrc=4)
    assert video.transport is audio.transport
    await peer.close()


async def test_a_peer_without_tracks_leaves_nothing_either(stage: Stage) -> None:
    agent = stage.port.agent([])
    peer = GatewayPeer(agent, make_certificate())
    with pytest.raises(ConnectionError):
        peer.protector()
    await peer.close()
    await agent.close()


def test_one_certificate_makes_one_tls_context() -> None:
    certificate = make_certificate()
    assert isinstance(certificate, SharedCertificate)
    assert certificate._create_ssl_context(SRTP_PROFILES) is certificate._create_ssl_context(SRTP_PROFILES)
    assert make_certificate()._create_ssl_context(SRTP_PROFILES) is not certificate._create_ssl_context(SRTP_PROFILES)


async def test_no_peer_makes_a_certificate_of_its_own(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate()
    made = mock.Mock(side_effect=RTCCertificate.generateCertificate)
    monkeypatch.setattr(RTCCertificate, "generateCertificate", made)
    peer = GatewayPeer(stage.port.agent([]), certificate)
    peer.prepare(TrackKind.VIDEO, ssrc=1, rtx_ssrc=2)
    assert made.call_count == 0
    await peer.close()
    # Everybody else's still do.
    other = RTCPeerConnection()
    assert made.call_count == 1
    await other.close()


def test_the_certificate_is_told_by_one_fingerprint_made_once() -> None:
    certificate = make_certificate()
    (fingerprint,) = certificate.getFingerprints()
    assert fingerprint.algorithm == "sha-256"
    assert fingerprint in RTCCertificate.getFingerprints(certificate)
    assert certificate.getFingerprints()[0] is fingerprint


async def test_a_real_peer_negotiates_gcm_and_becomes_the_dtls_client(stage: Stage) -> None:
    async with client() as viewer:
        session = await stage.sessions.open(stage.camera(), read_offer(await viewer.offer()), host=None)
        await viewer.accept(session.answer)
        await settled(lambda: session.connected, "the viewer does not connect")
        assert viewer.srtp_profile == session.peer.srtp_profile == "SRTP_AEAD_AES_128_GCM"
        (media,) = SessionDescription.parse(session.answer).media
        assert media.dtls is not None
        assert media.dtls.role == "server"


async def test_a_peer_that_knows_no_gcm_gets_aes_cm(stage: Stage) -> None:
    async with client() as viewer:
        (transceiver,) = viewer.pc.getTransceivers()
        transceiver.receiver.transport._srtp_profiles = [SRTP_AES128_CM_SHA1_80]
        session = await stage.sessions.open(stage.camera(), read_offer(await viewer.offer()), host=None)
        await viewer.accept(session.answer)
        await settled(lambda: len(viewer.video.pictures()) == 15, "the pictures do not arrive")
        assert session.peer.srtp_profile == "SRTP_AES128_CM_SHA1_80"
