"""One camera's live stream in the middle of the gateway: units in from the source, out to every sink."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pyee.base import EventEmitter

from gateway.media.units import AccessUnit, StreamInfo, TrackKind
from gateway.relay.gop import GopCache
from gateway.source.status import CameraState, CameraStatus
from gateway.sparing import SparingLog

_log = logging.getLogger(__name__)

_RATE_WINDOW_S = 4.0
_SENDING = (CameraState.LIVE, CameraState.STALLED)


class Sink(Protocol):
    """Something that consumes a camera's units.  Called on the event loop's thread; must neither block nor raise.

    What it raises all the same is logged, and the others get theirs.
    """

    def on_unit(self, unit: AccessUnit) -> None:
        """Take the next unit."""

    def on_stream(self, stream: StreamInfo) -> None:
        """Learn that the tracks changed; the next video unit is a keyframe of the new ones."""


@dataclass(frozen=True, slots=True)
class JoinPoint:
    """Where a sink starts: the group of pictures so far; everything after it comes through `Sink.on_unit`."""

    stream: StreamInfo | None
    units: tuple[AccessUnit, ...]


class Hub:
    """Passes one camera's units on.  Implements the source's `Outlet`; belongs to the event loop's thread.

    Emits `status` (CameraStatus) and `stream` (StreamInfo) on `events`.
    """

    def __init__(self, name: str, *, status: CameraStatus, gop: GopCache | None = None) -> None:
        self.name = name
        self.events = EventEmitter()
        self.stream: StreamInfo | None = None
        self.status = status
        self.gop = gop or GopCache()
        self.last_video: AccessUnit | None = None
        self.last_keyframe: AccessUnit | None = None
        """The newest one while the camera sends pictures or has only just stopped (stalled); else None."""
        self.retired = False
        """Whether its camera is none of the gateway's any more, for good: another may have its name."""
        self._sinks: dict[Sink, None] = {}
        self._log = SparingLog(_log)
        self._rate: deque[tuple[float, int]] = deque()
        self._rate_bytes = 0

    def attach(self, sink: Sink) -> JoinPoint:
        """Add a sink; its join point and its first `on_unit` leave no unit out and repeat none."""
        self._sinks[sink] = None
        return JoinPoint(self.stream, self.gop.units())

    def detach(self, sink: Sink) -> None:
        """Remove a sink; harmless when it is not attached."""
        self._sinks.pop(sink, None)

    @property
    def sink_count(self) -> int:
        """How many sinks are attached."""
        return len(self._sinks)

    def stream_changed(self, stream: StreamInfo) -> None:
        """Outlet: the tracks of the units that follow."""
        if stream == self.stream:
            return
        self.stream = stream
        self.events.emit("stream", stream)
        for sink in tuple(self._sinks):
            try:
                sink.on_stream(stream)
            except Exception:  # noqa: BLE001  what one rung can't take must not end the others, nor the camera
                self._failed(sink)

    def deliver(self, units: Sequence[AccessUnit]) -> None:
        """Outlet: the next units, in order."""
        for unit in units:
            self.gop.push(unit)
            if unit.track is TrackKind.VIDEO:
                self.last_video = unit
                if unit.keyframe:
                    self.last_keyframe = unit
                self._count(unit)
            for sink in tuple(self._sinks):
                try:
                    sink.on_unit(unit)
                except Exception:  # noqa: BLE001  what one rung can't take must not end the others, nor the camera
                    self._failed(sink)

    def _failed(self, sink: Sink) -> None:
        kind = type(sink).__name__
        self._log.exception("%s: %s failed on what the camera sent", self.name, kind, kind=kind)

    def status_changed(self, status: CameraStatus) -> None:
        """Outlet: what the camera is doing now."""
        self.status = status
        if status.state in (CameraState.OFFLINE, CameraState.IDLE, CameraState.UNSUPPORTED):
            # A viewer who joins later must not be shown an old picture as if it were live.
            self.gop.clear()
            self._rate.clear()
            self._rate_bytes = 0
        if status.state not in _SENDING:
            self.last_keyframe = None
        self.events.emit("status", status)

    def _count(self, unit: AccessUnit) -> None:
        self._rate.append((unit.captured_at, len(unit.data)))
        self._rate_bytes += len(unit.data)
        while unit.captured_at - self._rate[0][0] > _RATE_WINDOW_S:
            self._rate_bytes -= self._rate.popleft()[1]

    @property
    def bitrate_bps(self) -> int:
        """Video bits per second over the last seconds; 0 before there are two pictures."""
        if len(self._rate) < 2:
            return 0
        span_s = self._rate[-1][0] - self._rate[0][0]
        return round((self._rate_bytes - self._rate[-1][1]) * 8 / span_s) if span_s > 0 else 0
