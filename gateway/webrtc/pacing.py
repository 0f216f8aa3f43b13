"""How fast a burst (a group of pictures, a large keyframe) may go to one viewer (pure)."""

from __future__ import annotations

from typing import Final

INITIAL_RATE_BPS: Final = 18_000_000
"""Rate of a new viewer's first burst: a 20 Mb/s line with a 64 KiB queue takes it without loss, headers included."""

MAX_RATE_BPS: Final = 400_000_000
DOUBLING_S: Final = 0.1
"""While a burst runs over a link that has proved clean its rate doubles in this time."""

CLEAN_LOSS: Final = 0.01
"""A second with less loss than this proves a link clean."""

REPEATED_LOSS: Final = 0.10
"""Two seconds in a row with more loss than this show that even the rate of a first burst is too much."""

HEADROOM: Final = 4.0
"""A camera's viewers begin at no less than this multiple of its bitrate."""

LEAST_HEADROOM: Final = 1.2
"""And are never paced below this multiple of it: more would be waiting with every frame."""

UNPACED_BYTES: Final = 32 * 1024
"""What may leave at once: ordinary frames are never held back."""

PACE_S: Final = 0.005
"""How often those who wait for their pace are looked at again."""

REST_S: Final = 0.3
_BACK_OFF_S: Final = 0.2
_RECOVERY: Final = 1.5


class Pace:
    """A token bucket whose rate halves when the viewer misses packets, and grows while a burst gets through.

    It does not grow before a report has shown the link clean: a queue overflows long before its viewer can say so.
    Misses alone lower it to where it began; seconds of heavy loss lower it to what the camera needs.

    Times are monotonic seconds; sizes bytes.
    """

    def __init__(self, now: float, *, stream_bps: int = 0) -> None:
        self._start_bps = self._least_bps = float(INITIAL_RATE_BPS)
        self._rate_bps = 0.0
        self.needs(stream_bps)
        self._rate_bps = self._start_bps
        self._credit = float(UNPACED_BYTES)
        self._at = now
        self._proved = False
        self._lossy_reports = 0
        self._backed_off_at = float("-inf")

    @property
    def rate_bps(self) -> float:
        """Rate of a burst now."""
        return self._rate_bps

    def needs(self, stream_bps: int) -> None:
        """Learn the camera's bitrate as it is now; 0 while it is unknown, which keeps the rate where it began."""
        if stream_bps <= 0:
            return
        self._start_bps = max(float(INITIAL_RATE_BPS), HEADROOM * stream_bps)
        self._least_bps = LEAST_HEADROOM * stream_bps
        self._rate_bps = max(self._rate_bps, self._least_bps)

    def rest(self, bitrate_bps: float) -> None:
        """Pause for as long as it takes a link that has been overfilled to empty its queue, then go on at this rate."""
        self._rate_bps = min(self._rate_bps, bitrate_bps)
        self._credit = -REST_S * self._rate_bps / 8

    def advance(self, now: float, *, bursting: bool) -> None:
        """Let time pass: credit grows, and while a burst is under way so does the rate."""
        elapsed = now - self._at
        if elapsed <= 0:
            return
        self._at = now
        if bursting and self._proved:
            self._rate_bps = min(MAX_RATE_BPS, self._rate_bps * 2 ** (min(elapsed, DOUBLING_S) / DOUBLING_S))
        bytes_per_s = self._rate_bps / 8
        credit = self._credit + elapsed * bytes_per_s
        if credit > UNPACED_BYTES:
            # At higher rates more may leave at once: what the pace is worth from one look to the next, twice.
            credit = min(credit, max(UNPACED_BYTES, bytes_per_s * 2 * PACE_S))
        self._credit = credit

    def take(self, stride: int, most: int, *, least: int = 1) -> int:
        """Spend credit for up to `most` packets of `stride` bytes: as many as may leave now, 0 when less than `least`.

        `least` may be more than `most`, which is enough then.
        """
        credit = self._credit
        if credit >= most * stride:
            self._credit = credit - most * stride
            return most
        count = int(credit // stride)
        if count < least:
            return 0
        self._credit = credit - count * stride
        return count

    def spend(self, size: int) -> None:
        """Account for `size` bytes sent all the same."""
        self._credit -= size

    def reported(self, lost_fraction: float) -> None:
        """Learn what part of a second's packets was lost (0…1)."""
        self._proved = lost_fraction < CLEAN_LOSS
        if self._proved and self._rate_bps < self._start_bps:
            self._rate_bps = min(self._start_bps, self._rate_bps * _RECOVERY)
        self._lossy_reports = self._lossy_reports + 1 if lost_fraction > REPEATED_LOSS else 0
        if self._lossy_reports > 1:
            self._rate_bps = max(self._least_bps, self._rate_bps / 2)

    def missed(self, now: float) -> None:
        """The viewer misses packets: half the rate, at most once in 0.2 s, not below where it began."""
        if now - self._backed_off_at >= _BACK_OFF_S:
            self._backed_off_at = now
            self._rate_bps = max(min(self._start_bps, self._rate_bps), self._rate_bps / 2)
