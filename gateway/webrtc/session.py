"""One viewer's WebRTC connection, from the answer to its end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pyee.base import EventEmitter

from gateway.access.permit import Permit
from gateway.media.units import TrackKind
from gateway.negotiate.modes import DELAY_S, Mode
from gateway.relay.camera import Camera
from gateway.webrtc.fanout import Broadcast
from gateway.webrtc.peer import GatewayPeer
from gateway.webrtc.renditions import TOO_NARROW, Rendition
from gateway.webrtc.sdp import Identity
from gateway.webrtc.selection import Selection
from gateway.webrtc.viewer import Viewer

LOSS: Final = "loss"
"""Why a session falls back: its viewer's link loses too much."""


@dataclass(eq=False, slots=True)
class Session:
    """`secret` is the last part of WHEP's Location: whoever knows it may end the session; `id` is for everyone.

    Emits `fallback` (reason) on `events` when the viewer's link can't carry WebRTC, and `rendition` (Rendition) when it
    is sent another one from now on.
    """

    camera: Camera
    peer: GatewayPeer
    selection: Selection
    identity: Identity
    shape: tuple[tuple[str, str], ...]
    """The sections of the offer that was answered."""
    started_at: float
    connected_at: float | None = None
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    answer: str = ""
    etag: str = field(default_factory=lambda: f'"{secrets.token_hex(8)}"')
    generation: int = 1
    viewer: Viewer | None = None
    broadcast: Broadcast | None = None
    """What `viewer` was put into: by the time it leaves, another camera may have the name of this one."""
    link_bad: bool = False
    """Whether its viewer's link can't carry WebRTC now; it may have been told to a socket that is gone."""
    events: EventEmitter = field(default_factory=EventEmitter)
    deadline: asyncio.TimerHandle | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Task[None] | None = None
    permit: Permit | None = None
    """What lets its viewer watch; None where nobody asks."""
    release: Callable[[], None] | None = None
    mode: Mode = Mode.ULTRA_LOW

    @property
    def connected(self) -> bool:
        """Whether DTLS is up and pictures are sent."""
        return self.viewer is not None and self.ending is None

    def set_mode(self, mode: Mode) -> None:
        """Move to this mode's delay, from where the player is now."""
        self.mode = mode
        if self.viewer is not None:
            self.viewer.aim(DELAY_S[mode])

    @property
    def rendition(self) -> Rendition:
        """What its viewer is sent of the camera."""
        return Rendition.MAIN if self.viewer is None else self.viewer.rendition

    def rendition_json(self) -> dict[str, Any]:
        """What its viewer is sent of the camera, and why if it is not all."""
        reason = TOO_NARROW if self.rendition is Rendition.SUBSTREAM else None
        return {"rendition": self.rendition.value, "reason": reason}

    def as_json(self) -> dict[str, Any]:
        """What `GET /api/sessions` tells of it."""
        path = self.peer.path
        shown: dict[str, Any] = {
            "id": self.id,
            "camera": self.camera.name,
            "rung": "webrtc",
            "started_at": self.started_at,
            "connected_at": self.connected_at,
            "mode": self.mode.value,
            "pair": None if path is None else {"protocol": path.protocol, "address": path.remote[0]},
        }
        video = self.viewer.tracks.get(TrackKind.VIDEO) if self.viewer else None
        if video is not None:
            counters = video.counters
            shown |= {
                "rendition": self.rendition.value,
                "rendition_reason": self.rendition_json()["reason"],
                "playout_delay_s": video.packet_class.min_delay / 100,
                "packets": counters.packets,
                "octets": counters.octets,
                "retransmitted": counters.retransmitted,
                "skipped_frames": counters.skipped_frames,
                "lost_fraction": round(counters.lost_fraction, 4),
                "rtt_s": None if counters.rtt_s is None else round(counters.rtt_s, 4),
                "estimate_bps": counters.estimate_bps,
            }
        return shown
