"""What the demo cameras look at: still paintings with a few things that move calmly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.demo.scenes.front_door import front_door
from gateway.demo.scenes.garage import garage
from gateway.demo.scenes.yard import yard
from gateway.demo.spec import Scene

if TYPE_CHECKING:
    from gateway.demo.sprites import PaintedScene

_PAINTERS = {Scene.FRONT_DOOR: front_door, Scene.YARD: yard, Scene.GARAGE: garage}


def build_scene(scene: Scene, *, width: int, height: int, top: int) -> PaintedScene:
    """Paints `scene` in pixels; nothing in it moves above row `top`.  Takes some tenths of a second."""
    return _PAINTERS[scene](width, height, top)
