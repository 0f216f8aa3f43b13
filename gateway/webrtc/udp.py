"""UDP side of the media port: one socket per address family, answers from the address asked, segmented sends."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import struct
from collections.abc import Callable
from time import monotonic
from typing import Final

from gateway.webrtc.paths import Drop, DropCounter, PathKey

_log = logging.getLogger(__name__)

BUFFER_BYTES: Final = 4 << 20
MAX_DATAGRAM: Final = 1500
_READS_PER_WAKE: Final = 64
TURN_S: Final = 0.0006
"""Datagrams and time after which the event loop gets its turn again, so that a flood cannot starve it."""

# Linux's numbers; Python does not name all of them on every version.
_UDP_SEGMENT: Final = 103
_IP_PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)
_IPV6_PKTINFO: Final = getattr(socket, "IPV6_PKTINFO", 50)
_IPV6_RECVPKTINFO: Final = getattr(socket, "IPV6_RECVPKTINFO", 49)
_ANCILLARY_BYTES: Final = 64

_NO_SEGMENTATION: Final = frozenset({errno.EMSGSIZE, errno.EINVAL, errno.EIO})
_QUEUE_FULL: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})

Address = tuple[str, int] | tuple[str, int, int, int]
Ancillary = tuple[int, int, bytes]


class UdpPath:
    """A viewer's UDP address, seen from one address of ours."""

    __slots__ = ("_address", "_counter", "_origin", "_segmenting", "_sock", "_stride", "key", "remote", "segmented")

    protocol = "udp"
    congested = False

    def __init__(
        self,
        sock: socket.socket,
        address: Address,
        origin: Ancillary | None,
        key: PathKey,
        counter: DropCounter,
        *,
        segmented: bool,
    ) -> None:
        self._sock = sock
        self._address = address
        self._origin = [] if origin is None else [origin]
        self._counter = counter
        self.key = key
        self.remote = (address[0].partition("%")[0], address[1])
        self.segmented = segmented
        # What to say to the kernel for the stride that was used last: nearly always the next one's, too.
        self._stride = 0
        self._segmenting = self._origin

    def send(self, datagram: bytes | memoryview) -> bool:
        """Send at once; a full socket buffer is loss, as on any link."""
        try:
            self._sock.sendmsg([datagram], self._origin, 0, self._address)
        except OSError as error:
            self._failed(error)
            return False
        return True

    def send_packets(self, packets: memoryview, stride: int) -> int:
        """Send with one system call where the kernel segments (UDP_SEGMENT), else one by one."""
        total = len(packets)
        if total <= stride:
            return total if self.send(packets) else 0
        if self.segmented:
            if stride != self._stride:
                self._stride = stride
                self._segmenting = [*self._origin, (socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("H", stride))]
            try:
                self._sock.sendmsg([packets], self._segmenting, 0, self._address)
            except OSError as error:
                if error.errno not in _NO_SEGMENTATION:
                    self._failed(error, -(-total // stride))
                    return 0
                # This way can't segment (a device, a smaller MTU): not again for this viewer.
                self.segmented = False
            else:
                return total
        return sum(
            len(packets[begin : begin + stride])
            for begin in range(0, total, stride)
            if self.send(packets[begin : begin + stride])
        )

    def close(self) -> None:
        """There is nothing to close: the socket is everybody's."""

    def _failed(self, error: OSError, count: int = 1) -> None:
        full = error.errno in _QUEUE_FULL
        self._counter.dropped(Drop.SEND_FULL if full else Drop.SEND_FAILED, count)


Received = Callable[[bytes, UdpPath], None]


class UdpSocket:
    """One bound socket; what arrives goes to `received` with the path back."""

    def __init__(self, family: socket.AddressFamily, number: int, received: Received, counter: DropCounter) -> None:
        self._received = received
        self._counter = counter
        self._v6 = family == socket.AF_INET6
        self._sock = _bind(family, number)
        self._segments = can_segment(self._sock)

    @property
    def number(self) -> int:
        """The port it is bound to."""
        return int(self._sock.getsockname()[1])

    def fileno(self) -> int:
        """For the event loop."""
        return self._sock.fileno()

    def close(self) -> None:
        """Release the port."""
        self._sock.close()

    def send_to(self, datagram: bytes, address: Address) -> None:
        """Send one datagram of our own accord (STUN discovery); raises OSError."""
        self._sock.sendto(datagram, address)

    @property
    def is_v6(self) -> bool:
        """Whether it carries IPv6."""
        return self._v6

    def readable(self) -> None:
        """Read what has arrived, within a bounded number and time."""
        sock = self._sock
        until = monotonic() + TURN_S
        for _ in range(_READS_PER_WAKE):
            try:
                datagram, ancillary, _flags, address = sock.recvmsg(MAX_DATAGRAM + 1, _ANCILLARY_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                # ICMP errors of earlier sends surface here; they concern one viewer, not the port.
                _log.debug("media port: receive failed: %s", error.strerror)
                continue
            if not datagram:
                self._counter.dropped(Drop.EMPTY)
            elif len(datagram) > MAX_DATAGRAM:
                self._counter.dropped(Drop.TOO_LARGE)
            else:
                self._received(datagram, self._path(address, ancillary))
            if monotonic() >= until:
                return

    def _path(self, address: Address, ancillary: list[Ancillary]) -> UdpPath:
        origin, ours = origin_of(ancillary)
        key = ("udp", ours, address[0], address[1])
        return UdpPath(self._sock, address, origin, key, self._counter, segmented=self._segments)


def origin_of(ancillary: list[Ancillary]) -> tuple[Ancillary | None, str]:
    """Which of our addresses was asked, and the ancillary message that answers from it (ip(7), ipv6(7))."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO and len(data) >= 12:
            destination = data[8:12]
            answer = struct.pack("@I4s4s", 0, destination, bytes(4))
            return (socket.IPPROTO_IP, _IP_PKTINFO, answer), socket.inet_ntop(socket.AF_INET, destination)
        if level == socket.IPPROTO_IPV6 and kind == _IPV6_PKTINFO and len(data) >= 20:
            ours = ipaddress.IPv6Address(data[:16])
            # Which way leads to the viewer is for the kernel to find out, unless the address means nothing without
            # its link.
            link = data[16:20] if ours.is_link_local else bytes(4)
            return (socket.IPPROTO_IPV6, _IPV6_PKTINFO, data[:16] + link), str(ours)
    return None, ""


def can_segment(sock: socket.socket) -> bool:
    """Whether the kernel cuts datagrams (UDP_SEGMENT); a device may still refuse to."""
    try:
        sock.getsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT)
    except OSError:
        return False
    return True


def _bind(family: socket.AddressFamily, number: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        sock.settimeout(0)
        # Everything is authenticated per packet, so all addresses may be listened on.
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", number))  # noqa: S104
    except OSError:
        sock.close()
        raise
    return sock
