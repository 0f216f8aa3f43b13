"""The gateway over cameras whose units a test publishes by hand: real hubs, sessions, media port; no RTSP."""

from __future__ import annotations

import asyncio
import functools
import io
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.media.units import VIDEO_TIME_BASE, AccessUnit, StreamInfo, TrackKind
from gateway.relay.camera import Camera
from gateway.relay.registry import Registry
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, CameraStatus, Reason, ReasonCode
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.port import MediaPort
from gateway.webrtc.room import Caps
from gateway.webrtc.sessions import Sessions
from tests.relay.units import SILENT_STREAM

OFFERS = Path(__file__).parent / "offers"
DEADLINE_S = 10.0
"""How long a test waits for what it expects; reached only when it fails."""

_ROOMY = Caps(total=100, per_camera=100)
FPS = 30
GOP = 15


def offer(name: str) -> str:
    """A stored offer as it comes over the wire."""
    return "\r\n".join((OFFERS / f"{name}.sdp").read_text(encoding="utf-8").splitlines()) + "\r\n"


def offer_names() -> list[str]:
    """All stored offers."""
    return sorted(path.stem for path in OFFERS.glob("*.sdp"))


@functools.cache
def encoded() -> tuple[bytes, ...]:
    """Two GOPs of real H.264 in Annex B, keyframes larger than a datagram; made once per test run."""
    dice = np.random.default_rng(7)
    # Coarse noise: a keyframe of a dozen packets, and a whole GOP within any socket buffer.
    still = dice.integers(0, 255, (30, 40, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.gop_size = GOP
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "crf": "30"}
    units: list[bytes] = []
    for number in range(2 * GOP):
        frame = av.VideoFrame.from_ndarray(np.roll(still, 8 * number, axis=1), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        units += [bytes(packet) for packet in encoder.encode(frame)]
    units += [bytes(packet) for packet in encoder.encode(None)]
    assert len(units) == 2 * GOP
    return tuple(units)


@dataclass(slots=True)
class HandClock:
    """A clock that stands still until it is moved."""

    wall_s: float = 1_790_000_000.0
    elapsed_s: float = 1000.0

    def now(self) -> float:
        """Unix seconds."""
        return self.wall_s

    def monotonic(self) -> float:
        """Seconds."""
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall_s += seconds
        self.elapsed_s += seconds


@dataclass(slots=True)
class Publisher:
    """Plays the source of one camera."""

    camera: Camera
    clock: Clock
    number: int = 0
    published: list[AccessUnit] = field(default_factory=list)
    audio_pts: int = 0

    def live(self, stream: StreamInfo = SILENT_STREAM) -> None:
        """The camera sends these tracks from now on."""
        self.camera.hub.status_changed(CameraStatus(CameraState.LIVE, self.clock.now()))
        self.camera.hub.stream_changed(stream)

    def state(self, state: CameraState, reason: str | None = None, code: ReasonCode = ReasonCode.NO_ANSWER) -> None:
        """The camera is in this state."""
        why = None if reason is None else Reason(code, reason, "192.0.2.10:554")
        self.camera.hub.status_changed(CameraStatus(state, self.clock.now(), why))

    def pictures(self, count: int = 1) -> list[AccessUnit]:
        """Publish the next pictures."""
        units = [self._picture() for _ in range(count)]
        self.camera.hub.deliver(units)
        self.published += units
        return units

    def until_keyframe(self) -> list[AccessUnit]:
        """Publish up to and including the next keyframe."""
        return self.pictures((-self.number) % GOP + 1)

    def giant_keyframe(self, size: int) -> None:
        """Publish a keyframe of one NAL unit of `size` bytes, which no decoder will like."""
        pts = self.number * 90_000 // FPS
        self.number += 1
        data = b"\x00\x00\x00\x01\x65" + b"\x55" * (size - 1)
        now = self.clock.now()
        self.camera.hub.deliver(
            [AccessUnit(TrackKind.VIDEO, pts, pts, 90_000 // FPS, VIDEO_TIME_BASE, True, data, now)]
        )

    def sound(self, payload: bytes, *, clock_rate: int = 48_000) -> None:
        """Publish one packet of audio."""
        duration = clock_rate // 50
        unit = AccessUnit(
            TrackKind.AUDIO,
            self.audio_pts,
            self.audio_pts,
            duration,
            Fraction(1, clock_rate),
            False,
            payload,
            self.clock.now(),
        )
        self.audio_pts += duration
        self.camera.hub.deliver([unit])

    def _picture(self) -> AccessUnit:
        coded = encoded()
        pts = self.number * 90_000 // FPS
        unit = AccessUnit(
            TrackKind.VIDEO,
            pts,
            pts,
            90_000 // FPS,
            VIDEO_TIME_BASE,
            self.number % GOP == 0,
            coded[self.number % len(coded)],
            self.clock.now(),
        )
        self.number += 1
        return unit


@dataclass(slots=True)
class Stage:
    """The running parts."""

    registry: Registry
    sessions: Sessions
    port: MediaPort
    publishers: dict[str, Publisher]

    def publisher(self, name: str = "yard") -> Publisher:
        """The source of a camera."""
        return self.publishers[name]

    def camera(self, name: str = "yard") -> Camera:
        """A camera."""
        return self.registry.find(name)


@asynccontextmanager
async def stage(
    names: Sequence[str] = ("yard",),
    *,
    clock: Clock = SYSTEM_CLOCK,
    caps: Caps = _ROOMY,
    advertise: Sequence[str] = ("127.0.0.1",),
) -> AsyncIterator[Stage]:
    """Parts of a gateway with live cameras that have published one GOP; checks that nothing is left behind."""
    before = asyncio.all_tasks()
    port = MediaPort(clock=clock)
    await port.open(0)
    registry = Registry({name: SourceSettings("rtsp://user:canary@192.0.2.10/x") for name in names}, clock=clock)
    addresses = Addresses(port, advertise)
    await addresses.start()
    sessions = Sessions(port, addresses, caps, clock=clock)
    publishers = {camera.name: Publisher(camera, clock) for camera in registry}
    for publisher in publishers.values():
        publisher.live()
        publisher.pictures(GOP)
    try:
        yield Stage(registry, sessions, port, publishers)
    finally:
        await sessions.close()
        agents = port.agent_count
        await port.close()
        await addresses.close()
        await registry.close()
    assert (len(sessions), agents) == (0, 0), "sessions or agents are left behind"
    await settled(lambda: not asyncio.all_tasks() - before - {asyncio.current_task()}, "tasks are left behind")


async def settled(condition: Callable[[], Any], what: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Let the event loop run until `condition` holds; fails after the deadline, saying what was expected."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not condition():
        assert loop.time() < end, what
        turn = loop.create_future()
        loop.call_later(0.002, turn.set_result, None)
        await turn


def nearly(expected: float, actual: float, *, within: float) -> bool:
    """Whether two figures agree."""
    return math.isclose(expected, actual, abs_tol=within)


def as_file(units: Sequence[bytes]) -> io.BytesIO:
    """Annex B units as something PyAV opens."""
    return io.BytesIO(b"".join(units))
