"""Keeps one camera open: carries out what the supervision decides, with a reader thread and a timer."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final, Protocol

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.media.capture_clock import ClockEstimate
from gateway.media.timestamps import Resume
from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit, StreamInfo, TrackKind
from gateway.source.assembler import Continuation
from gateway.source.handover import Ended, Handover, Waiting
from gateway.source.reader import Reader, ReaderSettings
from gateway.source.settings import SourceSettings, address_of
from gateway.source.status import CameraState, CameraStatus
from gateway.source.supervision import Action, Rendition, Supervision, View

_log = logging.getLogger(__name__)

CLOSE_WITHIN_S: Final = 2.5
_DROPS_LOGGED_EVERY_S: Final = 1.0


class Outlet(Protocol):
    """Where a camera's units go.  Called on the event loop's thread; must neither block nor raise."""

    def stream_changed(self, stream: StreamInfo) -> None:
        """Learn the tracks of the units that follow, the first of which is a keyframe."""

    def deliver(self, units: Sequence[AccessUnit]) -> None:
        """Take the next units, in order."""

    def status_changed(self, status: CameraStatus) -> None:
        """Learn what the camera is doing now."""


class _Connection:
    """A reader and its queue, so that what an abandoned reader still says can be told from the current one's."""

    __slots__ = ("gone", "handover", "reader")

    def __init__(self, reader: Reader, handover: Handover) -> None:
        self.reader = reader
        self.handover = handover
        self.gone = asyncio.Event()

    def end(self) -> None:
        """The reader is gone, or nobody cares any more."""
        self.handover.close()
        self.gone.set()


