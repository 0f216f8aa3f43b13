"""The seam to aiortc: every contact with its private names is in this module.

A `GatewayPeer` is an `RTCPeerConnection` whose ICE transport runs on our media port, whose senders take packets
ready-made from the fan-out, whose receivers do nothing, and whose DTLS uses one certificate and one TLS context per
process with AEAD_AES_128_GCM first.  aiortc is pinned to a version range; tests/webrtc/test_peer.py fails by name
when something used here moves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from aiortc import (
    RTCBundlePolicy,
    RTCCertificate,
    RTCConfiguration,
    RTCDtlsFingerprint,
    RTCPeerConnection,
    RTCSessionDescription,
    rtcpeerconnection,
)
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtcrtptransceiver import RTCRtpTransceiver
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from gateway.media.units import TrackKind
from gateway.webrtc.ice import Credentials, IceLiteAgent
from gateway.webrtc.paths import Path
from gateway.webrtc.protection import Protector, Received

SRTP_PROFILES: list[SRTPProtectionProfile] = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
"""In our order of preference; GCM with 128 bit costs half of the others."""


SRTP_WINDOW = 128
"""Packets libsrtp remembers of a stream we send; they leave in order, so the fewest it takes (RFC 3711) will do."""


class Feedback(Protocol):
    """What a viewer's RTCP asks of one of its tracks."""

    def on_nack(self, sequence_numbers: list[int]) -> None:
        """Packets (16-bit numbers) the viewer misses (RFC 4585 section 6.2.1)."""

    def on_picture_loss(self) -> None:
        """The viewer can't decode (RFC 4585 section 6.3.1)."""

    def on_report(self, *, lost: int, highest: int, jitter: int, last_report: int, delay: int) -> None:
        """A receiver report block: lost and highest number in total, jitter in clock units, LSR and DLSR as sent."""

    def on_estimate(self, bitrate_bps: int) -> None:
        """The viewer's estimate of what the way to it carries (REMB)."""


class SharedCertificate(RTCCertificate):
    """One certificate and one TLS context for all viewers of the process."""

    _context: SSL.Context | None = None
    _fingerprint: RTCDtlsFingerprint | None = None

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:  # noqa: N802  aiortc's name
        """SHA-256 alone, which every browser takes (RFC 8122 section 5), computed once."""
        if self._fingerprint is None:
            self._fingerprint = next(one for one in super().getFingerprints() if one.algorithm == "sha-256")
        return [self._fingerprint]

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
        return self._context


def make_certificate() -> SharedCertificate:
    """A fresh self-signed certificate for DTLS."""
    return SharedCertificate.generateCertificate()


@contextlib.contextmanager
def _instead_of_a_new_one(certificate: SharedCertificate) -> Iterator[None]:
    """Within the block, which must not await, aiortc gets `certificate` whenever it makes one."""

    class Given:
        @staticmethod
        def generateCertificate() -> SharedCertificate:  # noqa: N802  aiortc's name
            return certificate

    names = vars(rtcpeerconnection)
    made = names["RTCCertificate"]
    names["RTCCertificate"] = Given
    try:
        yield
    finally:
        names["RTCCertificate"] = made


class FanoutSender(RTCRtpSender):
    """An `RTCRtpSender` that neither encodes nor queues: the fan-out sends, this only routes RTCP to it."""

    def __init__(self, kind: str, transport: RTCDtlsTransport) -> None:
        super().__init__(kind, transport)
        self.feedback: Feedback | None = None
        self.on_started: Callable[[], None] | None = None
        self._registered = False

    def identify(self, *, ssrc: int, rtx_ssrc: int) -> None:
        """Set the SSRCs the answer will announce."""
        self._ssrc = ssrc
        self._rtx_ssrc = rtx_ssrc

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        """Called by aiortc when DTLS is up: from here on the fan-out may send."""
        if self._registered:
            return
        self._registered = True
        self.transport._register_rtp_sender(self, parameters)  # noqa: SLF001
        if self.on_started is not None:
            self.on_started()

    async def stop(self) -> None:
        """Stop routing RTCP."""
        if self._registered:
            self._registered = False
            self.transport._unregister_rtp_sender(self)  # noqa: SLF001
        self.feedback = None
        self.on_started = None

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        feedback = self.feedback
        if feedback is None:
            return
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    feedback.on_report(
                        lost=report.packets_lost,
                        highest=report.highest_sequence,
                        jitter=report.jitter,
                        last_report=report.lsr,
                        delay=report.dlsr,
                    )
        elif isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK:
                feedback.on_nack([number & 0xFFFF for number in packet.lost])
        elif isinstance(packet, RtcpPsfbPacket):
            if packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                feedback.on_picture_loss()
            elif packet.fmt == RTCP_PSFB_APP:
                with contextlib.suppress(ValueError):
                    feedback.on_estimate(unpack_remb_fci(packet.fci)[0])


class SilentReceiver:
    """Takes the place of an `RTCRtpReceiver`: viewers send no media, so its bandwidth estimator is a waste."""

    _enabled = False
    _track = None
    track = None

    def __init__(self, transport: RTCDtlsTransport) -> None:
        self.transport = transport

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802  aiortc's name
        """Move to another transport when sections are bundled."""
        self.transport = transport

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        """Receiver reports are never sent."""

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        """Nothing is received."""

    async def stop(self) -> None:
        """Nothing runs."""


