"""Which of a camera's renditions a viewer's link carries: down to the substream, and up again to try (pure).

There is no harmless way to find out whether a link carries the main stream again but to send it: each try that fails
puts the next one off for twice as long.  All times are monotonic seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from gateway.webrtc.congestion import HEAVY_LOSS, QUEUEING_S, REPEATS_SHARE, SEVERE_LOSS, Reported

NARROW_S: Final = 2.0
"""How long a link has to be overloaded; bursts of loss that end within it change nothing."""

VERY_NARROW_S: Final = 1.0
"""The same where it loses most of what is sent, so that no picture comes through."""

MOVE_WITHIN_S: Final = 5.0
"""How long a substream may take to open and to send a keyframe."""

REFUSED_S: Final = 60.0
"""How long one that could not be had is not asked for again."""

CALM_LOSS: Final = 0.02
CALM_S: Final = 10.0
"""How long the substream has to come without loss or delay before the main stream is tried."""

FIRST_TRY_S: Final = 15.0
LAST_TRY_S: Final = 300.0
"""How long the substream lasts before the main stream is tried: at first, and at most."""

PROBATION_S: Final = 10.0
"""An overload so soon after the main stream came back says that the try failed."""

PROVED_S: Final = 60.0
"""A main stream that lasted for this long makes the next try as early as the first."""


class Rendition(StrEnum):
    """What a viewer is sent of its camera."""

    MAIN = "main"
    SUBSTREAM = "substream"


_MAIN, _SUBSTREAM = Rendition.MAIN, Rendition.SUBSTREAM

TOO_NARROW: Final = "The network is too narrow for the full picture"
"""Why a viewer is sent the substream."""


class RenditionChoice:
    """One viewer's.  Whoever sends to it asks for `wanted` and says when it got there."""

    def __init__(self) -> None:
        self.current = _MAIN
        self.wanted = _MAIN
        self.carried_bps = 0.0
        """What the link carried when it was found too narrow; 0 while that is not known."""
        self._narrow_since: float | None = None
        self._calm_since: float | None = None
        self._asked_at = 0.0
        self._arrived_at = float("-inf")
        self._try_after_s = FIRST_TRY_S
        self._trying = False
        self._refused_until = float("-inf")

    @property
    def moving(self) -> bool:
        """Whether another rendition than the current one is on its way."""
        return self.wanted is not self.current

    def report(self, link: Reported, now: float, *, need_bps: float) -> Rendition | None:
        """Take what a viewer reported; what is wanted from now on where that changes, else None.

        `need_bps` is the bitrate of the current rendition; 0 while it is unknown.
        """
        if self.current is _SUBSTREAM:
            return self._on_substream(link, now, need_bps=need_bps)
        if self.moving:
            return self.refused(now) if now - self._asked_at >= MOVE_WITHIN_S else None
        return self._on_main(link, now, need_bps=need_bps)

    def arrived(self, now: float) -> None:
        """What is wanted is what is being sent."""
        self.current = self.wanted
        self._arrived_at = now
        self._trying = self.current is _MAIN
        self._narrow_since = self._calm_since = None

    def refused(self, now: float) -> Rendition | None:
        """The substream can't be had, or no longer; as `report`."""
        self._refused_until = now + REFUSED_S
        self._narrow_since = self._calm_since = None
        return self._want(_MAIN, now)

    def _on_main(self, link: Reported, now: float, *, need_bps: float) -> Rendition | None:
        on_probation = self._trying and now - self._arrived_at < PROBATION_S
        if not link.overloaded(need_bps):
            self._narrow_since = None
            if self._trying and now - self._arrived_at >= PROVED_S:
                self._trying, self._try_after_s = False, FIRST_TRY_S
            return None
        if self._narrow_since is None:
            self._narrow_since = now
        # A first second may suffer from the keyframe the main stream came back with.
        hopeless = on_probation and (link.lost_fraction > HEAVY_LOSS or now > self._narrow_since)
        borne_s = VERY_NARROW_S if link.lost_fraction > SEVERE_LOSS else NARROW_S
        if now < self._refused_until or not (hopeless or now - self._narrow_since >= borne_s):
            return None
        if on_probation:
            self._try_after_s = min(LAST_TRY_S, 2 * self._try_after_s)
        # Repeats took their share of the link, and are not counted as having come.
        self.carried_bps = need_bps * (1 - link.lost_fraction + min(link.lost_fraction, REPEATS_SHARE))
        return self._want(_SUBSTREAM, now)

    def _on_substream(self, link: Reported, now: float, *, need_bps: float) -> Rendition | None:
        if link.lost_fraction > CALM_LOSS or link.queueing_s > QUEUEING_S:
            self._calm_since = None
            # The main stream has not come yet: better it does not.
            return self._want(_SUBSTREAM, now) if link.overloaded(need_bps) else None
        if self._calm_since is None:
            self._calm_since = now
        if self.moving or now - self._calm_since < CALM_S or now - self._arrived_at < self._try_after_s:
            return None
        return self._want(_MAIN, now)

    def _want(self, rendition: Rendition, now: float) -> Rendition | None:
        if rendition is self.wanted:
            return None
        self.wanted, self._asked_at = rendition, now
        return rendition
