"""One track on its way to one viewer: numbering, and its answers to NACK, PLI and receiver reports."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.clock import Clock
from gateway.rtp.rtcp import goodbye, middle_bits, ntp_timestamp, sender_report
from gateway.rtp.sequence import SequenceMap
from gateway.rtp.stream import RtpFrame, RtpTrack
from gateway.rtp.templates import PacketClass, Run, retransmission, retransmission_size
from gateway.webrtc.budget import Budget
from gateway.webrtc.congestion import REPEATS_SHARE, DelayMeter, LossMeter, Reported
from gateway.webrtc.playout import PlayoutDelay
from gateway.webrtc.wire import Wire

_RTX_BURST_BYTES: Final = 192 * 1024
_RTX_FRESH_BYTES: Final = 32 * 1024
_MAX_NACKED: Final = 512
"""Packets of one NACK that are looked up; a viewer that misses more needs a keyframe."""

_NACKED_PER_S: Final = 4000
_NACKED_AT_ONCE: Final = 4 * _MAX_NACKED
"""Packets looked up for one viewer, whatever it asks for: several times what its share of repeats can answer."""

ESTIMATE_LIFE_S: Final = 5.0
"""A REMB says nothing about the link any more after this long."""

_PICTURE_LOSS_INTERVAL_S: Final = 0.5
_REFUSAL_INTERVAL_S: Final = 0.1
"""A keyframe that may not go again is not looked up for each of a viewer's requests: there may be thousands."""


@dataclass(slots=True)
class TrackCounters:
    """What one track of a viewer was sent and said.  `octets` are of payloads alone (RFC 3550 section 6.4.1)."""

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


class Listener(Protocol):
    """Whom a track tells what its viewer says, at monotonic second `now`."""

    def reported(self, link: Reported, now: float) -> None:
        """What the viewer reported, about once a second."""

    def missed(self, now: float) -> None:
        """The viewer asked for packets again."""

    def wants_repeats(self) -> None:
        """There are packets to be sent again, as soon as the pace allows."""


