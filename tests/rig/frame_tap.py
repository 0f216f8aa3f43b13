"""When frames arrive in this network namespace, by the kernel's time stamps: a busy browser does not show up as delay.

`python -m tests.rig.frame_tap DEVICE` answers each line on standard input with a line of JSON: for each stream since
the line before, the milliseconds between the ends of its frames.  SRTP leaves readable what is needed for that.
"""

from __future__ import annotations

import json
import selectors
import socket
import struct
import sys
from collections import defaultdict
from itertools import pairwise
from typing import Final

from tests.rig.faults import MEDIA_PORTS

_ETH_P_IP: Final = 0x0800
_SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_BUFFER_BYTES: Final = 8 << 20
_TIMESPEC: Final = struct.Struct("@qq")
_UDP_PORTS: Final = struct.Struct("!HH")
_MARKER: Final = 0x80
_RTCP_TYPES: Final = range(64, 96)

Stream = tuple[int, int]
"""The viewer's port and the SSRC."""


def frame_end(packet: bytes) -> Stream | None:
    """The stream whose frame this IPv4 packet ends; None for any other packet."""
    header = (packet[0] & 0xF) * 4 if packet else 0
    if len(packet) < header + 20 or packet[9] != socket.IPPROTO_UDP:
        return None
    source, destination = _UDP_PORTS.unpack_from(packet, header)
    rtp = packet[header + 8 :]
    if not MEDIA_PORTS[0] <= source <= MEDIA_PORTS[1] or rtp[0] & 0xC0 != 0x80:
        return None
    if rtp[1] & 0x7F in _RTCP_TYPES or not rtp[1] & _MARKER:
        return None
    return int(destination), int.from_bytes(rtp[8:12], "big")


def gaps_ms(ends_s: list[float]) -> list[float]:
    """Distances between neighbours."""
    return [(later - earlier) * 1000 for earlier, later in pairwise(ends_s)]


def _arrived_at(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            return float(seconds + nanoseconds / 1e9)
    raise AssertionError("the kernel does not say when packets arrive")


class _Tap:
    def __init__(self, device: str) -> None:
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._sock.bind((device, _ETH_P_IP))
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        self._ends: dict[Stream, list[float]] = defaultdict(list)

    def run(self) -> None:
        with self._sock, selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            selector.register(sys.stdin, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._sock:
                        self._read()
                    elif not sys.stdin.readline():
                        return
                    else:
                        self._read()
                        self._answer()

    def _read(self) -> None:
        while True:
            try:
                packet, ancillary, _, _ = self._sock.recvmsg(256, socket.CMSG_SPACE(_TIMESPEC.size))
            except BlockingIOError:
                return
            stream = frame_end(packet)
            if stream is not None:
                self._ends[stream].append(_arrived_at(ancillary))

    def _answer(self) -> None:
        found = {f"{port}/{ssrc:08x}": gaps_ms(ends) for (port, ssrc), ends in self._ends.items()}
        # The next stretch of time begins with the frame that ended this one.
        self._ends = defaultdict(list, {stream: ends[-1:] for stream, ends in self._ends.items()})
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Listens until standard input closes."""
    _Tap(arguments[0]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
