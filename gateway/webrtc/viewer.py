"""One viewer's queue: all its tracks in their common order, sent as fast as its pace and its link allow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final

from gateway.media.units import StreamInfo, TrackKind
from gateway.rtp.stream import RtpFrame
from gateway.rtp.templates import PacketClass, Run, lay_out
from gateway.webrtc.pacing import Pace
from gateway.webrtc.track import ViewerTrack

_MAX_BACKLOG_BYTES: Final = 12 << 20
_QUANTUM_BYTES: Final = 64 * 1024
"""What one viewer sends before the next has its turn."""

LayOut = Callable[[PacketClass], tuple[Run, ...]]


class Progress(Enum):
    """How far a viewer's queue got."""

    DONE = 0
    MORE = 1
    PACED = 2


class Viewer:
    """Belongs to one broadcast; everything happens on the event loop's thread."""

    def __init__(self, tracks: dict[TrackKind, ViewerTrack], pace: Pace) -> None:
        self.tracks = tracks
        self.pace = pace
        self.queued = False
        """Whether its broadcast has it in line already."""
        self._backlog: deque[tuple[ViewerTrack, Run, int]] = deque()
        self._backlog_bytes = 0
        self._waiting_for_keyframe = True
        self._silent: frozenset[TrackKind] = frozenset()
        self._keyframes_only = False

    def match(self, stream: StreamInfo) -> None:
        """Learn the camera's tracks: one whose codec is no longer what was negotiated stays silent."""
        # B-frames come in an order that WebRTC's players can't show.
        video = stream.video if stream.video is not None and not stream.video.b_frames else None
        codecs = {
            TrackKind.VIDEO: video.codec if video else None,
            TrackKind.AUDIO: stream.audio.codec if stream.audio else None,
        }
        self._silent = frozenset(kind for kind, track in self.tracks.items() if codecs[kind] != track.codec)

    def relieve(self, *, keyframes_only: bool) -> None:
        """Send keyframes only, over a link that loses too much, or everything again."""
        self._keyframes_only = keyframes_only
        for track in self.tracks.values():
            track.retransmits = not keyframes_only
        if keyframes_only:
            self._waiting_for_keyframe = True

    def offer(self, kind: TrackKind, frame: RtpFrame, runs: LayOut) -> bool:
        """Queue a frame unless this viewer has to skip it; `runs` lays it out for a class, shared by viewers."""
        track = self.tracks.get(kind)
        if track is None or kind in self._silent:
            return False
        if kind is TrackKind.VIDEO and not self._wants(track, frame):
            track.counters.skipped_frames += 1
            return False
        if self._backlog_bytes + frame.size > _MAX_BACKLOG_BYTES:
            self.drop_to_keyframe()
            track.counters.skipped_frames += 1
            return False
        for run in runs(track.packet_class):
            self._backlog.append((track, run, 0))
            self._backlog_bytes += len(run.data)
        return True

    def _wants(self, track: ViewerTrack, frame: RtpFrame) -> bool:
        if track.congested:
            # What can't leave now would only be late: go on with the next keyframe that finds the way free.
            self.drop_to_keyframe()
            return False
        if frame.keyframe:
            self._waiting_for_keyframe = self._keyframes_only
            return True
        return not self._waiting_for_keyframe

    def drop_to_keyframe(self) -> None:
        """Forget what waits and go on with the next keyframe; the gap in the numbers closes by itself."""
        self._backlog.clear()
        self._backlog_bytes = 0
        self._waiting_for_keyframe = True

    def pump(self, now: float) -> Progress:
        """Send of what waits as much as the pace allows at monotonic second `now`, at most a quantum."""
        backlog, pace = self._backlog, self.pace
        pace.advance(now, bursting=self._backlog_bytes > _QUANTUM_BYTES)
        budget = _QUANTUM_BYTES
        while backlog:
            if budget <= 0:
                return Progress.MORE
            track, run, begin = backlog[0]
            if track.congested:
                # Nothing is numbered that can't leave; the next picture offered decides whether to go on or skip.
                return Progress.PACED
            end = min(len(run.sizes), begin + pace.packets(run.stride))
            if end <= begin:
                return Progress.PACED
            track.send(run, begin, end)
            size = (end - begin) * run.stride
            pace.spend(size)
            budget -= size
            if end == len(run.sizes):
                backlog.popleft()
                self._backlog_bytes -= len(run.data) - begin * run.stride
            else:
                backlog[0] = (track, run, end)
                self._backlog_bytes -= size
        return Progress.DONE


def lay_out_cached(frame: RtpFrame) -> LayOut:
    """A layout of `frame` that is made once per class, however many viewers ask."""
    made: dict[PacketClass, tuple[Run, ...]] = {}

    def runs(packet_class: PacketClass) -> tuple[Run, ...]:
        found = made.get(packet_class)
        if found is None:
            found = made[packet_class] = lay_out(frame, packet_class)
        return found

    return runs
