"""What the demo cameras look at (temporary)."""

from __future__ import annotations

import numpy as np

from gateway.demo.spec import Scene
from gateway.demo.sprites import PaintedScene


def build_scene(scene: Scene, *, width: int, height: int, top: int) -> PaintedScene:
    ramp = np.linspace(60, 160, height).astype(np.uint8)[:, None].repeat(width, 1)
    u = np.full((height // 2, width // 2), 140, np.uint8)
    return PaintedScene((ramp, u, u.copy()), (), top)
