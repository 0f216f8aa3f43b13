"""Letters and digits as arrays, rendered once, so that drawing a clock costs no font rendering per picture."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gateway.demo.sprites import FULL_COVERAGE, Coverage

_DIGITS = "0123456789"


class GlyphSet:
    """Pillow's own typeface at one height in pixels; digits all have the widest one's width."""

    def __init__(self, height: int) -> None:
        self._font = ImageFont.load_default(size=height * 0.8)
        self.height = height
        self._cells: dict[str, Coverage] = {}
        self._digit_width = max(self._advance(digit) for digit in _DIGITS)

    def render(self, text: str) -> Coverage:
        """Coverage of one line of text: rows × columns, 0 to FULL_COVERAGE."""
        cells = [self._cell(character) for character in text]
        return np.concatenate(cells, axis=1) if cells else np.zeros((self.height, 0), np.int16)

    def _cell(self, character: str) -> Coverage:
        cell = self._cells.get(character)
        if cell is None:
            cell = self._cells[character] = self._draw(character)
        return cell

    def _draw(self, character: str) -> Coverage:
        advance = self._advance(character)
        width = self._digit_width if character in _DIGITS else advance
        image = Image.new("L", (width, self.height), 0)
        ImageDraw.Draw(image).text(((width - advance) / 2, self.height / 2), character, 255, self._font, anchor="lm")
        return (np.asarray(image, np.int16) * FULL_COVERAGE) // 255

    def _advance(self, character: str) -> int:
        return max(1, round(self._font.getlength(character)))
