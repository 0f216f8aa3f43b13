"""The machine-readable wall clock across the top of a picture: 32 blocks, black or white."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

BITS: Final = 32
BLACK: Final = 16
WHITE: Final = 235

_SHIFTS = np.arange(BITS - 1, -1, -1, dtype=np.uint64)


def block_size(width: int) -> int:
    """Width and height of one block in pixels, for a picture `width` pixels wide."""
    return width // BITS


def draw_clock_strip(luma: npt.NDArray[np.uint8], milliseconds: int) -> None:
    """Writes `milliseconds` mod 2^32 over the first rows of a luma plane, most significant bit at the left."""
    size = block_size(luma.shape[1])
    bits = (np.uint64(milliseconds & 0xFFFF_FFFF) >> _SHIFTS) & np.uint64(1)
    levels = np.where(bits, np.uint8(WHITE), np.uint8(BLACK))
    luma[:size, : size * BITS] = np.repeat(levels, size)
