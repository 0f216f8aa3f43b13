"""A garage at night: wall lamps over the drive, flakes of snow, a car that passes on the street."""

from __future__ import annotations

import math
from random import Random

from gateway.demo.scenes.motion import crossing, falling
from gateway.demo.scenes.paint import Canvas, colour, even
from gateway.demo.sprites import Mover, PaintedScene, Sprite

_EAVES = 0.20
_DRIVE = 0.72
_STREET = 0.90
_DOOR = (0.44, 1.337, 0.30, 0.70)
"""Left, right, top, bottom at an aspect of 16:9."""
_CAR_PERIOD_S, _CAR_MOVE_S = 21.0, 8.0


def garage(width: int, height: int, top: int) -> PaintedScene:
    """Pixels; nothing moves above row `top`."""
    canvas = Canvas(width, height)
    _sky(canvas)
    _house(canvas)
    _drive(canvas)
    middle = canvas.aspect / 2
    for x in (middle - 0.535, middle + 0.535):
        _wall_lamp(canvas, x)
    canvas.vignette(0.4)
    return PaintedScene(canvas.planes(), _movers(width, height), top)


def _sky(canvas: Canvas) -> None:
    canvas.gradient(((0.0, colour("101a33")), (_EAVES, colour("26365a")), (1.0, colour("26365a"))))
    random = Random(11)
    for _ in range(60):
        size = random.uniform(0.0006, 0.0014)
        x, y = random.uniform(0, canvas.aspect), random.uniform(0, _EAVES)
        canvas.ellipse(x, y, size, size, paint=colour("dfe6f5"), opacity=random.uniform(0.3, 0.9))


def _house(canvas: Canvas) -> None:
    middle = canvas.aspect / 2
    canvas.rectangle(middle - 0.74, _EAVES, middle + 0.74, _DRIVE, paint=colour("4a4642"))
    random = Random(8)
    for row in range(26):
        y = _EAVES + row * 0.02
        shift = 0.03 * (row % 2)
        for column in range(26):
            x = middle - 0.74 + column * 0.06 - shift
            tone = random.choice(("55504b", "504b46", "4c4742", "585149"))
            left, right = max(x, middle - 0.74), min(x + 0.0575, middle + 0.74)
            if left < right:
                canvas.rectangle(left, y, right, y + 0.0178, paint=colour(tone))
    canvas.polygon(
        [
            (middle - 0.80, _EAVES + 0.012),
            (middle - 0.62, _EAVES - 0.075),
            (middle + 0.62, _EAVES - 0.075),
            (middle + 0.80, _EAVES + 0.012),
        ],
        colour("211f22"),
    )
    canvas.rectangle(middle - 0.80, _EAVES + 0.008, middle + 0.80, _EAVES + 0.026, paint=colour("6f6a63"))
    _hedge(canvas, 0.0, middle - 0.74)
    _hedge(canvas, middle + 0.74, canvas.aspect)
    _door(canvas, middle)


def _hedge(canvas: Canvas, left: float, right: float) -> None:
    random = Random(round(left * 100))
    canvas.rectangle(left, 0.53, right, _DRIVE, paint=colour("13241f"))
    for _ in range(170):
        size = random.uniform(0.008, 0.02)
        canvas.ellipse(
            random.uniform(left, right),
            random.uniform(0.515, _DRIVE - 0.01),
            size,
            size * 0.8,
            paint=colour(random.choice(("162b24", "1b352b", "11201b", "203d31"))),
        )


def _door(canvas: Canvas, middle: float) -> None:
    left, right, top, bottom = _DOOR
    left, right = middle - (right - left) / 2, middle + (right - left) / 2
    canvas.rectangle(left - 0.028, top - 0.028, right + 0.028, _DRIVE, paint=colour("8b857b"))
    canvas.rectangle(left - 0.008, top - 0.008, right + 0.008, _DRIVE, paint=colour("2a2826"))
    rows, columns = 5, 6
    for row in range(rows):
        upper = top + (bottom + 0.015 - top) * row / rows
        lower = top + (bottom + 0.015 - top) * (row + 1) / rows - 0.003
        canvas.rectangle(left, upper, right, lower, paint=colour("a7a299"))
        canvas.rectangle(left, lower - 0.004, right, lower, paint=colour("6f6b64"))
        for column in range(columns):
            x = left + (right - left) * column / columns + 0.012
            end = left + (right - left) * (column + 1) / columns - 0.012
            canvas.rectangle(x, upper + 0.012, end, lower - 0.014, paint=colour("837e76"))
            inner = colour("d9b27a") if row == 1 else colour("aeaaa1")
            canvas.rectangle(x + 0.003, upper + 0.015, end, lower - 0.014, paint=inner)
    canvas.rectangle(middle - 0.03, bottom - 0.012, middle + 0.03, bottom - 0.006, paint=colour("3a3836"))


