"""One track on its way to one viewer: numbering, and its answers to NACK, PLI and receiver reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.clock import Clock
from gateway.rtp.rtcp import goodbye, middle_bits, ntp_timestamp, sender_report
from gateway.rtp.sequence import SequenceMap
from gateway.rtp.stream import RtpFrame, RtpTrack
from gateway.rtp.templates import PacketClass, Run, retransmission
from gateway.webrtc.congestion import LossMeter
from gateway.webrtc.wire import Wire

RTX_SHARE: Final = 0.25
"""Retransmissions may take this part of what a viewer is sent."""

_RTX_BURST_BYTES: Final = 192 * 1024
_MAX_NACKED: Final = 512
"""Packets of one NACK that are looked up; a viewer that misses more needs a keyframe."""

_MIN_PACKET_BYTES: Final = 64
_PICTURE_LOSS_INTERVAL_S: Final = 0.5


@dataclass(slots=True)
class TrackCounters:
    """What one track of a viewer was sent and said.  Bytes without headers of IP and UDP."""

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


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom a track tells what the viewer reports."""

    loss: Callable[[float], None]
    """The part of the packets lost, 0…1, about once a second."""
    missed: Callable[[], None]
    """The viewer asked for packets again."""
    resent: Callable[[int], None]
    """This many bytes went out again; they count towards the viewer's pace."""


class ViewerTrack:
    """Implements the peer's `Feedback`."""

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
        listeners: Listeners,
    ) -> None:
        self.packet_class = packet_class
        self.codec = codec
        self.counters = TrackCounters()
        self.retransmits = True
        self._track = track
        self._rtx = rtx
        self._rtx_number = first_number
        self._rtx_allowance = float(_RTX_BURST_BYTES)
        self._numbers = SequenceMap(first_number)
        self._wire = wire
        self._clock = clock
        self._keyframe = keyframe
        self._listeners = listeners
        self._last_picture_loss = float("-inf")
        self._loss = LossMeter()
        self._reports: deque[tuple[int, float]] = deque(maxlen=8)

    @property
    def congested(self) -> bool:
        """Whether the way to the viewer is full."""
        return self._wire.congested

    def send(self, run: Run, begin: int, end: int) -> None:
        """Send the packets from `begin` up to before `end` of a run."""
        number = self._numbers.assign(run.first_index + begin, end - begin)
        sent = self._wire.send_run(run, begin, end, number=number)
        counters = self.counters
        counters.packets += end - begin
        counters.octets += (end - begin) * (run.stride - self.packet_class.tag_size)
        self._rtx_allowance = min(self._rtx_allowance + sent * RTX_SHARE, _RTX_BURST_BYTES)

    def on_nack(self, sequence_numbers: list[int]) -> None:
        """Answer by RTX what this viewer was really sent and the history still holds."""
        self.counters.nacked += len(sequence_numbers)
        self._listeners.missed()
        if self._rtx is None or not self.retransmits:
            return
        for number in sequence_numbers[:_MAX_NACKED]:
            if self._rtx_allowance < _MIN_PACKET_BYTES:
                return
            index = self._numbers.index_of(number)
            found = self._track.find(index) if index is not None else None
            if found is not None:
                self._retransmit(*found, original_number=number)

    def _retransmit(self, frame: RtpFrame, place: int, *, original_number: int) -> None:
        if self._rtx is None or not self.retransmits:
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
            self._listeners.resent(size)

    def on_picture_loss(self) -> None:
        """Repeat the newest keyframe by RTX; a camera can't be asked for another (PyAV has no way to)."""
        self.counters.picture_losses += 1
        now = self._clock.monotonic()
        if now - self._last_picture_loss < _PICTURE_LOSS_INTERVAL_S:
            return
        frame = self._keyframe()
        if frame is None or self._numbers.number_of(frame.first_index) is None:
            return
        self._last_picture_loss = now
        for place in range(len(frame.payloads)):
            # Part of it may not have been sent yet, or never will be.
            number = self._numbers.number_of(frame.first_index + place)
            if number is not None:
                self._retransmit(frame, place, original_number=number)

    def on_report(self, *, lost: int, highest: int, jitter: int, last_report: int, delay: int) -> None:
        """Learn loss, jitter and round-trip time (RFC 3550 section 6.4.1)."""
        self.counters.jitter = jitter
        now = self._clock.monotonic()
        for sent_as, sent_at in self._reports:
            if sent_as == last_report and last_report:
                self.counters.rtt_s = max(0.0, now - sent_at - delay / 65536)
        lost_fraction = self._loss.measure(lost=lost, highest=highest, now=now)
        if lost_fraction is not None:
            self.counters.lost_fraction = lost_fraction
            self._listeners.loss(lost_fraction)

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
