"""A camera's substream inside its broadcast: for viewers whose link is too narrow for the main stream.

It is read while somebody is sent it or is about to be.  Its packets have the SSRC and the timeline of the main stream's
and numbers that the main stream never comes to, so that a viewer moves from one to the other with a keyframe, and only
its sequence numbers have to be made to follow each other.
"""

from __future__ import annotations

from typing import Final, Protocol

from gateway.clock import Clock
from gateway.media.units import AccessUnit, StreamInfo, TrackKind
from gateway.relay.camera import Camera
from gateway.relay.hub import Hub
from gateway.rtp.retiming import Retiming
from gateway.rtp.shared import SharedFrame
from gateway.rtp.stream import RtpFrame, RtpTrack
from gateway.source.status import CameraState, CameraStatus
from gateway.webrtc.viewer import Viewer

FIRST_INDEX: Final = 1 << 48
"""Where the numbers of its packets begin."""

_HOPELESS: Final = (CameraState.OFFLINE, CameraState.UNSUPPORTED)
_CLEARLY: Final = 0.9
"""It has to be smaller than this part of what the link carried."""


class MainBroadcast(Protocol):
    """What it needs of the broadcast it belongs to."""

    hub: Hub

    def send(self, audience: dict[Viewer, None], shared: SharedFrame) -> None:
        """Queue a frame for these viewers and begin to send it."""

    def spare(self, viewer: Viewer) -> None:
        """No more video of the main stream for this viewer."""


class SmallerRendition:
    """A sink of the substream's hub while there are viewers.  Belongs to the event loop's thread."""

    def __init__(self, camera: Camera, main: MainBroadcast, track: RtpTrack, *, clock: Clock) -> None:
        self.camera = camera
        self.track = track
        self._main = main
        self._clock = clock
        self._coming: dict[Viewer, None] = {}
        self._viewers: dict[Viewer, None] = {}
        self._retiming = Retiming()
        self._group: list[SharedFrame] = []

    def __contains__(self, viewer: object) -> bool:
        """Whether this is what the viewer is sent."""
        return viewer in self._viewers

    @property
    def bitrate_bps(self) -> int:
        """0 while it is unknown."""
        return self.camera.hub.bitrate_bps

    def keyframe(self) -> RtpFrame | None:
        """The newest keyframe, while its group is held."""
        return self._group[0].frame if self._group else None

    @property
    def group(self) -> list[SharedFrame]:
        """The group of pictures so far; empty when there is none that can be used."""
        if not self.camera.hub.gop.usable:
            self._group = []
        return self._group

    def expect(self, viewer: Viewer) -> None:
        """Let the viewer in with the next keyframe."""
        if viewer in self._viewers or viewer in self._coming:
            return
        if not self._viewers and not self._coming:
            self._retiming, self._group = Retiming(), []
            self.camera.hub.attach(self)
            self.camera.hub.events.on("status", self._status_changed)
        self._coming[viewer] = None
        self.camera.watch()

    def leave(self, viewer: Viewer) -> None:
        """Stop sending it, or waiting for it; harmless when it does neither."""
        if viewer not in self._viewers and viewer not in self._coming:
            return
        self._viewers.pop(viewer, None)
        self._coming.pop(viewer, None)
        self.camera.unwatch()
        if not self._viewers and not self._coming:
            self.camera.hub.detach(self)
            self.camera.hub.events.remove_listener("status", self._status_changed)
            self._group = []
            self.track.clear()

    # Sink.

    def on_unit(self, unit: AccessUnit) -> None:
        """Packetize once, hand to every viewer that is here, let in who waits for a keyframe."""
        newest = self._main.hub.last_video
        if unit.track is not TrackKind.VIDEO or newest is None:
            return
        lets_in = unit.keyframe and bool(self._coming)
        frame = self.track.push(self._retiming.place(unit, newest, ahead=lets_in))
        if frame is None:
            return
        shared = SharedFrame(TrackKind.VIDEO, frame)
        if frame.keyframe:
            self._group = [shared]
        elif self.group:
            self._group.append(shared)
        if lets_in:
            self._let_in()
        if self._viewers:
            self._main.send(self._viewers, shared)

    def on_stream(self, stream: StreamInfo) -> None:
        """Those who can't play what it sends now go back."""
        for viewer in tuple(self._viewers):
            if not _plays(viewer, stream):
                viewer.refuse_substream(self._clock.monotonic())

    def _let_in(self) -> None:
        now = self._clock.monotonic()
        for viewer in tuple(self._coming):
            if not self._helps(viewer):
                viewer.refuse_substream(now)
                continue
            del self._coming[viewer]
            self._viewers[viewer] = None
            self._main.spare(viewer)
            viewer.follow(self.track, self.keyframe, now)
            viewer.needs(self.bitrate_bps)

    def _helps(self, viewer: Viewer) -> bool:
        """Whether it can be played and is clearly smaller than what the viewer's link carried, as far as is known."""
        stream, carried_bps = self.camera.stream, viewer.carried_bps
        if stream is None or not _plays(viewer, stream):
            return False
        return not carried_bps or self.bitrate_bps < _CLEARLY * carried_bps

    def _status_changed(self, status: CameraStatus) -> None:
        """Where only the substream has failed, the main stream is what there is."""
        if status.state is CameraState.LIVE or self._main.hub.status.state is not CameraState.LIVE:
            return
        # Who waits for it can wait while it is being opened.
        waiting = self._coming if status.state in _HOPELESS else ()
        for viewer in (*self._viewers, *waiting):
            viewer.refuse_substream(self._clock.monotonic())


def _plays(viewer: Viewer, stream: StreamInfo) -> bool:
    video, track = stream.video, viewer.tracks.get(TrackKind.VIDEO)
    return video is not None and track is not None and video.codec == track.codec and not video.b_frames
