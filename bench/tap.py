"""A viewer whose datagrams the kernel time-stamps: that the measuring process is busy does not show up as delay."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Final

from bench.frame_times import FrameTimes
from bench.viewers import Viewer

_SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_BUFFER_BYTES: Final = 8 << 20
_TIMESPEC: Final = struct.Struct("@qq")
_LARGEST: Final = 2048


class Tap:
    """Reads what a viewer receives until closed."""

    def __init__(self, viewer: Viewer) -> None:
        self.times = FrameTimes()
        self._sockets = viewer.duplicate_sockets()
        self._loop = asyncio.get_running_loop()
        for one in self._sockets:
            one.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._enlarge(one)
            self._loop.add_reader(one.fileno(), self._read, one)

    def close(self) -> None:
        """Stop reading; the viewer itself stays."""
        for one in self._sockets:
            self._loop.remove_reader(one.fileno())
            one.close()

    @staticmethod
    def _enlarge(one: socket.socket) -> None:
        try:
            one.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        except PermissionError:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)

    def _read(self, one: socket.socket) -> None:
        while True:
            try:
                datagram, ancillary, _, _ = one.recvmsg(_LARGEST, socket.CMSG_SPACE(_TIMESPEC.size))
            except (BlockingIOError, ConnectionRefusedError):
                return
            for level, kind, data in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                    seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
                    self.times.add(datagram, at_s=seconds + nanoseconds / 1e9)
