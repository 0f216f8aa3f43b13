"""The modes a viewer chooses from, and how far behind the camera each is allowed to be (pure)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """How much delay buys how much calm."""

    ULTRA_LOW = "ultra-low"
    BALANCED = "balanced"
    STABLE = "stable"


DELAY_S: Final = {Mode.ULTRA_LOW: 0.0, Mode.BALANCED: 1.5, Mode.STABLE: 4.0}
"""Playout delay that a mode asks for on top of what its rung needs, in seconds."""
