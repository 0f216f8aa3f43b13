"""One viewer's queue: all its tracks in their common order, sent as fast as its pace and its link allow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final

from gateway.media.units import StreamInfo, TrackKind
from gateway.rtp.shared import SharedFrame
from gateway.rtp.stream import RtpFrame, RtpTrack
from gateway.webrtc.congestion import LinkGate, Reported
from gateway.webrtc.pacing import Pace
from gateway.webrtc.playout import PlayoutDelay
from gateway.webrtc.renditions import Rendition, RenditionChoice
from gateway.webrtc.track import ViewerTrack
from gateway.webrtc.wire import Wire

_MAX_BACKLOG_BYTES: Final = 12 << 20
_QUANTUM_BYTES: Final = 64 * 1024
"""What one viewer sends before the next has its turn."""

_BATCH_PACKETS: Final = 8
"""What waits for its pace leaves in no smaller pieces: a system call for each packet costs more than the packet."""


def _nothing(_: object = None) -> None:
    """What nobody asked to be told."""


class Progress(Enum):
    """How far a viewer's queue got."""

    DONE = 0
    MORE = 1
    PACED = 2


# An enumeration's members are looked up slowly, and these are needed for every viewer and frame.
_DONE, _MORE, _PACED = Progress.DONE, Progress.MORE, Progress.PACED


