"""A front door in the evening: a lamp, moths around it, leaves that fall."""

from __future__ import annotations

from random import Random

from gateway.demo.scenes.motion import breathing, falling, orbiting
from gateway.demo.scenes.paint import Canvas, colour, even
from gateway.demo.sprites import Mover, PaintedScene, Sprite

_FLOOR = 0.83
_LAMP_X, _LAMP_Y = 0.34, 0.40
"""From the middle of the picture to the right; from the top."""


def front_door(width: int, height: int, top: int) -> PaintedScene:
    """Pixels; nothing moves above row `top`."""
    canvas = Canvas(width, height)
    middle = canvas.aspect / 2
    _wall(canvas)
    _floor(canvas, middle)
    _door(canvas, middle)
    for x, seed in ((middle - 0.40, 4), (middle + 0.40, 9)):
        _plant(canvas, x, seed)
    canvas.light(middle + _LAMP_X, _LAMP_Y, 0.62, 0.55, paint=colour("ffb469"), strength=0.42)
    canvas.light(middle + _LAMP_X, _FLOOR + 0.06, 0.5, 0.09, paint=colour("ffb469"), strength=0.22)
    _lamp(canvas, middle + _LAMP_X)
    canvas.vignette(0.45)
    return PaintedScene(canvas.planes(), _movers(width, height), top)


def _wall(canvas: Canvas) -> None:
    canvas.gradient(((0.0, colour("2f3f52")), (_FLOOR, colour("3a4a5a")), (1.0, colour("3a4a5a"))))
    board = 0.047
    for row in range(1, 18):
        y = row * board
        canvas.polygon([(0, y), (canvas.aspect, y), (canvas.aspect, y + 0.0035), (0, y + 0.0035)], colour("1c2732"))
        canvas.polygon(
            [(0, y + 0.0035), (canvas.aspect, y + 0.0035), (canvas.aspect, y + 0.0065), (0, y + 0.0065)],
            colour("4b5d6e"),
            opacity=0.6,
        )


def _floor(canvas: Canvas, middle: float) -> None:
    canvas.gradient(((_FLOOR, colour("5a534d")), (1.0, colour("37322f"))), top=_FLOOR)
    canvas.speckle(_FLOOR, 1.0, strength=0.014, seed=2)
    for step in range(-7, 8):
        x = middle + step * 0.16
        canvas.polygon(
            [(x, _FLOOR), (x + 0.002, _FLOOR), (x + step * 0.05 + 0.004, 1.0), (x + step * 0.05, 1.0)],
            colour("2b2724"),
        )
    canvas.rectangle(0, 0.905, canvas.aspect, 0.909, paint=colour("2b2724"))
    canvas.polygon(
        [(middle - 0.17, 0.862), (middle + 0.17, 0.862), (middle + 0.20, 0.925), (middle - 0.20, 0.925)],
        colour("4d3a2a"),
    )
    canvas.polygon(
        [(middle - 0.155, 0.869), (middle + 0.155, 0.869), (middle + 0.183, 0.918), (middle - 0.183, 0.918)],
        colour("6b5138"),
    )


def _door(canvas: Canvas, middle: float) -> None:
    frame, door, groove, edge = colour("cfc8b8"), colour("1f5a5c"), colour("123a3d"), colour("34787a")
    canvas.rectangle(middle - 0.235, 0.165, middle + 0.235, _FLOOR, paint=frame)
    canvas.rectangle(middle - 0.26, 0.140, middle + 0.26, 0.172, paint=colour("dad4c6"))
    canvas.rectangle(middle - 0.198, 0.200, middle + 0.198, _FLOOR, paint=colour("14282a"))
    canvas.rectangle(middle - 0.190, 0.206, middle + 0.190, _FLOOR - 0.006, paint=door)
    for column in (-0.088, 0.088):
        for upper, lower in ((0.435, 0.580), (0.615, 0.785)):
            x = middle + column
            canvas.rectangle(x - 0.068, upper, x + 0.068, lower, paint=groove)
            canvas.rectangle(x - 0.062, upper + 0.006, x + 0.068, lower, paint=edge)
            canvas.rectangle(x - 0.062, upper + 0.006, x + 0.062, lower - 0.006, paint=door)
        canvas.rectangle(middle + column - 0.068, 0.240, middle + column + 0.068, 0.400, paint=groove)
        canvas.rectangle(middle + column - 0.060, 0.248, middle + column + 0.060, 0.392, paint=colour("e8b36a"))
        canvas.rectangle(middle + column - 0.003, 0.248, middle + column + 0.003, 0.392, paint=groove)
        canvas.rectangle(middle + column - 0.060, 0.317, middle + column + 0.060, 0.323, paint=groove)
    canvas.light(middle, 0.32, 0.16, 0.10, paint=colour("ffd9a0"), strength=0.28)
    canvas.ellipse(middle + 0.163, 0.600, 0.013, 0.013, paint=colour("8a6a2c"))
    canvas.ellipse(middle + 0.160, 0.597, 0.008, 0.008, paint=colour("e4c173"))


