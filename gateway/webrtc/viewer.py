"""One viewer's side of the fan-out: numbering, encryption, sending, and its answers to NACK and PLI."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.clock import Clock
from gateway.media.units import StreamInfo, TrackKind
from gateway.rtp.rtcp import goodbye, middle_bits, ntp_timestamp, sender_report
from gateway.rtp.sequence import SequenceMap
from gateway.rtp.stream import RtpFrame, RtpTrack
from gateway.rtp.templates import PacketClass, Run, lay_out, retransmission
from gateway.webrtc.pacing import Pace
from gateway.webrtc.wire import Wire

RTX_SHARE = 0.25
"""Retransmissions may take this part of what a viewer is sent."""

_RTX_BURST_BYTES = 64 * 1024
_PICTURE_LOSS_INTERVAL_S = 0.5
_MAX_BACKLOG_BYTES = 12 << 20


@dataclass(slots=True)
class TrackCounters:
    """What one track of a viewer was sent and said."""

    packets: int = 0
    octets: int = 0
    retransmitted: int = 0
    nacked: int = 0
    picture_losses: int = 0
    skipped_frames: int = 0
    lost_fraction: float = 0.0
    jitter: int = 0
    rtt_s: float | None = None
    estimate_bps: int | None = None


class ViewerTrack:
    """One track on its way to one viewer.  Implements the peer's `Feedback`."""

    def __init__(  # noqa: PLR0913  all keyword-only but the first two
        self,
        track: RtpTrack,
        packet_class: PacketClass,
        *,
        codec: str,
        rtx: PacketClass | None,
        first_number: int,
        wire: Wire,
        clock: Clock,
        keyframe: Callable[[], RtpFrame | None],
    ) -> None:
        self.packet_class = packet_class
        self.codec = codec
        self.counters = TrackCounters()
        self._track = track
        self._rtx = rtx
        self._rtx_number = first_number
        self._rtx_allowance = float(_RTX_BURST_BYTES)
        self._numbers = SequenceMap(first_number)
        self._wire = wire
        self._clock = clock
        self._keyframe = keyframe
        self._last_picture_loss = float("-inf")
        self._reports: deque[tuple[int, float]] = deque(maxlen=8)

    def send(self, run: Run, begin: int, end: int) -> int:
        """Send the packets from `begin` up to before `end` of a run; returns the bytes that took the way."""
        count = end - begin
        number = self._numbers.assign(run.first_index + begin, count)
        sent = self._wire.send_run(run, begin, end, number=number)
        self.counters.packets += count
        self.counters.octets += sum(run.sizes[begin:end])
        self._rtx_allowance = min(self._rtx_allowance + sent * RTX_SHARE, _RTX_BURST_BYTES)
        return sent

    def skip(self) -> None:
        """Count a frame this viewer is not sent; the gap in its numbers closes by itself."""
        self.counters.skipped_frames += 1

    def on_nack(self, sequence_numbers: list[int]) -> None:
        """Answer by RTX what this viewer was really sent and the history still holds."""
        self.counters.nacked += len(sequence_numbers)
        for number in sequence_numbers:
            index = self._numbers.index_of(number)
            found = self._track.find(index) if index is not None else None
            if found is not None:
                self._retransmit(*found, original_number=number)

    def _retransmit(self, frame: RtpFrame, place: int, *, original_number: int) -> None:
        if self._rtx is None:
            return
        packet = retransmission(
            frame, place, self._rtx, original_sequence_number=original_number, sequence_number=self._rtx_number
        )
        size = len(packet)
        if size > self._rtx_allowance:
            return
        self._rtx_allowance -= size
        self._rtx_number += 1
        if self._wire.send_packet(packet):
            self.counters.retransmitted += 1

    def on_picture_loss(self) -> None:
        """Repeat the newest keyframe by RTX; a camera can't be asked for another (PyAV has no way to)."""
        self.counters.picture_losses += 1
        now = self._clock.monotonic()
        if now - self._last_picture_loss < _PICTURE_LOSS_INTERVAL_S:
            return
        frame = self._keyframe()
        if frame is None:
            return
        number = self._numbers.number_of(frame.first_index)
        if number is None:
            return
        self._last_picture_loss = now
        for place in range(len(frame.payloads)):
            self._retransmit(frame, place, original_number=number + place)

    def on_report(self, *, lost_fraction: float, jitter: int, last_report: int, delay: int) -> None:
        """Learn loss, jitter and round-trip time (RFC 3550 section 6.4.1)."""
        self.counters.lost_fraction = lost_fraction
        self.counters.jitter = jitter
        now = self._clock.monotonic()
        for sent_as, sent_at in self._reports:
            if sent_as == last_report and last_report:
                self.counters.rtt_s = max(0.0, now - sent_at - delay / 65536)

    def on_estimate(self, bitrate_bps: int) -> None:
        """Learn the viewer's REMB."""
        self.counters.estimate_bps = bitrate_bps

    def report(self, *, rtp_timestamp: int, at: float, cname: str) -> None:
        """Send a sender report that says `rtp_timestamp` was captured at unix second `at`."""
        ntp = ntp_timestamp(at)
        self._reports.append((middle_bits(ntp), self._clock.monotonic()))
        self._wire.send_rtcp(
            sender_report(
                ssrc=self.packet_class.ssrc,
                ntp=ntp,
                rtp_timestamp=rtp_timestamp,
                packets=self.counters.packets,
                octets=self.counters.octets,
                cname=cname,
            )
        )

    def goodbye(self) -> None:
        """Say BYE for this track and its retransmissions."""
        ssrcs = [self.packet_class.ssrc] + ([self._rtx.ssrc] if self._rtx else [])
        self._wire.send_rtcp(goodbye(*ssrcs))

    def set_playout_delay(self, *, min_delay: int, max_delay: int) -> None:
        """Ask the viewer for another playout delay (units of 10 ms) from the next frame on."""
        self.packet_class = replace(self.packet_class, min_delay=min_delay, max_delay=max_delay)