def _drive(canvas: Canvas) -> None:
    middle = canvas.aspect / 2
    canvas.gradient(((_DRIVE, colour("35373c")), (_STREET, colour("2a2c31"))), top=_DRIVE, bottom=_STREET)
    canvas.polygon(
        [(middle - 0.52, _DRIVE), (middle + 0.52, _DRIVE), (middle + 0.68, _STREET), (middle - 0.68, _STREET)],
        colour("55565a"),
    )
    canvas.speckle(_DRIVE, _STREET, strength=0.011, seed=4)
    for share in (-0.5, 0.0, 0.5):
        x = middle + share * 1.04
        end = middle + share * 1.36
        canvas.polygon([(x, _DRIVE), (x + 0.002, _DRIVE), (end + 0.003, _STREET), (end, _STREET)], colour("3a3b3f"))
    canvas.rectangle(0, _STREET, canvas.aspect, _STREET + 0.010, paint=colour("6a6b70"))
    canvas.gradient(((_STREET + 0.010, colour("1d1f24")), (1.0, colour("15161a"))), top=_STREET + 0.010)
    canvas.light(middle, _DRIVE + 0.06, 0.6, 0.09, paint=colour("ffc98a"), strength=0.16)


def _wall_lamp(canvas: Canvas, x: float) -> None:
    y = 0.36
    canvas.light(x, y + 0.13, 0.11, 0.20, paint=colour("ffbf78"), strength=0.55)
    canvas.light(x, _DRIVE + 0.03, 0.22, 0.05, paint=colour("ffbf78"), strength=0.38)
    canvas.light(x, y - 0.06, 0.07, 0.10, paint=colour("ffbf78"), strength=0.35)
    canvas.rectangle(x - 0.016, y - 0.035, x + 0.016, y + 0.035, paint=colour("1a1a1c"))
    canvas.rectangle(x - 0.012, y + 0.031, x + 0.012, y + 0.039, paint=colour("fff3d6"))
    canvas.rectangle(x - 0.012, y - 0.039, x + 0.012, y - 0.031, paint=colour("fff3d6"))


def _movers(width: int, height: int) -> tuple[Mover, ...]:
    flake = _flake(height)
    movers = [
        Mover(
            flake,
            falling(
                width=width,
                height=height,
                x=0.07 * index,
                period_s=11 + 0.9 * (index * 5 % 7),
                offset_s=1.7 * index,
                sway=(0.015 + 0.004 * (index % 4)) * height,
            ),
        )
        for index in range(16)
    ]
    car = _car(height)
    path = crossing(
        width=width,
        sprite_width=car.coverage.shape[1],
        y=height - car.coverage.shape[0] - 0.012 * height,
        period_s=_CAR_PERIOD_S,
        offset_s=0,
        move_s=_CAR_MOVE_S,
    )
    return (*movers, Mover(car, path))


def _flake(height: int) -> Sprite:
    side = even(0.011 * height)
    canvas = Canvas(side, side, opaque=False)
    canvas.ellipse(0.5, 0.5, 0.26, 0.26, paint=colour("f2f5fb"), opacity=0.85, blur=0.1)
    return canvas.sprite()


def _car(height: int) -> Sprite:
    """Seen from the side, driving to the right; lengths are in parts of the sprite's height."""
    canvas = Canvas(even(0.95 * height), even(0.19 * height), opaque=False)
    for reach in (0.5, 0.8, 1.1, 1.4, 1.6):
        beam = [(3.0, 0.60), (3.0 + reach, 0.62 - 0.1 * reach), (3.0 + reach, 0.66 + 0.12 * reach), (3.0, 0.66)]
        canvas.polygon(beam, colour("ffe9bf"), opacity=0.075, blur=0.04 + 0.02 * reach)
    canvas.ellipse(1.6, 0.93, 1.45, 0.045, paint=colour("08090b"), opacity=0.7, blur=0.03)
    body = [
        (0.16, 0.80), (0.14, 0.58), (0.30, 0.48), (0.74, 0.42), (1.08, 0.12), (1.30, 0.08), (1.86, 0.10),
        (2.30, 0.42), (2.86, 0.50), (3.04, 0.60), (3.06, 0.80),
    ]  # fmt: skip
    canvas.polygon(body, colour("5b2f33"))
    canvas.polygon([(0.84, 0.41), (1.13, 0.17), (1.46, 0.15), (1.46, 0.41)], colour("1a222c"))
    canvas.polygon([(1.53, 0.15), (1.83, 0.16), (2.16, 0.41), (1.53, 0.41)], colour("1a222c"))
    canvas.rectangle(0.16, 0.555, 3.02, 0.575, paint=colour("7b4347"))
    canvas.rectangle(0.14, 0.74, 3.06, 0.80, paint=colour("2c1a1d"))
    canvas.rectangle(0.14, 0.52, 0.20, 0.61, paint=colour("e0483c"))
    canvas.ellipse(3.0, 0.62, 0.045, 0.05, paint=colour("fff4d8"))
    for x in (0.72, 2.46):
        canvas.ellipse(x, 0.78, 0.19, 0.19, paint=colour("0d0e10"))
        canvas.ellipse(x, 0.78, 0.105, 0.105, paint=colour("83868c"))
        for spoke in range(5):
            angle = spoke * 2 * math.pi / 5
            canvas.ellipse(
                x + 0.06 * math.cos(angle), 0.78 + 0.06 * math.sin(angle), 0.02, 0.02, paint=colour("2b2d31")
            )
    return canvas.sprite()
