"""aiortc as a viewer, over loopback: connects for real and writes down what arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from unittest import mock

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription
from aiortc.codecs.h264 import h264_depayload
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    RtpPacket,
    unwrap_rtx,
)

from gateway.media.annexb import split_annex_b
from gateway.webrtc.offers import read_offer
from gateway.webrtc.session import Session
from tests.webrtc.stage import Stage, settled

_OWN_SSRC = 1


@dataclass(slots=True)
class Heard:
    """What one of a viewer's tracks received, in order of arrival."""

    packets: list[RtpPacket] = field(default_factory=list)
    repeats: list[RtpPacket] = field(default_factory=list)
    """Retransmissions, unwrapped: their numbers are those of the packets they repeat."""
    reports: list[RtcpSrPacket] = field(default_factory=list)
    control: list[AnyRtcpPacket] = field(default_factory=list)

    def numbers(self) -> list[int]:
        """Sequence numbers, extended past their rollover; they begin below 32768."""
        return [packet.sequence_number for packet in self.packets]

    def pictures(self) -> list[list[bytes]]:
        """The NAL units of each complete picture."""
        pictures: list[list[bytes]] = []
        data = b""
        for packet in self.packets:
            data += h264_depayload(packet.payload)
            if packet.marker:
                pictures.append(split_annex_b(data))
                data = b""
        return pictures


class Client:
    """One peer connection; `heard` by kind of track."""

    def __init__(self, *kinds: str) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.heard: dict[str, Heard] = {}
        self._transceivers: dict[str, RTCRtpTransceiver] = {}
        for kind in kinds:
            self._transceivers[kind] = self.pc.addTransceiver(kind, direction="recvonly")

    @property
    def video(self) -> Heard:
        return self.heard["video"]

    async def offer(self) -> str:
        """The offer."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def accept(self, answer: str, *, record: bool = True) -> None:
        """Take the answer; aiortc connects from here on.  Without `record` it decodes as usual."""
        if record:
            for kind, transceiver in self._transceivers.items():
                self._record(kind, transceiver)
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def _record(self, kind: str, transceiver: RTCRtpTransceiver) -> None:
        heard = self.heard[kind] = Heard()
        receiver = transceiver.receiver

        async def rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
            codec = next(c for c in transceiver._codecs if c.payloadType == packet.payload_type)
            if codec.mimeType.endswith("/rtx"):
                heard.repeats.append(unwrap_rtx(packet, payload_type=int(str(codec.parameters["apt"])), ssrc=0))
            else:
                heard.packets.append(packet)

        async def rtcp(packet: AnyRtcpPacket) -> None:
            heard.control.append(packet)
            if isinstance(packet, RtcpSrPacket):
                heard.reports.append(packet)

        receiver._handle_rtp_packet = rtp  # type: ignore[method-assign]
        receiver._handle_rtcp_packet = rtcp  # type: ignore[method-assign]

    async def _send(self, packet: AnyRtcpPacket) -> None:
        await self._transceivers["video"].receiver.transport._send_rtp(bytes(packet))

    async def stranger_speaks(self, packet: bytes) -> None:
        """Send from this viewer's address what is not encrypted with this viewer's key."""
        await self._transceivers["video"].receiver.transport.transport._send(packet)

    async def nack(self, *numbers: int) -> None:
        """Ask for packets again."""
        packet = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=_OWN_SSRC, media_ssrc=self.video.packets[0].ssrc)
        packet.lost = sorted(numbers)
        await self._send(packet)

    async def picture_loss(self) -> None:
        """Say that nothing can be decoded."""
        await self._send(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=_OWN_SSRC, media_ssrc=self.video.packets[0].ssrc))

    async def receiver_report(self, *, lost: int, highest: int, jitter: int, last_report: int, delay: int) -> None:
        """Report on the video; the fraction in it is what a browser puts there beside a NACK."""
        info = RtcpReceiverInfo(
            ssrc=self.video.packets[0].ssrc,
            fraction_lost=128,
            packets_lost=lost,
            highest_sequence=highest,
            jitter=jitter,
            lsr=last_report,
            dlsr=delay,
        )
        await self._send(RtcpRrPacket(ssrc=_OWN_SSRC, reports=[info]))

    @property
    def srtp_profile(self) -> str:
        """What encrypts the media."""
        ssl = self._transceivers["video"].receiver.transport._ssl
        assert ssl is not None
        return bytes(ssl.get_selected_srtp_profile()).decode()

    async def close(self) -> None:
        """Go away properly: aiortc forgets a receiver that it is just starting."""
        await settled(lambda: self.pc.connectionState != "connecting", "the viewer neither connects nor fails")
        await self.pc.close()


@asynccontextmanager
async def client(*kinds: str) -> AsyncIterator[Client]:
    """A viewer that uses nothing but loopback, also on machines without a network."""
    with mock.patch("aioice.ice.get_host_addresses", return_value=["127.0.0.1"]):
        viewer = Client(*(kinds or ("video",)))
        try:
            yield viewer
        finally:
            await viewer.close()


@asynccontextmanager
async def watching(
    stage: Stage, *kinds: str, camera: str = "yard", change: Callable[[str], str] = str
) -> AsyncIterator[tuple[Client, Session]]:
    """A connected viewer of a camera that has had its first picture; `change` edits its offer."""
    async with client(*kinds) as viewer:
        session = await stage.sessions.open(stage.camera(camera), read_offer(change(await viewer.offer())), host=None)
        await viewer.accept(session.answer)
        await settled(lambda: session.connected, "the viewer does not connect")
        yield viewer, session
