"""How fast a burst (a group of pictures, a large keyframe) may go to one viewer."""

from __future__ import annotations

INITIAL_RATE_BPS = 16_000_000
"""Rate of a new viewer's first burst: a 20 Mb/s line with a 64 KiB queue takes it without loss."""

MAX_RATE_BPS = 200_000_000
DOUBLING_S = 0.1
"""While a burst runs without a NACK its rate doubles in this time."""

UNPACED_BYTES = 32 * 1024
"""What may leave at once: ordinary frames are never held back."""

SLICE_S = 0.002


class Pace:
    """A token bucket whose rate grows while a burst gets through and halves when the viewer misses packets.

    Times are monotonic seconds; sizes bytes.
    """

    def __init__(self, now: float, *, rate_bps: float = INITIAL_RATE_BPS) -> None:
        self._rate_bps = rate_bps
        self._credit = float(UNPACED_BYTES)
        self._at = now

    @property
    def rate_bps(self) -> float:
        """Rate of a burst now."""
        return self._rate_bps

    def advance(self, now: float, *, bursting: bool) -> None:
        """Let time pass: credit grows, and while a burst is under way so does the rate."""
        elapsed = max(0.0, now - self._at)
        self._at = now
        if bursting:
            self._rate_bps = min(MAX_RATE_BPS, self._rate_bps * 2 ** (min(elapsed, DOUBLING_S) / DOUBLING_S))
        self._credit = min(self._credit + elapsed * self._rate_bps / 8, float(UNPACED_BYTES))

    def allows(self, size: int) -> bool:
        """Whether a frame of `size` bytes may leave at once."""
        return size <= self._credit

    def packets(self, stride: int) -> int:
        """How many packets of `stride` bytes may leave now."""
        return int(self._credit // stride)

    def spend(self, size: int) -> None:
        """Account for `size` bytes sent."""
        self._credit -= size

    def missed(self) -> None:
        """The viewer misses packets: half the rate."""
        self._rate_bps = max(INITIAL_RATE_BPS / 4, self._rate_bps / 2)