class GatewayPeer(RTCPeerConnection):
    """An `RTCPeerConnection` on the media port that only sends, what the fan-out gives it."""

    def __init__(self, agent: IceLiteAgent, certificate: SharedCertificate) -> None:
        self._agent = agent
        self._sender_by_kind: dict[TrackKind, FanoutSender] = {}
        # aiortc makes a key and a certificate for each connection (0.4 ms), only for us to throw them away.
        with _instead_of_a_new_one(certificate):
            super().__init__(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))

    def prepare(self, kind: TrackKind, *, ssrc: int, rtx_ssrc: int) -> FanoutSender:
        """Add a sendonly track before the offer is applied."""
        transceiver = self.addTransceiver(kind.value, direction="sendonly")
        sender = transceiver.sender
        assert isinstance(sender, FanoutSender)  # noqa: S101  our own factory made it
        sender.identify(ssrc=ssrc, rtx_ssrc=rtx_ssrc)
        self._sender_by_kind[kind] = sender
        return sender

    async def answer(self, offer: str) -> str:
        """Apply a (reduced) offer and return aiortc's answer."""
        await self.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.setLocalDescription(await self.createAnswer())
        return str(self.localDescription.sdp)

    @property
    def way(self) -> IceLiteAgent:
        """Which way packets go to the viewer, and whether it is still heard of."""
        return self._agent

    def shut(self) -> None:
        """End the transport at once, whatever state the connection is in."""
        self._agent.shut()

    @property
    def path(self) -> Path | None:
        """The way packets take to the viewer now."""
        return self._agent.path

    def when_back(self, returned: Callable[[], None]) -> None:
        """Call `returned` whenever the viewer's network was away for seconds and is back."""
        self._agent.on_return = returned

    @property
    def remote_ufrag(self) -> str | None:
        """The viewer's ICE user name fragment."""
        return self._agent.remote_username

    def restart_ice(self, *, ufrag: str, password: str) -> Credentials:
        """Begin another ICE generation (RFC 8445 section 9); DTLS and media go on."""
        return self._agent.restart(remote_username=ufrag, remote_password=password)

    @property
    def srtp_profile(self) -> str:
        """Name of the negotiated SRTP profile, empty before DTLS is up."""
        transport = self._transport()
        if transport is None or transport._ssl is None:  # noqa: SLF001
            return ""
        return str(transport._ssl.get_selected_srtp_profile().decode())  # noqa: SLF001

    def protector(self) -> Protector:
        """The encryption of this connection; valid from `FanoutSender.on_started` until it is closed.

        Call it once: it puts an SRTP session of ours in the place of aiortc's, which has not sent anything yet.
        """
        transport = self._transport()
        name = self.srtp_profile
        profile = next((one for one in SRTP_PROFILES if one.openssl_profile.decode() == name), None)
        if transport is None or transport._ssl is None or profile is None:  # noqa: SLF001
            raise ConnectionError("DTLS is not up")
        keys = transport._ssl.export_keying_material(  # noqa: SLF001
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
        )
        policy = Policy(
            key=profile.get_key_and_salt(keys, 1 if transport._role == "server" else 0),  # noqa: SLF001
            ssrc_type=Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=profile.libsrtp_profile,
        )
        # aiortc's window of 1024 packets is moved on with each of them, which costs as much as encrypting it.
        policy.window_size = SRTP_WINDOW
        session = transport._tx_srtp = Session(policy)  # noqa: SLF001
        transport._rx_srtp = Received(transport._rx_srtp, self._agent.not_authentic)  # type: ignore[assignment]  # noqa: SLF001
        return Protector(session, tag_size=16 if profile is SRTP_AEAD_AES_128_GCM else 10)

    def _transport(self) -> RTCDtlsTransport | None:
        for sender in self._sender_by_kind.values():
            return sender.transport
        return None

    # aiortc's factories, by their mangled names.

    def _RTCPeerConnection__createDtlsTransport(self) -> RTCDtlsTransport:  # noqa: N802
        transport: RTCDtlsTransport = super()._RTCPeerConnection__createDtlsTransport()  # type: ignore[misc]
        transport._srtp_profiles = SRTP_PROFILES  # noqa: SLF001
        ice, agent = transport.transport, self._agent
        ice._connection = agent  # type: ignore[assignment]  # noqa: SLF001
        ice._recv = agent.recv  # noqa: SLF001
        ice._send = agent.send  # type: ignore[assignment]  # noqa: SLF001
        ice.iceGatherer._connection = agent  # type: ignore[assignment]  # noqa: SLF001
        return transport

    def _RTCPeerConnection__createTransceiver(  # noqa: N802
        self, direction: str, kind: str, sender_track: Any = None
    ) -> RTCRtpTransceiver:
        transceivers: list[RTCRtpTransceiver] = getattr(self, "_RTCPeerConnection__transceivers")  # noqa: B009
        transport = (
            transceivers[0].receiver.transport if transceivers else self._RTCPeerConnection__createDtlsTransport()
        )
        transceiver = RTCRtpTransceiver(
            direction=direction,
            kind=kind,
            sender=FanoutSender(kind, transport),
            receiver=SilentReceiver(transport),  # type: ignore[arg-type]
        )
        transceiver.sender._stream_id = getattr(self, "_RTCPeerConnection__stream_id")  # noqa: B009, SLF001
        # All share one transport from the start; aiortc would stop that of whichever section is not the first.
        transceiver._bundled = True  # noqa: SLF001
        transceivers.append(transceiver)
        return transceiver
