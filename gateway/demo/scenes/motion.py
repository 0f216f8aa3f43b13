"""Paths of what moves in the scenes: pure functions of wall time, so that a restart does not show."""

from __future__ import annotations

import math
from collections.abc import Callable

from gateway.demo.sprites import Placement

Path = Callable[[float], Placement | None]


def crossing(*, width: int, sprite_width: int, y: float, period_s: float, offset_s: float, move_s: float) -> Path:
    """Once a period of `period_s`, from beyond the left edge to beyond the right one within `move_s`; else unseen."""

    def path(now_s: float) -> Placement | None:
        progress = (now_s + offset_s) % period_s / move_s
        if progress >= 1:
            return None
        return Placement(progress * (width + sprite_width) - sprite_width, y)

    return path


def falling(*, width: int, height: int, x: float, period_s: float, offset_s: float, sway: float) -> Path:
    """Down the picture again and again, swaying by `sway` pixels."""

    def path(now_s: float) -> Placement | None:
        turns, progress = divmod((now_s + offset_s) / period_s, 1)
        # Another place each time, spread evenly (the golden ratio's multiples).
        begin = (x + turns * 0.618034) % 1 * width
        return Placement(begin + sway * math.sin(progress * 9 + offset_s), progress * (height + 60) - 60)

    return path


def orbiting(*, x: float, y: float, rx: float, ry: float, period_s: float, offset_s: float) -> Path:
    """Around (x, y) on a path that never quite repeats."""

    def path(now_s: float) -> Placement | None:
        turn = (now_s / period_s + offset_s) * 2 * math.pi
        wobble = 0.65 + 0.35 * math.sin(turn * 0.37)
        return Placement(x + rx * wobble * math.cos(turn), y + ry * wobble * math.sin(turn * 1.31))

    return path


def breathing(*, x: float, y: float, low: float, high: float, period_s: float) -> Path:
    """At rest, its opacity going from `low` to `high` and back."""

    def path(now_s: float) -> Placement | None:
        swing = 0.5 + 0.5 * math.sin(now_s / period_s * 2 * math.pi)
        return Placement(x, y, low + (high - low) * swing)

    return path


def flapping(path: Path, *, phase: int, period_s: float) -> Path:
    """`path`, seen only in one half of each period: two sprites with phases 0 and 1 take turns."""

    def flap(now_s: float) -> Placement | None:
        return path(now_s) if int(now_s / period_s * 2) % 2 == phase else None

    return flap
