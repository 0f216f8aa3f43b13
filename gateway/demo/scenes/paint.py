"""A small painter: soft-edged polygons and lights on a float canvas, then 4:2:0 planes or sprites of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from gateway.demo.sprites import FULL_COVERAGE, Planes, Sprite

Point = tuple[float, float]
Colour = tuple[float, float, float]
Floats = npt.NDArray[np.float32]

_SUPERSAMPLING: Final = 3
_LUMA_WEIGHTS: Final = np.array((0.2126, 0.7152, 0.0722), np.float32)
_LOWEST, _HIGHEST = 24, 228
"""Levels a painting keeps to, so that film grain never leaves 8 bits."""


def colour(text: str) -> Colour:
    """A colour from `rrggbb`, each part 0 to 1."""
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


class Canvas:
    """An RGB picture with coverage; coordinates and lengths are in parts of its height, from the top left."""

    def __init__(self, width: int, height: int, *, opaque: bool = True) -> None:
        self.width = width
        self.height = height
        self.aspect = width / height
        self._rgb: Floats = np.zeros((height, width, 3), np.float32)
        self._coverage: Floats = np.full((height, width), 1.0 if opaque else 0.0, np.float32)

    def gradient(self, stops: Sequence[tuple[float, Colour]], *, top: float = 0.0, bottom: float = 1.0) -> None:
        """Fills the rows from `top` to `bottom` with colours at heights `stops` and their mixtures between."""
        begin, end = round(top * self.height), round(bottom * self.height)
        rows = np.arange(begin, end) / self.height
        heights = [height for height, _ in stops]
        channels = [np.interp(rows, heights, [stop[index] for _, stop in stops]) for index in range(3)]
        self._rgb[begin:end] = np.stack(channels, axis=1)[:, None, :]

    def polygon(self, points: Sequence[Point], paint: Colour, *, opacity: float = 1.0, blur: float = 0.0) -> None:
        """Fills a polygon; `blur` is the softness of its edge."""
        pixels = [(x * self.height, y * self.height) for x, y in points]
        margin = 2 + math.ceil(blur * self.height * 3)
        left = max(0, math.floor(min(x for x, _ in pixels)) - margin)
        top = max(0, math.floor(min(y for _, y in pixels)) - margin)
        right = min(self.width, math.ceil(max(x for x, _ in pixels)) + margin)
        bottom = min(self.height, math.ceil(max(y for _, y in pixels)) + margin)
        if left >= right or top >= bottom:
            return
        scale = _SUPERSAMPLING if blur == 0 else 1
        mask = Image.new("L", ((right - left) * scale, (bottom - top) * scale), 0)
        ImageDraw.Draw(mask).polygon([((x - left) * scale, (y - top) * scale) for x, y in pixels], fill=255)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * self.height))
        else:
            mask = mask.resize((right - left, bottom - top), Image.Resampling.BOX)
        share = np.asarray(mask, np.float32) * np.float32(opacity / 255)
        self._mix((slice(top, bottom), slice(left, right)), share, paint)

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, *, paint: Colour, blur: float = 0
    ) -> None:
        """Fills a rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint, blur=blur)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, *, paint: Colour, opacity: float = 1.0, blur: float = 0.0
    ) -> None:
        """Fills an ellipse around (x, y)."""
        angles = np.linspace(0, 2 * math.pi, 72, endpoint=False)
        points = [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]
        self.polygon(points, paint, opacity=opacity, blur=blur)

    def light(self, x: float, y: float, rx: float, ry: float, *, paint: Colour, strength: float) -> None:
        """Adds light that fades from (x, y) like a bell curve of radii `rx` and `ry`; never brighter than white."""
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32) / self.height
        bell = np.exp(-(((columns - x) / rx) ** 2) - ((rows - y) / ry) ** 2) * strength
        self._rgb += (1 - self._rgb) * np.minimum(bell, 1)[..., None] * np.array(paint, np.float32)

    def vignette(self, strength: float) -> None:
        """Darkens towards the corners."""
        rows, columns = np.mgrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j].astype(np.float32)
        self._rgb *= (1 - strength * np.clip((rows**2 + columns**2) / 2, 0, 1))[..., None]

    def speckle(self, top: float, bottom: float, *, strength: float, seed: int) -> None:
        """Gives an area the unevenness of stone or grass."""
        begin, end = round(top * self.height), round(bottom * self.height)
        noise = np.random.default_rng(seed).normal(0, strength, (end - begin, self.width, 1))
        self._rgb[begin:end] = np.clip(self._rgb[begin:end] + noise.astype(np.float32), 0, 1)

    def planes(self) -> Planes:
        """The picture as 4:2:0, BT.709, limited range; dithered, so that skies show no bands."""
        luma, blue, red = self._yuv()
        dither = np.random.default_rng(7).uniform(-0.5, 0.5, luma.shape)
        return _to_bytes(luma + dither), _to_bytes(_halved(blue)), _to_bytes(_halved(red))

    def sprite(self) -> Sprite:
        """The picture as a sprite, transparent where nothing was painted."""
        luma, blue, red = self._yuv()
        coverage = self._coverage * FULL_COVERAGE
        return Sprite(
            luma=_to_levels(luma),
            blue=_to_levels(_halved(blue)),
            red=_to_levels(_halved(red)),
            coverage=_to_levels(coverage),
            half_coverage=_to_levels(_halved(coverage)),
        )

    def _mix(self, area: tuple[slice, slice], share: Floats, paint: Colour) -> None:
        covered = self._coverage[area]
        total = covered + share * (1 - covered)
        # Over an empty canvas the new colour counts fully, so that soft edges don't darken.
        weight = np.where(total > 0, share / np.maximum(total, 1e-6), 0)[..., None]
        self._rgb[area] += (np.array(paint, np.float32) - self._rgb[area]) * weight
        self._coverage[area] = total

    def _yuv(self) -> tuple[Floats, Floats, Floats]:
        rgb = np.clip(self._rgb, 0, 1)
        luma: Floats = rgb @ _LUMA_WEIGHTS
        blue: Floats = (rgb[..., 2] - luma) * np.float32(224 / 1.8556) + np.float32(128)
        red: Floats = (rgb[..., 0] - luma) * np.float32(224 / 1.5748) + np.float32(128)
        luma = luma * np.float32(219) + np.float32(16)
        return luma, blue, red


def _halved(plane: Floats) -> Floats:
    rows, columns = plane.shape[0] // 2, plane.shape[1] // 2
    halved: Floats = plane[: rows * 2, : columns * 2].reshape(rows, 2, columns, 2).mean(axis=(1, 3))
    return halved


def _to_bytes(plane: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    levels: npt.NDArray[np.uint8] = np.clip(np.rint(plane), _LOWEST, _HIGHEST).astype(np.uint8)
    return levels


def _to_levels(plane: Floats) -> npt.NDArray[np.int16]:
    return np.rint(plane).astype(np.int16)


def even(length: float) -> int:
    """The even number of pixels nearest above, at least 2, as 4:2:0 needs it."""
    return max(2, 2 * math.ceil(length / 2))
