"""When a viewer's link is so bad that retransmissions make it worse (pure)."""

from __future__ import annotations

from typing import Final

HEAVY_LOSS: Final = 0.20
"""Part of the packets lost from which a link counts as overloaded."""

LIGHT_LOSS: Final = 0.05
HOLD_S: Final = 5.0
"""How long loss has to stay heavy, or light again, before anything changes."""


class LossGate:
    """Watches the loss that receiver reports tell: heavy for 5 s closes the gate, light for 5 s opens it again.

    While it is closed a viewer gets no retransmissions and keyframes only.
    """

    def __init__(self) -> None:
        self.closed = False
        self._since: float | None = None

    def report(self, lost_fraction: float, now: float) -> bool:
        """Take a report (0…1, monotonic seconds); True when the gate has just moved."""
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