class Viewer:
    """All tracks of one viewer in their common order, paced when there is much to send at once."""

    def __init__(self, tracks: dict[TrackKind, ViewerTrack], pace: Pace) -> None:
        self.tracks = tracks
        self.started = False
        self._pace = pace
        self._backlog: deque[tuple[ViewerTrack, Run, int]] = deque()
        self._backlog_bytes = 0
        self._waiting_for_keyframe = True
        self._silent: frozenset[TrackKind] = frozenset()

    def match(self, stream: StreamInfo) -> None:
        """Learn the camera's tracks: one whose codec is no longer what was negotiated stays silent."""
        codecs = {
            TrackKind.VIDEO: stream.video.codec if stream.video else None,
            TrackKind.AUDIO: stream.audio.codec if stream.audio else None,
        }
        self._silent = frozenset(kind for kind, track in self.tracks.items() if codecs[kind] != track.codec)

    @property
    def has_backlog(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._backlog)

    def offer(
        self, kind: TrackKind, frame: RtpFrame, runs: Callable[[PacketClass], tuple[Run, ...]], *, now: float
    ) -> None:
        """Send a frame, or queue it behind what still waits; `runs` lays it out for a class, shared by viewers."""
        track = self.tracks.get(kind)
        if track is None or kind in self._silent:
            return
        if kind is TrackKind.VIDEO:
            if self._waiting_for_keyframe and not frame.keyframe:
                track.skip()
                return
            self._waiting_for_keyframe = False
        laid_out = runs(track.packet_class)
        if not self._backlog:
            self._pace.advance(now, bursting=False)
            if self._pace.allows(frame.size):
                for run in laid_out:
                    self._pace.spend(track.send(run, 0, len(run.sizes)))
                return
        if self._backlog_bytes + frame.size > _MAX_BACKLOG_BYTES:
            self.drop_to_keyframe()
            track.skip()
            return
        for run in laid_out:
            self._backlog.append((track, run, 0))
            self._backlog_bytes += len(run.data)

    def drop_to_keyframe(self) -> None:
        """Forget what waits and go on with the next keyframe."""
        self._backlog.clear()
        self._backlog_bytes = 0
        self._waiting_for_keyframe = True

    def pump(self, now: float) -> None:
        """Send of what waits as much as the pace allows at monotonic second `now`."""
        self._pace.advance(now, bursting=True)
        while self._backlog:
            track, run, begin = self._backlog[0]
            packets = self._pace.packets(run.stride)
            if packets <= 0:
                return
            end = min(len(run.sizes), begin + packets)
            sent = track.send(run, begin, end)
            self._pace.spend(sent)
            self._backlog_bytes -= (end - begin) * run.stride
            if end == len(run.sizes):
                self._backlog.popleft()
            else:
                self._backlog[0] = (track, run, end)
        self._backlog_bytes = 0


def lay_out_cached(frame: RtpFrame) -> Callable[[PacketClass], tuple[Run, ...]]:
    """A layout of `frame` that is made once per class, however many viewers ask."""
    made: dict[PacketClass, tuple[Run, ...]] = {}

    def runs(packet_class: PacketClass) -> tuple[Run, ...]:
        found = made.get(packet_class)
        if found is None:
            found = made[packet_class] = lay_out(frame, packet_class)
        return found

    return runs