class ViewerTrack:
    """Implements the peer's `Feedback`."""

    listener: Listener | None = None

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
        self._retransmits = rtx is not None
        self._rtx_number = first_number
        self._rtx_allowance: float = _RTX_BURST_BYTES
        self.repeats: dict[int, tuple[RtpFrame, int]] = {}
        """What is to be sent again, by the number the viewer knows it by; its size is off the allowance already."""
        self._numbers = SequenceMap(first_number)
        self._wire = wire
        self._clock = clock
        self._keyframe = keyframe
        self._keyframe_due_at = float("-inf")
        self._loss = LossMeter()
        self._delay = DelayMeter()
        self._lookups = Budget(per_s=_NACKED_PER_S, at_once=_NACKED_AT_ONCE, now=clock.monotonic())
        self._estimated_at = float("-inf")
        self._reports: deque[tuple[int, float]] = deque(maxlen=8)

    def send(self, run: Run, begin: int, end: int) -> None:
        """Send the packets from `begin` up to before `end` of a run."""
        count = end - begin
        sent = self._wire.send_run(run, begin, end, self._numbers.assign(run.first_index + begin, count))
        counters = self.counters
        counters.packets += count
        counters.octets += run.payload_bytes if count == len(run.sizes) else run.payload_size(begin, end)
        allowance = self._rtx_allowance + sent * REPEATS_SHARE
        self._rtx_allowance = min(_RTX_BURST_BYTES, allowance)

    def tell_delay(self, delay: PlayoutDelay) -> None:
        """Tell the player so from the next packet on, where its browser knows the header extension.

        Packets keep their size, so a frame that has been sent in part goes on.
        """
        if self.packet_class.playout_delay_id:
            self.packet_class = self.packet_class._replace(min_delay=delay.least, max_delay=delay.most)
        if self._rtx is not None and self._rtx.playout_delay_id:
            self._rtx = self._rtx._replace(min_delay=delay.least, max_delay=delay.most)

    def follow(self, track: RtpTrack, keyframe: Callable[[], RtpFrame | None]) -> None:
        """Go on with the packets of another rendition, under the next numbers; the old one's are repeated no more."""
        self._track = track
        self._keyframe = keyframe
        self.repeats.clear()
        # A link that was too narrow has used up the share of repeats, and the first keyframe must get through.
        self._rtx_allowance = max(self._rtx_allowance, _RTX_FRESH_BYTES)

    # Repeats.

    def let_retransmit(self, *, allowed: bool) -> None:
        """Answer NACK and PLI from now on, or no more."""
        self._retransmits = allowed and self._rtx is not None
        if not allowed:
            self.repeats.clear()

    @property
    def next_repeat_size(self) -> int:
        """Bytes of the packet that is to be sent again next, without its tag; 0 when there is none."""
        if not self.repeats or self._rtx is None:
            return 0
        frame, place = next(iter(self.repeats.values()))
        return retransmission_size(frame, place, self._rtx)

    def repeat(self) -> None:
        """Send the next packet that is to be sent again."""
        if not self.repeats or self._rtx is None:
            return
        number = next(iter(self.repeats))
        frame, place = self.repeats.pop(number)
        packet = retransmission(
            frame, place, self._rtx, original_sequence_number=number, sequence_number=self._rtx_number
        )
        self._rtx_number += 1
        if self._wire.send_packet(packet):
            self.counters.retransmitted += 1

    def on_nack(self, sequence_numbers: list[int]) -> None:
        """Answer by RTX what this viewer was really sent and the history still holds, as far as its share goes."""
        self.counters.nacked += len(sequence_numbers)
        now = self._clock.monotonic()
        if self.listener is not None:
            self.listener.missed(now)
        if not self._retransmits:
            return
        for asked in sequence_numbers[: self._lookups.take(min(_MAX_NACKED, len(sequence_numbers)), now)]:
            number = self._numbers.extend(asked)
            index = self._numbers.index_of(asked)
            found = self._track.find(index) if index is not None else None
            if found is not None and not self._queue_repeats([(number, *found)]):
                break

    def _queue_repeats(self, wanted: Iterable[tuple[int, RtpFrame, int]]) -> bool:
        """Queue all of these packets if the allowance covers them all; False when it does not."""
        rtx = self._rtx
        if rtx is None:
            return False
        # A packet asked for again before its turn has come goes out once.
        fresh = {number: (frame, place) for number, frame, place in wanted if number not in self.repeats}
        size = sum(retransmission_size(frame, place, rtx) for frame, place in fresh.values())
        if size > self._rtx_allowance:
            return False
        self._rtx_allowance -= size
        self.repeats |= fresh
        if fresh and self.listener is not None:
            self.listener.wants_repeats()
        return True

    def on_picture_loss(self) -> None:
        """Repeat the newest keyframe by RTX if it may go whole: part of it would only delay the next one.

        A camera can't be asked for another (PyAV has no way to).
        """
        self.counters.picture_losses += 1
        now = self._clock.monotonic()
        if not self._retransmits or now < self._keyframe_due_at:
            return
        self._keyframe_due_at = now + _REFUSAL_INTERVAL_S
        frame = self._keyframe()
        if frame is None or self._numbers.number_of(frame.first_index) is None:
            return
        wanted = []
        for place in range(len(frame.payloads)):
            # What has not been sent yet is on its way anyway.
            number = self._numbers.number_of(frame.first_index + place)
            if number is not None:
                wanted.append((number, frame, place))
        if self._queue_repeats(wanted):
            self._keyframe_due_at = now + _PICTURE_LOSS_INTERVAL_S

    # Reports.

    def on_report(self, *, lost: int, highest: int, jitter: int, last_report: int, delay: int) -> None:
        """Learn loss, jitter and round-trip time (RFC 3550 section 6.4.1)."""
        counters = self.counters
        counters.jitter = jitter
        now = self._clock.monotonic()
        for sent_as, sent_at in self._reports:
            if sent_as == last_report and last_report:
                counters.rtt_s = max(0.0, now - sent_at - delay / 65536)
                self._delay.measure(counters.rtt_s, now)
        lost_fraction = self._loss.measure(lost=lost, highest=highest, now=now)
        if lost_fraction is None:
            return
        counters.lost_fraction = lost_fraction
        if self.listener is not None:
            known = now - self._estimated_at <= ESTIMATE_LIFE_S
            estimate_bps = counters.estimate_bps if known else None
            self.listener.reported(Reported(lost_fraction, self._delay.queueing_s, estimate_bps), now)

    def on_estimate(self, bitrate_bps: int) -> None:
        """Learn the viewer's REMB."""
        self.counters.estimate_bps = bitrate_bps
        self._estimated_at = self._clock.monotonic()

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