class Supervisor:
    """One camera.  Everything but the constructor belongs to the event loop's thread."""

    def __init__(
        self,
        name: str,
        settings: SourceSettings,
        outlet: Outlet,
        *,
        clock: Clock = SYSTEM_CLOCK,
        start_delay_s: float = 0.0,
    ) -> None:
        self._name = name
        self._settings = settings
        self._outlet = outlet
        self._clock = clock
        self._start_delay_s = start_delay_s
        self._supervision = Supervision(
            on_demand=settings.on_demand,
            has_substream=settings.substream is not None,
            random=random.random,
            now=clock.monotonic(),
        )
        self._view: View = self._supervision.view
        self._current: _Connection | None = None
        self._abandoned: _Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_video: tuple[int, float, float] | None = None
        self._last_audio: tuple[int, Fraction] | None = None
        self._closing = False
        self._watched = False
        self._dropped = 0
        self._drops_logged_at = clock.monotonic()
        self._last_estimate: ClockEstimate | None = None
        self._since = (-1.0, 0.0)
        self.status = self._published(self._view)

    @property
    def estimate(self) -> ClockEstimate | None:
        """The newest picture's place on the timeline and its date; None before the first picture."""
        current = self._current.reader.estimate if self._current else None
        if current is not None:
            self._last_estimate = current
        return self._last_estimate

    @property
    def reader_threads(self) -> int:
        """How many threads this camera has right now: one, and at most one more that hangs."""
        return sum(
            connection is not None and connection.reader.alive for connection in (self._current, self._abandoned)
        )

    def start(self) -> None:
        """Begin, on a running loop."""
        self._supervision.start(self._clock.monotonic(), delay_s=self._start_delay_s)
        self._act()

    def set_watched(self, *, watched: bool) -> None:
        """Somebody watches, or nobody any more: opens and closes an on-demand camera, shortens the back-off."""
        self._watched = watched
        if self._current is not None:
            self._current.handover.watched = watched
        if watched:
            if self._current is not None:
                # What has waited for the loop must not come after the viewer's first picture.
                self._drain(self._current)
            self._supervision.watch(self._clock.monotonic())
        else:
            self._supervision.unwatch(self._clock.monotonic())
        self._act()

    def retry_now(self) -> None:
        """Try to open the camera at once if it is waiting for its next attempt."""
        self._supervision.retry(self._clock.monotonic())
        self._act()

    async def close(self) -> None:
        """End within 3 s.  A reader that hangs in FFmpeg is left behind; it holds nothing and ends by its deadline."""
        if self._closing:
            return
        self._closing = True
        self._supervision.close()
        self._act()
        hanging = [connection for connection in (self._current, self._abandoned) if connection is not None]
        if hanging:
            waits = [asyncio.create_task(connection.gone.wait()) for connection in hanging]
            _, pending = await asyncio.wait(waits, timeout=CLOSE_WITHIN_S)
            for wait in pending:
                wait.cancel()
            if pending:
                await asyncio.wait(pending)
                _log.warning(
                    "%s: %d reader(s) still wait for the camera; they end by themselves", self._name, len(pending)
                )
            for connection in hanging:
                connection.end()
        self._current = self._abandoned = None

    def _act(self) -> None:
        """Carry out what was decided, publish what changed, and set the timer for what is due next."""
        for action in self._supervision.take_actions():
            match action:
                case Action.OPEN:
                    self._open()
                case Action.STOP:
                    if self._current is not None:
                        self._current.reader.stop()
                case Action.ABANDON:
                    _log.warning("%s: the reader does not end; it is left behind", self._name)
                    self._abandoned, self._current = self._current, None
        self._publish()
        self._schedule()

    def _open(self) -> None:
        substream = self._supervision.rendition is Rendition.SUBSTREAM
        url = (substream and self._settings.substream) or self._settings.source
        _log.debug("%s: opening %s at %s", self._name, "substream" if substream else "main stream", address_of(url))
        connection: _Connection

        def drain() -> None:
            self._drain(connection)

        handover = Handover(asyncio.get_running_loop(), drain, clock=self._clock)
        handover.watched = self._watched
        settings = ReaderSettings(self._name, url, self._settings.transport, self._settings.clock)
        reader = Reader(settings, handover, clock=self._clock, continuation=self._continuation())
        connection = self._current = _Connection(reader, handover)
        reader.start()

    def _drain(self, connection: _Connection) -> None:
        items, dropped = connection.handover.take()
        if connection is not self._current:
            if any(isinstance(item, Ended) for item in items):
                self._forget(connection)
            return
        units: list[AccessUnit] = []
        for item in items:
            if isinstance(item, AccessUnit):
                units.append(item)
                continue
            self._deliver(units)
            units = []
            self._handle(connection, item)
        self._deliver(units)
        if dropped:
            self._count_drops(dropped)

    def _handle(self, connection: _Connection, item: StreamInfo | Waiting | Ended) -> None:
        match item:
            case StreamInfo():
                if not self._closing:
                    self._outlet.stream_changed(item)
            case Waiting():
                self._supervision.waiting(self._clock.monotonic())
            case Ended():
                self._finish(connection, item)
                self._act()

    def _deliver(self, units: list[AccessUnit]) -> None:
        """The way of every picture: nothing here that need not be done each time."""
        if not units or self._closing:
            return
        now = self._clock.monotonic()
        for unit in units:
            if unit.track is TrackKind.VIDEO:
                self._last_video = (unit.dts, now, unit.captured_at)
                # A picture only moves deadlines away; the timer finds that out by itself.
                self._supervision.picture(now, interval_s=unit.duration / VIDEO_CLOCK_RATE)
            else:
                self._last_audio = (unit.pts, unit.time_base)
        if self._supervision.view is not self._view:
            # The state first: whoever gets the units may look at it.
            self._act()
        self._outlet.deliver(units)

    def _continuation(self) -> Continuation:
        if self._last_video is None:
            return Continuation()
        dts, arrived_s, captured_at = self._last_video
        audio_s = -1.0 if self._last_audio is None else float(self._last_audio[0] * self._last_audio[1])
        return Continuation(Resume(dts, arrived_s, audio_s), captured_at)

    def _finish(self, connection: _Connection, ended: Ended) -> None:
        self._last_estimate = connection.reader.estimate or self._last_estimate
        self._current = None
        connection.end()
        rejected = ended.rejected is not None
        self._supervision.ended(self._clock.monotonic(), ended.reason, rejected=rejected)
        if ended.rejected is not None and self._supervision.view.state is CameraState.UNSUPPORTED and not self._closing:
            # So that it can be shown what the camera sends and which rung can't carry it.
            self._outlet.stream_changed(ended.rejected)

    def _forget(self, connection: _Connection) -> None:
        connection.end()
        if connection is self._abandoned:
            self._abandoned = None
            self._supervision.abandoned_ended(self._clock.monotonic())
            self._act()

    def _publish(self) -> None:
        view = self._supervision.view
        if view is self._view or view == self._view or self._closing:
            return
        before, self._view = self._view, view
        self.status = self._published(view)
        if (view.state, view.reason) != (before.state, before.reason):
            why = f" ({view.reason.message})" if view.reason else ""
            _log.info("%s: %s%s", self._name, view.state, why)
        self._outlet.status_changed(self.status)

    def _published(self, view: View) -> CameraStatus:
        """Monotonic times become unix seconds only here."""
        wall = self._clock.now() - self._clock.monotonic()
        reason = view.reason
        if reason is not None and reason.address is None:
            reason = replace(reason, address=address_of(self._settings.source) or None)
        retry_at = None if view.retry_at is None else wall + view.retry_at
        if view.since != self._since[0]:
            # Converted once: the wall clock's steps must not move the past.
            self._since = (view.since, wall + view.since)
        return CameraStatus(view.state, self._since[1], reason, retry_at)

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._supervision.deadline
        if deadline is not None and not self._closing:
            delay_s = max(0.0, deadline - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._supervision.tick(self._clock.monotonic())
        self._act()

    def _count_drops(self, dropped: int) -> None:
        self._dropped += dropped
        now = self._clock.monotonic()
        if now - self._drops_logged_at >= _DROPS_LOGGED_EVERY_S:
            self._drops_logged_at = now
            _log.warning("%s: the gateway is too slow; %d units dropped so far", self._name, self._dropped)
