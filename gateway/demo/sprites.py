"""Soft-edged things that move over a still background, blended straight into YUV planes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Planes = tuple[Plane, ...]
"""Luma, blue and red difference of one 4:2:0 picture."""

Coverage = npt.NDArray[np.int16]
"""How much of a pixel is painted over: 0 to FULL_COVERAGE; 7 bits, so that a blend fits 16-bit arithmetic."""

Box = tuple[int, int, int, int]
"""left, top, right, bottom in luma pixels; right and bottom are exclusive."""

_COVERAGE_BITS = 7
FULL_COVERAGE = 1 << _COVERAGE_BITS
"""The coverage of a pixel that is painted over entirely."""


def blend(plane: Plane, *, value: int | Coverage, coverage: Coverage, x: int, y: int) -> None:
    """Mixes `value` (one level, or one per pixel) into `plane` at (x, y); what lies outside is left out."""
    rows, columns = plane.shape
    height, width = coverage.shape
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, columns), min(y + height, rows)
    if left >= right or top >= bottom:
        return
    cut = (slice(top - y, bottom - y), slice(left - x, right - x))
    target = plane[top:bottom, left:right]
    level = value if isinstance(value, int) else value[cut]
    change = level - target.astype(np.int16)
    change *= coverage[cut]
    change >>= _COVERAGE_BITS
    # Wraps to the right byte: target + change is always between the two levels mixed.
    target += change.astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Sprite:
    """One colour-and-coverage image at full (luma) and half (chroma) resolution."""

    luma: Coverage
    blue: Coverage
    red: Coverage
    coverage: Coverage
    half_coverage: Coverage


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a sprite's top left corner is, in pixels, and how strongly it shows (0 to 1)."""

    x: float
    y: float
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Mover:
    """A sprite and its path: the placement at a time in seconds, or None while it is out of sight."""

    sprite: Sprite
    path: Callable[[float], Placement | None]


@dataclass(frozen=True, slots=True)
class PaintedScene:
    """A still background and what moves over it; nothing moves above row `top`, an even one."""

    background: Planes
    movers: tuple[Mover, ...]
    top: int

    def draw(self, planes: Planes, wall_s: float) -> list[Box]:
        """Blends every mover in, and returns the areas they cover."""
        boxes: list[Box] = []
        for mover in self.movers:
            placement = mover.path(wall_s)
            if placement is None:
                continue
            box = _draw(planes, mover.sprite, placement, top=self.top)
            if box is not None:
                boxes.append(box)
        return boxes


def _draw(planes: Planes, sprite: Sprite, placement: Placement, *, top: int) -> Box | None:
    x, y = round(placement.x), round(placement.y)
    height, width = sprite.coverage.shape
    rows, columns = planes[0].shape
    box = (max(x, 0) & ~1, max(y, top) & ~1, min(x + width + 1, columns), min(y + height + 1, rows))
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    coverage, half_coverage = sprite.coverage, sprite.half_coverage
    if placement.opacity < 1:
        strength = round(placement.opacity * FULL_COVERAGE)
        coverage = (coverage * strength) >> _COVERAGE_BITS
        half_coverage = (half_coverage * strength) >> _COVERAGE_BITS
    luma, blue, red = planes
    blend(luma[top:], value=sprite.luma, coverage=coverage, x=x, y=y - top)
    half_top = top // 2
    for plane, level in ((blue, sprite.blue), (red, sprite.red)):
        blend(plane[half_top:], value=level, coverage=half_coverage, x=x // 2, y=y // 2 - half_top)
    return box
