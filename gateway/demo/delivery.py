"""How one track reaches one client: interleaved in its RTSP connection, or by UDP."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.demo.rtp_stream import Burst, frame_packet

_PORT_TRIES: Final = 64
_DATAGRAM_LIMIT: Final = 2048
_READS_PER_WAKE: Final = 16


@dataclass(frozen=True, slots=True)
class InterleavedChoice:
    """Media within the RTSP connection; `channels` (RTP, RTCP) None leaves them to the server."""

    channels: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class UdpChoice:
    """Media by UDP to these ports (RTP, RTCP) of the client."""

    ports: tuple[int, int]


class Delivery(Protocol):
    """Sends one track to one client; never blocks."""

    @property
    def transport_header(self) -> str:
        """The Transport header of the answer to SETUP."""

    def send(self, burst: Burst) -> None:
        """Sends all packets of a burst."""

    def send_half(self, burst: Burst) -> None:
        """Sends about the first half of a burst's bytes."""

    def send_report(self, packet: bytes) -> None:
        """Sends one RTCP packet."""

    def close(self) -> None:
        """Frees what belongs to this delivery alone."""


def choose_transport(header: str) -> InterleavedChoice | UdpChoice | None:
    """The first entry of a Transport header (RFC 2326 section 12.39) that can be served, or None."""
    for entry in header.split(","):
        protocol, *parameters = (part.strip() for part in entry.split(";"))
        options = dict(parameter.partition("=")[::2] for parameter in parameters)
        if "multicast" in options or options.get("mode", "PLAY").strip('"').upper() != "PLAY":
            continue
        match protocol.upper():
            case "RTP/AVP/TCP":
                if "interleaved" not in options:
                    return InterleavedChoice(None)
                pair = _pair(options["interleaved"], highest=255)
                if pair is not None:
                    return InterleavedChoice(pair)
            case "RTP/AVP" | "RTP/AVP/UDP":
                pair = _pair(options.get("client_port", ""), highest=65535)
                if pair is not None and pair[0] > 0:
                    return UdpChoice(pair)
    return None


def _pair(text: str, *, highest: int) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    if match is None:
        return None
    first = int(match[1])
    second = int(match[2]) if match[2] else first + 1
    return (first, second) if max(first, second) <= highest and first != second else None


class InterleavedDelivery:
    """Packets behind `$` headers in the RTSP connection."""

    def __init__(self, transport: asyncio.WriteTransport, *, channels: tuple[int, int]) -> None:
        self._transport = transport
        self._channels = channels

    @property
    def transport_header(self) -> str:
        return f"RTP/AVP/TCP;unicast;interleaved={self._channels[0]}-{self._channels[1]}"

    def send(self, burst: Burst) -> None:
        self._transport.write(burst.interleaved(self._channels[0]))

    def send_half(self, burst: Burst) -> None:
        """Stops within a packet."""
        data = burst.interleaved(self._channels[0])
        self._transport.write(data[: len(data) // 2])

    def send_report(self, packet: bytes) -> None:
        self._transport.write(frame_packet(packet, self._channels[1]))

    def close(self) -> None:
        """The connection is not this delivery's to close."""


class UdpDelivery:
    """Packets from two ports of our own to two of the client; what the socket can't take is lost, as on a network."""

    def __init__(
        self,
        *,
        local_host: str,
        client_host: str,
        client_ports: tuple[int, int],
        on_receiver_report: Callable[[], None],
    ) -> None:
        """Raises OSError when there is no free pair of ports."""
        self._rtp, self._rtcp = _bind_pair(local_host)
        self._rtp_address = (client_host, client_ports[0])
        self._rtcp_address = (client_host, client_ports[1])
        self._client_ports = client_ports
        self._on_receiver_report = on_receiver_report
        self._loop = asyncio.get_running_loop()
        for sock in (self._rtp, self._rtcp):
            self._loop.add_reader(sock, self._read, sock)

    @property
    def transport_header(self) -> str:
        client, server = self._client_ports, (self._rtp.getsockname()[1], self._rtcp.getsockname()[1])
        return f"RTP/AVP;unicast;client_port={client[0]}-{client[1]};server_port={server[0]}-{server[1]}"

    def send(self, burst: Burst) -> None:
        for packet in burst.packets:
            self._send(self._rtp, packet, self._rtp_address)

    def send_half(self, burst: Burst) -> None:
        """Leaves out the later half of the packets."""
        for packet in burst.packets[: len(burst.packets) // 2]:
            self._send(self._rtp, packet, self._rtp_address)

    def send_report(self, packet: bytes) -> None:
        self._send(self._rtcp, packet, self._rtcp_address)

    def close(self) -> None:
        for sock in (self._rtp, self._rtcp):
            self._loop.remove_reader(sock)
            sock.close()

    def _send(self, sock: socket.socket, packet: bytes, address: tuple[str, int]) -> None:
        # A full buffer, or an ICMP answer to an earlier packet: the packet is lost either way.
        with contextlib.suppress(OSError):
            sock.sendto(packet, address)

    def _read(self, sock: socket.socket) -> None:
        """Takes what the client sends: reports keep the session alive, hole-punching packets are nothing."""
        for _ in range(_READS_PER_WAKE):
            try:
                _, address = sock.recvfrom(_DATAGRAM_LIMIT)
            except BlockingIOError:
                return
            except OSError:
                continue
            if sock is self._rtcp and address[0] == self._rtcp_address[0]:
                self._on_receiver_report()


def _bind_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """An even UDP port and the next one (RFC 3550 section 11)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(_PORT_TRIES):
        rtp = socket.socket(family, socket.SOCK_DGRAM)
        rtcp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            rtp.bind((host, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                rtp.settimeout(0)
                rtcp.settimeout(0)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise OSError(f"No free pair of UDP ports after {_PORT_TRIES} tries.")
