"""A line between two namespaces that delays, jitters and reorders: two TUN devices and what passes between them.

`python tun_relay.py NAME NAME` makes both devices, says `ready`, and relays until its standard input closes; on it come
lines of JSON: `{"delay_s": 0.025, "jitter_s": 0.0, "reorder": 0.0}`, for each direction.  The devices may be moved to
other namespaces.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import random
import selectors
import struct
import sys
import time
from dataclasses import dataclass
from typing import Final

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_MTU: Final = 2048
_READS: Final = 64


@dataclass(frozen=True, slots=True)
class Character:
    """How one direction of the line behaves; `reorder` is the part of the packets (0…1) that others overtake."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    reorder: float = 0.0


class Line:
    """One direction: what is on its way, in the order it will arrive.  Times are monotonic seconds."""

    MOST: Final = 8192
    """Packets on their way; one more is dropped."""

    _OVERTAKEN_S: Final = 0.010

    def __init__(self, chance: random.Random) -> None:
        self.character = Character()
        self.dropped = 0
        self._chance = chance
        self._waiting: list[tuple[float, int, bytes]] = []
        self._count = 0
        self._last_due = 0.0

    def put(self, packet: bytes, now: float) -> None:
        """A packet enters."""
        if len(self._waiting) >= self.MOST:
            self.dropped += 1
            return
        how = self.character
        due = now + how.delay_s + self._chance.random() * how.jitter_s
        if how.reorder and self._chance.random() < how.reorder:
            due += self._OVERTAKEN_S
        else:
            # Jitter alone keeps the order.
            due = self._last_due = max(due, self._last_due)
        self._count += 1
        heapq.heappush(self._waiting, (due, self._count, packet))

    def take(self, now: float) -> bytes | None:
        """The next packet that has arrived by now."""
        if not self._waiting or self._waiting[0][0] > now:
            return None
        return heapq.heappop(self._waiting)[2]

    @property
    def due(self) -> float | None:
        """When the next packet arrives."""
        return self._waiting[0][0] if self._waiting else None


def _open_tun(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


class _Relay:
    def __init__(self, ends: tuple[int, int]) -> None:
        # From each end: the line away from it, and where that leads.
        self._ways = {source: (Line(random.Random()), target) for source, target in (ends, ends[::-1])}
        self._selector = selectors.DefaultSelector()
        for end in ends:
            self._selector.register(end, selectors.EVENT_READ)
        os.set_blocking(sys.stdin.fileno(), False)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)

    def run(self) -> None:
        while True:
            dues = [line.due for line, _ in self._ways.values() if line.due is not None]
            timeout_s = max(0.0, min(dues) - time.monotonic()) if dues else None
            for key, _ in self._selector.select(timeout_s):
                if key.fd in self._ways:
                    self._read(key.fd)
                elif not self._obey():
                    return
            now = time.monotonic()
            for line, target in self._ways.values():
                while (packet := line.take(now)) is not None:
                    _write(target, packet)

    def _read(self, end: int) -> None:
        line, target = self._ways[end]
        immediate = line.character == Character() and line.due is None
        now = time.monotonic()
        for _ in range(_READS):
            try:
                packet = os.read(end, _MTU)
            except OSError:
                # Nothing more, or the device is down.
                return
            if immediate:
                _write(target, packet)
            else:
                line.put(packet, now)

    def _obey(self) -> bool:
        text = sys.stdin.buffer.read()
        if not text:
            return False
        character = Character(**json.loads(text.splitlines()[-1]))
        for line, _ in self._ways.values():
            line.character = character
        sys.stdout.write("changed\n")
        sys.stdout.flush()
        return True


def _write(end: int, packet: bytes) -> None:
    try:
        os.write(end, packet)
    except OSError:
        # A device that is down, or full: lost, as on any line.
        return


def main(arguments: list[str]) -> int:
    """Runs until standard input closes."""
    first, second = arguments
    relay = _Relay((_open_tun(first), _open_tun(second)))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    relay.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