def _plant(canvas: Canvas, x: float, seed: int) -> None:
    random = Random(seed)
    pot = [(x - 0.062, 0.735), (x + 0.062, 0.735), (x + 0.046, 0.875), (x - 0.046, 0.875)]
    canvas.ellipse(x, 0.876, 0.075, 0.012, paint=colour("1d1a18"), opacity=0.5, blur=0.006)
    canvas.polygon(pot, colour("8d5236"))
    canvas.rectangle(x - 0.068, 0.722, x + 0.068, 0.748, paint=colour("a2623f"))
    canvas.ellipse(x, 0.62, 0.085, 0.11, paint=colour("1a3d2d"), blur=0.012)
    for _ in range(110):
        height = random.betavariate(1.3, 1.6)
        spread = 0.105 * (1 - (height - 0.35) ** 2)
        shade = random.choice(("1f4a33", "2a5d3c", "376f47", "1a3d2d"))
        canvas.ellipse(
            x + random.uniform(-spread, spread),
            0.725 - height * 0.24,
            random.uniform(0.012, 0.024),
            random.uniform(0.009, 0.019),
            paint=colour(shade),
        )


def _lamp(canvas: Canvas, x: float) -> None:
    iron = colour("15171a")
    canvas.rectangle(x - 0.006, _LAMP_Y - 0.095, x + 0.006, _LAMP_Y - 0.04, paint=iron)
    canvas.light(x, _LAMP_Y, 0.10, 0.12, paint=colour("ffd9a0"), strength=0.75)
    glass = [(x - 0.034, _LAMP_Y - 0.042), (x + 0.034, _LAMP_Y - 0.042), (x + 0.024, _LAMP_Y + 0.05)]
    canvas.polygon([*glass, (x - 0.024, _LAMP_Y + 0.05)], colour("ffeec9"))
    canvas.polygon([(x - 0.046, _LAMP_Y - 0.042), (x, _LAMP_Y - 0.078), (x + 0.046, _LAMP_Y - 0.042)], iron)
    canvas.rectangle(x - 0.028, _LAMP_Y + 0.05, x + 0.028, _LAMP_Y + 0.062, paint=iron)


def _movers(width: int, height: int) -> tuple[Mover, ...]:
    lamp_x, lamp_y = width / 2 + _LAMP_X * height, _LAMP_Y * height
    halo = _halo(height)
    side = halo.coverage.shape[0]
    movers = [
        Mover(halo, breathing(x=lamp_x - side / 2, y=lamp_y - side / 2, low=0.10, high=0.55, period_s=7)),
    ]
    moth = _moth(height)
    for index in range(3):
        path = orbiting(
            x=lamp_x,
            y=lamp_y,
            rx=(0.06 + 0.035 * index) * height,
            ry=(0.05 + 0.03 * index) * height,
            period_s=2.3 + 0.9 * index,
            offset_s=0.31 * index,
        )
        movers.append(Mover(moth, path))
    for index, tone in enumerate(("c2703a", "d99a45", "a8492f", "b98a3c", "c2703a", "8f4a2c")):
        path = falling(
            width=width,
            height=height,
            x=0.11 + 0.16 * index,
            period_s=9 + 1.7 * index,
            offset_s=3.1 * index,
            sway=0.035 * height,
        )
        movers.append(Mover(_leaf(height, tone), path))
    return tuple(movers)


def _halo(height: int) -> Sprite:
    side = even(0.3 * height)
    canvas = Canvas(side, side, opaque=False)
    canvas.ellipse(0.5, 0.5, 0.13, 0.13, paint=colour("ffe7bd"), opacity=0.7, blur=0.11)
    return canvas.sprite()


def _moth(height: int) -> Sprite:
    side = even(0.018 * height)
    canvas = Canvas(side, side, opaque=False)
    canvas.ellipse(0.5, 0.5, 0.26, 0.22, paint=colour("fff2d8"), opacity=0.9, blur=0.09)
    return canvas.sprite()


def _leaf(height: int, tone: str) -> Sprite:
    canvas = Canvas(even(0.032 * height), even(0.022 * height), opaque=False)
    middle = canvas.aspect / 2
    canvas.polygon([(0.1, 0.75), (middle * 0.8, 0.12), (canvas.aspect - 0.08, 0.2), (middle * 1.3, 0.8)], colour(tone))
    return canvas.sprite()