class Viewer:
    """Belongs to one broadcast; everything happens on the event loop's thread.  Listens to its video track.

    `moved` is told when the link has become too bad for anything but keyframes (True) and when it is good again;
    `switched` which rendition it is sent from now on.  `choice` is None where there is but one.
    """

    def __init__(
        self,
        tracks: dict[TrackKind, ViewerTrack],
        wire: Wire,
        pace: Pace,
        *,
        moved: Callable[[bool], None] = _nothing,
        choice: RenditionChoice | None = None,
        switched: Callable[[Rendition], None] = _nothing,
    ) -> None:
        self.tracks = tracks
        self.pace = pace
        self.queued = False
        """Whether its broadcast has it in line already."""
        self.wake: Callable[[], None] = _nothing
        """Puts it in line; its broadcast sets this."""
        self.began_to_move: Callable[[], None] = _nothing
        """Tells its broadcast, which sets this, that steps are due from now on."""
        self._wire = wire
        self._moved = moved
        self._choice = choice
        self._switched = switched
        self.wants: Callable[[Rendition], None] = _nothing
        """Asks its broadcast, which sets this, for another rendition."""
        self._gate = LinkGate()
        self._delay = PlayoutDelay()
        self._need_bps = 0
        self._video = tracks.get(TrackKind.VIDEO)
        if self._video is not None:
            self._video.listener = self
        self._backlog: deque[tuple[ViewerTrack, SharedFrame]] = deque()
        self._backlog_bytes = 0
        # Where the first frame of the backlog goes on: which of its runs, and which packet of that.
        self._run = 0
        self._begin = 0
        self._waiting_for_keyframe = True
        self._silent: frozenset[TrackKind] = frozenset()

    def match(self, stream: StreamInfo) -> None:
        """Learn the camera's tracks: one whose codec is no longer what was negotiated stays silent."""
        # B-frames come in an order that WebRTC's players can't show.
        video = stream.video if stream.video is not None and not stream.video.b_frames else None
        codecs = {
            TrackKind.VIDEO: video.codec if video else None,
            TrackKind.AUDIO: stream.audio.codec if stream.audio else None,
        }
        self._silent = frozenset(kind for kind, track in self.tracks.items() if codecs[kind] != track.codec)

    def aim(self, delay_s: float) -> None:
        """Let the player move to so far behind, step by step."""
        self._delay.aim(delay_s)
        if self.moving:
            self.began_to_move()

    @property
    def moving(self) -> bool:
        """Whether the player is not yet as far behind as it is to be."""
        return self._video is not None and self._delay.moving

    def step_delay(self, now: float) -> None:
        """Take the next step, if one is due at monotonic second `now`."""
        if self._video is not None and self._delay.step(now):
            self._video.tell_delay(self._delay)

    def needs(self, bitrate_bps: int) -> None:
        """Learn what the camera's video takes; 0 while that is unknown."""
        self._need_bps = bitrate_bps
        self.pace.needs(bitrate_bps)

    # Renditions.

    @property
    def rendition(self) -> Rendition:
        """What it is sent of the camera."""
        return Rendition.MAIN if self._choice is None else self._choice.current

    @property
    def carried_bps(self) -> float:
        """What its link carried when it was found too narrow; 0 while that is not known."""
        return 0.0 if self._choice is None else self._choice.carried_bps

    def follow(self, track: RtpTrack, keyframe: Callable[[], RtpFrame | None], now: float) -> None:
        """Go on with the rendition that was asked for, whose next frame is a keyframe."""
        if self._choice is None or self._video is None:
            return
        self._choice.arrived(now)
        self._gate.forget()
        self._video.follow(track, keyframe)
        if self.rendition is Rendition.SUBSTREAM:
            # What waits of the main stream would only hold it up.
            self.drop_to_keyframe()
            if self.carried_bps:
                self.pace.rest(self.carried_bps)
        self._switched(self.rendition)

    def refuse_substream(self, now: float) -> None:
        """It can't be had (any more)."""
        if self._choice is not None:
            self._want(self._choice.refused(now))

    def _want(self, rendition: Rendition | None) -> None:
        if rendition is not None:
            self.wants(rendition)

    # What its video track hears.

    def reported(self, link: Reported, now: float) -> None:
        """Send keyframes only, over a link that carries too little, or everything again."""
        self.pace.reported(link.lost_fraction)
        choice = self._choice
        if choice is not None and not self._gate.closed:
            self._want(choice.report(link, now, need_bps=self._need_bps))
        may_close = choice is None or not choice.moving
        if not self._gate.report(link, now, need_bps=self._need_bps, may_close=may_close):
            return
        closed = self._gate.closed
        for track in self.tracks.values():
            track.let_retransmit(allowed=not closed)
        if closed:
            self._waiting_for_keyframe = True
        self._moved(closed)

    def missed(self, now: float) -> None:
        """Go slower."""
        self.pace.missed(now)

    def wants_repeats(self) -> None:
        """Get in line."""
        self.wake()

    # The queue.

    def offer(self, shared: SharedFrame, now: float) -> bool:
        """Queue a frame at monotonic second `now`, unless this viewer has to skip it."""
        track = self.tracks.get(shared.kind)
        if track is None or shared.kind in self._silent:
            return False
        if track is self._video:
            if self._wire.congested(now):
                # What can't leave now would only be late: go on with the next keyframe that finds the way free.
                self.drop_to_keyframe()
            elif shared.keyframe:
                self._waiting_for_keyframe = self._gate.closed
                return self._append(track, shared)
            if self._waiting_for_keyframe:
                track.counters.skipped_frames += 1
                return False
        return self._append(track, shared)

    def _append(self, track: ViewerTrack, shared: SharedFrame) -> bool:
        queued = self._backlog_bytes + shared.size
        if queued > _MAX_BACKLOG_BYTES:
            self.drop_to_keyframe()
            track.counters.skipped_frames += 1
            return False
        self._backlog.append((track, shared))
        self._backlog_bytes = queued
        return True

    def drop_to_keyframe(self) -> None:
        """Forget what waits and go on with the next keyframe; the gap in the numbers closes by itself."""
        self._backlog.clear()
        self._backlog_bytes = self._run = self._begin = 0
        self._waiting_for_keyframe = True

    def pump(self, now: float) -> Progress:
        """Send of what waits as much as the pace allows at monotonic second `now`, at most a quantum."""
        backlog, pace, wire = self._backlog, self.pace, self._wire
        pace.advance(now, bursting=self._backlog_bytes > _QUANTUM_BYTES)
        budget = _QUANTUM_BYTES
        video = self._video
        if video is not None and video.repeats:
            progress = self._repeat(video)
            if progress is not _DONE:
                return progress
        while backlog:
            track, shared = backlog[0]
            runs = shared.layouts.get(track.packet_class) or shared.lay_out(track.packet_class)
            while self._run < len(runs):
                if budget <= 0:
                    return _MORE
                if wire.blocked():
                    # Nothing is numbered that can't leave; the next picture decides whether to go on or skip.
                    return _PACED
                run, begin = runs[self._run], self._begin
                left = len(run.sizes) - begin
                count = pace.take(run.stride, left, least=_BATCH_PACKETS)
                if not count:
                    return _PACED
                track.send(run, begin, begin + count)
                budget -= count * run.stride
                if count == left:
                    self._run += 1
                    self._begin = 0
                else:
                    self._begin = begin + count
            backlog.popleft()
            self._backlog_bytes -= shared.size
            self._run = 0
        return _DONE

    def _repeat(self, video: ViewerTrack) -> Progress:
        """Send what is missing, before anything new and within a quantum of its own."""
        budget = _QUANTUM_BYTES
        while video.repeats:
            if budget <= 0:
                return _MORE
            size = video.next_repeat_size
            if self._wire.blocked() or not self.pace.take(size, 1):
                return _PACED
            video.repeat()
            budget -= size
        return _DONE
