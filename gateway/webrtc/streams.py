"""One camera's RTP streams: what it sends is packetized once, and the group of pictures so far is held."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit, AudioCodec, TrackKind
from gateway.relay.hub import Hub
from gateway.rtp.packetizer import packetize_h264, split_samples
from gateway.rtp.shared import SharedFrame
from gateway.rtp.stream import Packetize, RtpFrame, RtpTrack
from gateway.rtp.templates import MAX_PAYLOAD

_G711: Final = (AudioCodec.PCMU, AudioCodec.PCMA)


def _random_ssrc() -> int:
    return secrets.randbelow(0xFFFFFFFF) + 1


def _one_payload(data: bytes) -> list[bytes]:
    return [data]


_PACKETIZE: dict[TrackKind, Packetize] = {
    TrackKind.VIDEO: partial(packetize_h264, max_payload=MAX_PAYLOAD),
    TrackKind.AUDIO: _one_payload,
}


@dataclass(frozen=True, slots=True)
class ClockMapping:
    """One point of a camera's clock: this RTP timestamp was captured at that unix second."""

    rtp_timestamp: int
    clock_rate: int
    captured_at: float


class Streams:
    """They live as long as the camera; packets and groups only while somebody watches."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._offsets = {kind: secrets.randbits(32) for kind in TrackKind}
        self.tracks = {
            kind: RtpTrack(_PACKETIZE[kind], clock_rate=VIDEO_CLOCK_RATE, timestamp_offset=offset)
            for kind, offset in self._offsets.items()
        }
        self._group: list[SharedFrame] = []
        self.newest: dict[TrackKind, RtpFrame] = {}
        """The newest frame of each track."""
        # SSRCs need be unique within a viewer's session only, so all viewers of a camera share them.
        self.ssrc = {kind: _random_ssrc() for kind in TrackKind}
        self.rtx_ssrc = _random_ssrc()
        self.cname = secrets.token_hex(8)

    def another_video(self, *, first_index: int) -> RtpTrack:
        """Video on the same timeline, with packets numbered from `first_index` on."""
        return RtpTrack(
            _PACKETIZE[TrackKind.VIDEO],
            clock_rate=VIDEO_CLOCK_RATE,
            timestamp_offset=self._offsets[TrackKind.VIDEO],
            first_index=first_index,
        )

    def clock_mapping(self) -> ClockMapping | None:
        """The mapping between video RTP timestamps and capture time, from the newest picture; None before the first."""
        unit = self._hub.last_video
        if unit is None:
            return None
        timestamp = (unit.pts + self._offsets[TrackKind.VIDEO]) & 0xFFFFFFFF
        return ClockMapping(timestamp, VIDEO_CLOCK_RATE, unit.captured_at)

    def keyframe(self) -> RtpFrame | None:
        """The newest keyframe, while its group is held."""
        return self._group[0].frame if self._group else None

    @property
    def group(self) -> list[SharedFrame]:
        """The group of pictures so far."""
        if not self._hub.gop.usable:
            # The camera went away: what is held would be shown as if it were live.
            self._group = []
        return self._group

    def forget_group(self) -> None:
        """It belongs to other tracks."""
        self._group.clear()

    def clear(self) -> None:
        """Hold nothing."""
        self._group.clear()
        self.newest.clear()
        for track in self.tracks.values():
            track.clear()

    def push(self, unit: AccessUnit) -> list[SharedFrame]:
        """Packetize the next unit; several frames where it is cut."""
        return [shared for part in self._parts(unit) if (shared := self._packetize(part)) is not None]

    def _parts(self, unit: AccessUnit) -> list[AccessUnit]:
        """The unit, or its parts where it is larger than a packet and may be cut anywhere."""
        stream = self._hub.stream
        if unit.track is TrackKind.AUDIO and stream and stream.audio and stream.audio.codec in _G711:
            return split_samples(unit, max_payload=MAX_PAYLOAD)
        return [unit]

    def _packetize(self, unit: AccessUnit) -> SharedFrame | None:
        track = self.tracks[unit.track]
        track.reconfigure(clock_rate=unit.time_base.denominator)
        frame = track.push(unit)
        if frame is None:
            return None
        self.newest[unit.track] = frame
        shared = SharedFrame(unit.track, frame)
        if unit.track is TrackKind.VIDEO and frame.keyframe:
            self._group = [shared]
        elif self.group:
            self._group.append(shared)
        return shared
