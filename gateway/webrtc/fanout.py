"""Broadcast RTP: a camera is packetized once, every viewer gets the same packets under its own numbers and key."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Final

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.media.units import AccessUnit, StreamInfo, TrackKind
from gateway.relay.camera import Camera
from gateway.relay.hub import Hub
from gateway.rtp.shared import SharedFrame
from gateway.rtp.stream import RtpFrame, RtpTrack
from gateway.sparing import SparingLog
from gateway.webrtc.pump import Pump
from gateway.webrtc.renditions import Rendition
from gateway.webrtc.sender_reports import SenderReports
from gateway.webrtc.smaller import FIRST_INDEX, SmallerRendition
from gateway.webrtc.streams import ClockMapping, Streams
from gateway.webrtc.viewer import Progress, Viewer

_log = logging.getLogger(__name__)

_DONE, _MORE = Progress.DONE, Progress.MORE
_AUDIO: Final = TrackKind.AUDIO


class Broadcast:
    """One camera's RTP streams and the viewers they go to.  A hub's sink while it has viewers."""

    def __init__(self, hub: Hub, pump: Pump, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.hub = hub
        self._pump = pump
        self._clock = clock
        self._log = SparingLog(_log, clock=clock)
        self._ready: deque[Viewer] = deque()
        self._paced: list[Viewer] = []
        self._viewers: dict[Viewer, None] = {}
        self._full: dict[Viewer, None] = {}
        """Those who are sent the main stream's video."""
        self._returning: dict[Viewer, None] = {}
        """Those who come back from the substream with the next keyframe."""
        self._smaller: SmallerRendition | None = None
        self._moving: dict[Viewer, None] = {}
        """Those whose playout delay changes with every picture."""
        self._unsplit: deque[AccessUnit] = deque()
        self._turn = 0
        self._streams = Streams(hub)
        self._reports = SenderReports(self._viewers, self._streams, name=hub.name, clock=clock, each=self._say_bitrate)

    @property
    def ssrc(self) -> Mapping[TrackKind, int]:
        """Of each track's stream, for all viewers."""
        return self._streams.ssrc

    @property
    def rtx_ssrc(self) -> int:
        """Of the stream of repeated packets."""
        return self._streams.rtx_ssrc

    def clock_mapping(self) -> ClockMapping | None:
        """The mapping between video RTP timestamps and capture time, from the newest picture; None before the first."""
        return self._streams.clock_mapping()

    def rtp_track(self, kind: TrackKind) -> RtpTrack:
        """The RTP stream of a track; it lives as long as the camera."""
        return self._streams.tracks[kind]

    def keyframe(self) -> RtpFrame | None:
        """The newest keyframe, while its group is held."""
        return self._streams.keyframe()

    def join(self, viewer: Viewer) -> None:
        """Start sending: the group of pictures so far, then everything that comes, nothing twice or left out."""
        if not self._viewers:
            self._start()
        self._viewers[viewer] = None
        self._full[viewer] = None
        viewer.wake = partial(self._wake, viewer)
        viewer.wants = partial(self._move, viewer)
        viewer.began_to_move = partial(self._began_to_move, viewer)
        if viewer.moving:
            self._began_to_move(viewer)
        viewer.needs(self.hub.bitrate_bps)
        self._send_group(viewer)
        if not self._unsplit:
            self._reports.report(viewer)

    def rejoin(self, viewer: Viewer) -> None:
        """Start again from the group of pictures so far, for a viewer that got nothing for seconds."""
        if viewer in self._viewers:
            viewer.drop_to_keyframe()
            self._send_group(viewer)

    # Renditions.

    def offer_smaller(self, substream: Camera) -> None:
        """Let viewers with a narrow link have this substream."""
        if self._smaller is None:
            track = self._streams.another_video(first_index=FIRST_INDEX)
            self._smaller = SmallerRendition(substream, self, track, clock=self._clock)

    def _move(self, viewer: Viewer, rendition: Rendition) -> None:
        if self._smaller is None or viewer not in self._viewers:
            return
        if rendition is Rendition.SUBSTREAM:
            self._returning.pop(viewer, None)
            self._smaller.expect(viewer)
        elif viewer in self._smaller:
            self._returning[viewer] = None
        else:
            self._smaller.leave(viewer)

    def spare(self, viewer: Viewer) -> None:
        """No more video of the main stream for this viewer."""
        self._full.pop(viewer, None)

    def _bring_back(self) -> None:
        now = self._clock.monotonic()
        for viewer in self._returning:
            if self._smaller is not None:
                self._smaller.leave(viewer)
            self._full[viewer] = None
            viewer.follow(self.rtp_track(TrackKind.VIDEO), self.keyframe, now)
            viewer.needs(self.hub.bitrate_bps)
        self._returning.clear()

    def _send_group(self, viewer: Viewer) -> None:
        now = self._clock.monotonic()
        smaller = self._smaller
        for shared in smaller.group if smaller is not None and viewer in smaller else self._streams.group:
            viewer.offer(shared, now)
        self._wake(viewer)

    def _wake(self, viewer: Viewer) -> None:
        """Put a viewer that has something to be sent in line."""
        if viewer not in self._viewers:
            return
        if not viewer.queued:
            viewer.queued = True
            self._ready.append(viewer)
        self._pump.wake(self)

    def leave(self, viewer: Viewer) -> None:
        """Stop sending; harmless when it is not a viewer."""
        if viewer not in self._viewers:
            return
        del self._viewers[viewer]
        for some in (self._full, self._returning, self._moving):
            some.pop(viewer, None)
        if self._smaller is not None:
            self._smaller.leave(viewer)
        if viewer.queued:
            self._ready = deque(other for other in self._ready if other is not viewer)
            self._paced = [other for other in self._paced if other is not viewer]
        if not self._viewers:
            self._stop()

    def _start(self) -> None:
        # A group of ten seconds takes longer to split than a frame may wait: that is done in slices, too.
        self._unsplit.extend(self.hub.attach(self).units)
        self._reports.start()

    def _stop(self) -> None:
        self.hub.detach(self)
        self._unsplit.clear()
        self._streams.clear()
        self._pump.forget(self)
        self._reports.stop()

    # Sink.

    def on_unit(self, unit: AccessUnit) -> None:
        """Packetize once, hand to every viewer."""
        if self._unsplit:
            self._unsplit.append(unit)
        else:
            self._broadcast(unit)
        self._pump.wake(self)

    def _broadcast(self, unit: AccessUnit) -> None:
        for shared in self._streams.push(unit):
            if self._moving:
                self._step_delays(self._clock.monotonic())
            if shared.kind is _AUDIO:
                self._queue(self._viewers, shared)
                continue
            if shared.keyframe and self._returning:
                self._bring_back()
            self._queue(self._full, shared)

    def _queue(self, audience: dict[Viewer, None], shared: SharedFrame) -> None:
        if not audience:
            return
        # Another viewer begins each time, so that none is always last.
        self._turn = (self._turn + 1) % len(audience)
        viewers = tuple(audience)
        now = self._clock.monotonic()
        for viewer in itertools.chain(viewers[self._turn :], viewers[: self._turn]):
            if viewer.offer(shared, now) and not viewer.queued:
                viewer.queued = True
                self._ready.append(viewer)

    def send(self, audience: dict[Viewer, None], shared: SharedFrame) -> None:
        """Queue a frame for these viewers and begin to send it."""
        self._queue(audience, shared)
        self._pump.wake(self)

    def _began_to_move(self, viewer: Viewer) -> None:
        self._moving[viewer] = None

    def _step_delays(self, now: float) -> None:
        for viewer in tuple(self._moving):
            viewer.step_delay(now)
            if not viewer.moving:
                del self._moving[viewer]

    def on_stream(self, stream: StreamInfo) -> None:
        """The next video unit is a keyframe of the new tracks; what was cached belongs to the old ones."""
        self._unsplit.clear()
        self._streams.forget_group()
        for viewer in self._viewers:
            viewer.match(stream)

    # Pumped.

    def pump(self, until: float) -> bool:
        """Send to viewers in turn until all had what they may have, or the slice is over."""
        ready, monotonic = self._ready, self._clock.monotonic
        now = monotonic()
        if self._unsplit and not self._split(until):
            return True
        while ready:
            viewer = ready.popleft()
            try:
                progress = viewer.pump(now)
            except Exception:  # noqa: BLE001  one viewer's trouble must hold up nobody else
                progress = self._failed(viewer)
            if progress is _DONE:
                viewer.queued = False
            elif progress is _MORE:
                ready.append(viewer)
            else:
                self._paced.append(viewer)
            now = monotonic()
            if now >= until:
                break
        return bool(ready)

    def _failed(self, viewer: Viewer) -> Progress:
        """Leave out what could not be sent; the next keyframe is another chance."""
        self._log.exception("%s: sending to a viewer failed", self.hub.name)
        viewer.drop_to_keyframe()
        return _DONE

    def _split(self, until: float) -> bool:
        """Packetize what was there before the first viewer; False when the slice is over before that is done."""
        while self._unsplit:
            self._broadcast(self._unsplit.popleft())
            if self._clock.monotonic() >= until and self._unsplit:
                return False
        for viewer in self._viewers:
            self._reports.report(viewer)
        return True

    @property
    def waiting(self) -> bool:
        """Whether viewers wait for their pace."""
        return bool(self._paced)

    def resume(self) -> None:
        """Put the viewers that waited for their pace back in line."""
        self._ready.extend(self._paced)
        self._paced.clear()

    def _say_bitrate(self, viewer: Viewer) -> None:
        """What carrying all of it takes of the viewer's link, by now."""
        smaller = self._smaller
        rendition = smaller if smaller is not None and viewer in smaller else self.hub
        viewer.needs(rendition.bitrate_bps)
