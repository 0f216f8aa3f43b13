"""When a viewer's link is so bad that retransmissions make it worse (pure)."""

from __future__ import annotations

from typing import Final

HEAVY_LOSS: Final = 0.20
"""Part of the packets lost from which a link counts as overloaded."""

LIGHT_LOSS: Final = 0.05
HOLD_S: Final = 5.0
"""How long loss has to stay heavy, or light again, before anything changes."""


WINDOW_S: Final = 1.0
"""Over how long loss is measured."""

_SEQUENCE_NUMBERS: Final = 1 << 32


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


class LossGate:
    """Watches a viewer's loss: heavy for 5 s closes the gate, light for 5 s opens it again.

    While it is closed a viewer gets no retransmissions and keyframes only.
    """

    def __init__(self) -> None:
        self.closed = False
        self._since: float | None = None

    def report(self, lost_fraction: float, now: float) -> bool:
        """Take what was measured (0…1) at monotonic second `now`; True when the gate has just moved."""
        pressing = lost_fraction < LIGHT_LOSS if self.closed else lost_fraction > HEAVY_LOSS
        if not pressing:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since < HOLD_S:
            return False
        self.closed = not self.closed
        self._since = None
        return True
