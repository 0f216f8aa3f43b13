"""When a viewer's link is so bad that retransmissions make it worse (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HEAVY_LOSS: Final = 0.20
"""Part of the packets lost from which a link counts as overloaded."""

SEVERE_LOSS: Final = 0.50
"""Over a link that loses so much nothing else gets through either, a page's other ways of playing least of all."""

REPEATS_SHARE: Final = 0.25
"""Retransmissions may take this part of what a viewer is sent."""

LIGHT_LOSS: Final = 0.05
QUEUEING_S: Final = 0.2
"""Packets that wait longer than this on their way, or a loss above the light one, confirm an estimate that is low."""

HOLD_S: Final = 5.0
"""How long loss has to stay heavy, or light again, before anything changes."""

SEVERE_HOLD_S: Final = 2.0
"""The same for a loss that stays severe."""

WINDOW_S: Final = 1.0
"""Over how long loss is measured."""

_SEQUENCE_NUMBERS: Final = 1 << 32
_SMALLEST_WINDOW_S: Final = 30.0


class LossMeter:
    """Loss over whole seconds, from what receiver reports count in total (RFC 3550 section 6.4.1).

    The fraction in a report is of the packets since the report before, and browsers put a report beside each NACK: of
    so few packets that it jumps between nothing and half.
    """

    def __init__(self) -> None:
        self._begin: tuple[int, int, float] | None = None

    def measure(self, *, lost: int, highest: int, now: float) -> float | None:
        """Take a report's totals; the part lost (0…1) once per second, None between or where nothing was expected.

        `lost` may shrink when packets come late; `highest` is the extended sequence number.
        """
        if self._begin is None:
            self._begin = (lost, highest, now)
            return None
        lost_before, highest_before, begun_at = self._begin
        if now - begun_at < WINDOW_S:
            return None
        self._begin = (lost, highest, now)
        expected = (highest - highest_before) % _SEQUENCE_NUMBERS
        if not 0 < expected < _SEQUENCE_NUMBERS // 2:
            return None
        return min(1.0, max(0.0, (lost - lost_before) / expected))


class DelayMeter:
    """How much longer packets take than they must: the round-trip time above its smallest of 30 to 60 s."""

    def __init__(self) -> None:
        self.queueing_s = 0.0
        self._smallest_before = float("inf")
        self._smallest = float("inf")
        self._since: float | None = None

    def measure(self, rtt_s: float, now: float) -> None:
        """Take a round-trip time measured at monotonic second `now`."""
        if self._since is None or now - self._since >= _SMALLEST_WINDOW_S:
            self._smallest_before, self._smallest, self._since = self._smallest, rtt_s, now
        self._smallest = min(self._smallest, rtt_s)
        self.queueing_s = rtt_s - min(self._smallest, self._smallest_before)


@dataclass(frozen=True, slots=True)
class Reported:
    """What a viewer's reports say of its link over the last second; `estimate_bps` None: it estimates nothing."""

    lost_fraction: float
    queueing_s: float = 0.0
    estimate_bps: int | None = None

    def overloaded(self, need_bps: float) -> bool:
        """Whether the link carries less than `need_bps`.

        An estimate (REMB) alone does not tell: browsers let it grow slowly from what they were sent so far, so it is
        low for seconds whenever a quiet picture begins to move.  With loss or growing delay it does.
        """
        if self.lost_fraction > HEAVY_LOSS:
            return True
        low = self.estimate_bps is not None and self.estimate_bps < need_bps
        return low and (self.lost_fraction > LIGHT_LOSS or self.queueing_s > QUEUEING_S)


class LinkGate:
    """Watches a viewer's link: overloaded for 5 s, or badly for 2 s, closes the gate; lightly lossy for 5 s opens it.

    While it is closed a viewer gets no retransmissions and keyframes only.
    """

    def __init__(self) -> None:
        self.closed = False
        self._since: float | None = None
        self._severe_since: float | None = None

    def forget(self) -> None:
        """What was reported so far says nothing about what is sent from now on."""
        self._since = self._severe_since = None

    def report(self, link: Reported, now: float, *, need_bps: float, may_close: bool = True) -> bool:
        """Take what was reported at monotonic second `now`; True when the gate has just moved.

        `need_bps` is the camera's bitrate; 0 while it is unknown.  `may_close` False: something else may help yet.
        """
        pressing = link.lost_fraction < LIGHT_LOSS if self.closed else link.overloaded(need_bps)
        severe = not self.closed and link.lost_fraction > SEVERE_LOSS
        self._since = _begun(self._since, now, lasts=pressing)
        self._severe_since = _begun(self._severe_since, now, lasts=severe)
        held = self._since is not None and now - self._since >= HOLD_S
        held |= self._severe_since is not None and now - self._severe_since >= SEVERE_HOLD_S
        if not held or not (self.closed or may_close):
            return False
        self.closed = not self.closed
        self._since = self._severe_since = None
        return True


def _begun(before: float | None, now: float, *, lasts: bool) -> float | None:
    """When that began which `lasts` now, and began at `before` if it has lasted until now; None where it does not."""
    if not lasts:
        return None
    return now if before is None else before
