"""A yard at dawn: hills in mist, firs, a fence; clouds drift and birds pass."""

from __future__ import annotations

import math
from random import Random

from gateway.demo.scenes.motion import Path, crossing, flapping
from gateway.demo.scenes.paint import Canvas, Colour, Point, colour, even
from gateway.demo.sprites import Mover, PaintedScene, Sprite

_RIDGES = (
    (0.60, 0.050, 1.1, 0.3, "8d8797"),
    (0.655, 0.042, 1.7, 2.1, "6a6b80"),
    (0.715, 0.035, 2.3, 4.0, "474f63"),
    (0.79, 0.028, 2.9, 1.2, "2c3845"),
)
"""Height, swing, waves across, phase, colour; far to near."""


def yard(width: int, height: int, top: int) -> PaintedScene:
    """Pixels; nothing moves above row `top`."""
    canvas = Canvas(width, height)
    canvas.gradient(
        (
            (0.0, colour("22335a")),
            (0.28, colour("54658f")),
            (0.48, colour("b98a86")),
            (0.62, colour("f0bd88")),
            (1.0, colour("f0bd88")),
        )
    )
    _sun(canvas)
    random = Random(3)
    for index, (base, swing, waves, phase, tone) in enumerate(_RIDGES):
        canvas.polygon(_ridge(canvas.aspect, base=base, swing=swing, waves=waves, phase=phase), colour(tone))
        if index == 2:
            _firs(canvas, random)
    _meadow(canvas)
    canvas.vignette(0.25)
    return PaintedScene(canvas.planes(), _movers(width, height), top)


def _sun(canvas: Canvas) -> None:
    x, y = canvas.aspect * 0.66, 0.575
    canvas.light(x, y, 0.75, 0.3, paint=colour("ffb070"), strength=0.5)
    canvas.light(x, y, 0.16, 0.16, paint=colour("ffe0b0"), strength=0.7)
    canvas.ellipse(x, y, 0.042, 0.042, paint=colour("fff0d2"), blur=0.002)


def _ridge(aspect: float, *, base: float, swing: float, waves: float, phase: float) -> list[Point]:
    crest = []
    for step in range(97):
        x = step / 96
        turn = x * waves * 2 * math.pi + phase
        y = base - swing * (math.sin(turn) + 0.4 * math.sin(2.7 * turn + 1) + 0.12 * math.sin(9.1 * turn))
        crest.append((x * aspect, y))
    return [*crest, (aspect, 1.0), (0.0, 1.0)]


def _firs(canvas: Canvas, random: Random) -> None:
    places = sorted(random.uniform(0.02, 0.98) for _ in range(34))
    for place in places:
        x = place * canvas.aspect
        if 0.52 < place < 0.78:
            continue
        size = random.uniform(0.05, 0.12)
        _fir(canvas, x=x, foot=0.80 + random.uniform(-0.01, 0.01), size=size, paint=colour("27323f"))


def _fir(canvas: Canvas, *, x: float, foot: float, size: float, paint: Colour) -> None:
    right: list[Point] = [(x, foot - size * 2.16)]
    for step in range(7):
        y = foot - size * 2.1 * (1 - step / 6)
        half = size * (0.03 + 0.43 * (step / 6) ** 0.9)
        right += [(x + half, y), (x + half * 0.55, y + size * 0.02)]
    left = [(2 * x - there, y) for there, y in reversed(right)]
    canvas.polygon([*right, *left], paint)


def _meadow(canvas: Canvas) -> None:
    canvas.polygon(
        _ridge(canvas.aspect, base=0.865, swing=0.012, waves=0.8, phase=0.6),
        colour("1b2a2a"),
    )
    canvas.light(canvas.aspect * 0.66, 0.9, 0.55, 0.05, paint=colour("d59a62"), strength=0.22)
    canvas.speckle(0.88, 1.0, strength=0.012, seed=5)
    post, rail = colour("0f1719"), colour("131d1f")
    for y in (0.895, 0.94):
        canvas.polygon([(0, y), (canvas.aspect, y - 0.012), (canvas.aspect, y), (0, y + 0.012)], rail)
    for step in range(9):
        x = canvas.aspect * (0.04 + step * 0.118)
        lift = 0.012 * x / canvas.aspect
        canvas.polygon(
            [
                (x, 0.868 - lift),
                (x + 0.009, 0.860 - lift),
                (x + 0.018, 0.868 - lift),
                (x + 0.018, 1.0),
                (x, 1.0),
            ],
            post,
        )


def _movers(width: int, height: int) -> tuple[Mover, ...]:
    movers: list[Mover] = []
    for y, size, period_s, offset_s in ((0.16, 0.50, 150, 60), (0.27, 0.36, 110, 10), (0.36, 0.44, 190, 150)):
        cloud = _cloud(height, size=size, seed=round(offset_s))
        movers.append(
            Mover(
                cloud,
                crossing(
                    width=width,
                    sprite_width=cloud.coverage.shape[1],
                    y=y * height,
                    period_s=period_s,
                    offset_s=offset_s,
                    move_s=period_s,
                ),
            )
        )
    flock: Path = crossing(
        width=width,
        sprite_width=even(0.3 * height),
        y=0.43 * height,
        period_s=34,
        offset_s=20,
        move_s=22,
    )
    movers += [Mover(_birds(height, phase=phase), flapping(flock, phase=phase, period_s=0.8)) for phase in (0, 1)]
    return tuple(movers)


def _cloud(height: int, *, size: float, seed: int) -> Sprite:
    random = Random(seed)
    rows, columns = even(height * size * 0.26), even(height * size)
    canvas = Canvas(columns, rows, opaque=False)
    for _ in range(9):
        x = random.uniform(0.9, canvas.aspect - 0.9)
        canvas.ellipse(
            x,
            random.uniform(0.42, 0.62),
            random.uniform(0.35, 0.75),
            random.uniform(0.07, 0.16),
            paint=colour("f3cdb4"),
            opacity=0.30,
            blur=0.085,
        )
    return canvas.sprite()


def _birds(height: int, *, phase: int) -> Sprite:
    canvas = Canvas(even(0.3 * height), even(0.12 * height), opaque=False)
    lift = -0.07 if phase == 0 else 0.05
    places = ((1.9, 0.5), (1.5, 0.3), (1.45, 0.66), (1.05, 0.2), (0.95, 0.78), (0.5, 0.4))
    for index, (x, y) in enumerate(places):
        # Not all birds beat their wings together.
        tip = lift if index % 2 == 0 else -lift
        span = 0.13
        wings = [(x - span, y + tip), (x, y), (x + span, y + tip), (x, y + 0.035)]
        canvas.polygon(wings, colour("2a2f3d"))
    return canvas.sprite()
