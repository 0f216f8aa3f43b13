"""CPU per packet of the fan-out alone: python -m bench.packet_cost [--cameras N] [--viewers N] [--seconds S]

Frames of a 4 Mb/s camera are published 30 times a second; each viewer has a real SRTP session and a real socket on
loopback whose buffer is always full, so that the kernel drops what it is sent.  No camera, no browser, no handshakes:
`python -m bench fan-out` measures the whole gateway, this finds out quickly whether a change of the fan-out helps.
Also prints the memory that each viewer's queue, numbering and keys take.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import os
import pstats
import socket
import struct
import time
import tracemalloc
from collections import Counter
from dataclasses import dataclass
from typing import Final

from pylibsrtp import Policy, Session

from gateway.clock import SYSTEM_CLOCK
from gateway.media.units import VIDEO_TIME_BASE, AccessUnit, TrackKind
from gateway.relay.hub import Hub
from gateway.rtp.templates import PacketClass
from gateway.source.status import CameraState, CameraStatus
from gateway.webrtc.broadcasts import Broadcasts
from gateway.webrtc.fanout import Broadcast
from gateway.webrtc.pacing import Pace
from gateway.webrtc.paths import Drop
from gateway.webrtc.protection import Protector
from gateway.webrtc.track import ViewerTrack
from gateway.webrtc.udp import UdpPath
from gateway.webrtc.viewer import Viewer
from gateway.webrtc.wire import Wire

_FPS: Final = 30
_GOP: Final = 60
_BITRATE_BPS: Final = 4_000_000
_KEYFRAME_BYTES: Final = 80_000
_DELTA_BYTES: Final = (_BITRATE_BPS // 8 * _GOP // _FPS - _KEYFRAME_BYTES) // (_GOP - 1)
_KEY_BYTES: Final = 28
_FIRST_BURST_S: Final = 1.5


class _Drops:
    """Counts drops as the port does."""

    def __init__(self) -> None:
        self.counts: Counter[Drop] = Counter()

    def dropped(self, reason: Drop, count: int = 1) -> None:
        self.counts[reason] += count


@dataclass(slots=True)
class _Way:
    """Stands in for the ICE agent of a viewer that is always there."""

    path: UdpPath | None

    def quiet(self, now: float) -> bool:
        return False


def _unit(number: int) -> AccessUnit:
    keyframe = number % _GOP == 0
    size = _KEYFRAME_BYTES if keyframe else _DELTA_BYTES
    data = b"\x00\x00\x00\x01" + (b"\x65" if keyframe else b"\x41") + os.urandom(size).replace(b"\x00", b"\x01")
    pts = number * 90_000 // _FPS
    return AccessUnit(TrackKind.VIDEO, pts, pts, 90_000 // _FPS, VIDEO_TIME_BASE, keyframe, data, time.time())


def _viewer(broadcast: Broadcast, sock: socket.socket, sink: socket.socket, drops: _Drops) -> Viewer:
    policy = Policy(
        key=os.urandom(_KEY_BYTES),
        ssrc_type=Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    )
    policy.allow_repeat_tx = True
    policy.window_size = 128
    address = sink.getsockname()
    origin = (socket.IPPROTO_IP, 8, struct.pack("@I4s4s", 0, socket.inet_aton("127.0.0.1"), bytes(4)))
    path = UdpPath(sock, address, origin, ("udp", "127.0.0.1", *address), drops, segmented=True)
    wire = Wire(Protector(Session(policy), tag_size=16), _Way(path))
    track = ViewerTrack(
        broadcast.rtp_track(TrackKind.VIDEO),
        PacketClass(broadcast.ssrc[TrackKind.VIDEO], 102, 5),
        codec="h264",
        rtx=PacketClass(broadcast.rtx_ssrc, 103, 5),
        first_number=1,
        wire=wire,
        clock=SYSTEM_CLOCK,
        keyframe=broadcast.keyframe,
    )
    return Viewer({TrackKind.VIDEO: track}, wire, Pace(SYSTEM_CLOCK.monotonic(), stream_bps=_BITRATE_BPS))


async def _publish(hubs: list[Hub], units: itertools.cycle[AccessUnit], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(round(seconds * _FPS)):
        unit = next(units)
        for place, hub in enumerate(hubs):
            # Cameras do not deliver their frames all at the same moment.
            await asyncio.sleep(max(0.0, begun + (number + place / len(hubs)) / _FPS - loop.time()))
            hub.deliver([unit])


async def _measure(options: argparse.Namespace) -> None:
    drops = _Drops()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    broadcasts = Broadcasts()
    hubs = [
        Hub(f"cam{number}", status=CameraStatus(CameraState.LIVE, time.time())) for number in range(options.cameras)
    ]
    sinks = []
    viewers = []
    units = itertools.cycle([_unit(number) for number in range(_GOP)])
    await _publish(hubs, units, 1 / _FPS)
    if options.memory:
        tracemalloc.start()
    held_before = tracemalloc.get_traced_memory()[0]
    for hub in hubs:
        for _ in range(options.viewers):
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sink.bind(("127.0.0.1", 0))
            sinks.append(sink)
            viewers.append(_viewer(broadcasts.of(hub), sock, sink, drops))
            broadcasts.of(hub).join(viewers[-1])
    await _publish(hubs, units, _FIRST_BURST_S)
    if options.memory:
        grown = tracemalloc.get_traced_memory()[0] - held_before
        tracemalloc.stop()
        print(f"{grown / len(viewers) / 1024:.1f} KiB of Python objects per viewer")
    profile = cProfile.Profile() if options.profile else None
    packets_before = sum(track.counters.packets for viewer in viewers for track in viewer.tracks.values())
    if profile:
        profile.enable()
    used_before = time.process_time()
    await _publish(hubs, units, options.seconds)
    used_s = time.process_time() - used_before
    if profile:
        profile.disable()
    packets = sum(track.counters.packets for viewer in viewers for track in viewer.tracks.values()) - packets_before
    print(f"{options.cameras} x {options.viewers}: {used_s / packets * 1e6:.2f} µs per packet ({packets} packets)")
    if drops.counts:
        print(f"dropped: {dict(drops.counts)}")
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    for hub in hubs:
        for viewer in viewers:
            broadcasts.of(hub).leave(viewer)
    broadcasts.close()
    for one in (sock, *sinks):
        one.close()


def main() -> None:
    """Prints one line per measurement."""
    parser = argparse.ArgumentParser(prog="python -m bench.packet_cost", description="CPU per packet of the fan-out.")
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--viewers", type=int, default=100, help="of each camera")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--profile", action="store_true", help="print where the time goes; makes everything slower")
    parser.add_argument("--memory", action="store_true", help="print memory per viewer too; joins are slower then")
    asyncio.run(_measure(parser.parse_args()))


if __name__ == "__main__":
    main()
