"""One camera's moving picture: the scene, its name, a clock for people and one for machines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt

from gateway.demo.clock_strip import block_size, draw_clock_strip
from gateway.demo.glyphs import GlyphSet
from gateway.demo.scenes import build_scene
from gateway.demo.sprites import blend

if TYPE_CHECKING:
    from gateway.demo.spec import CameraSpec
    from gateway.demo.sprites import Box, Coverage, Planes

_INK = 225
_GRAIN = 7
_GRAIN_MARGIN = 64
_PANEL_SHADE = 0.42


class Picture:
    """Draws into one reused frame; an encoder must have copied it before the next call (x264 and x265 do)."""

    def __init__(self, spec: CameraSpec) -> None:
        self._frame = av.VideoFrame(spec.width, spec.height, "yuv420p")
        self._planes: Planes = tuple(_view(plane) for plane in self._frame.planes)
        strip = block_size(spec.width)
        strip += strip & 1
        self._scene = build_scene(spec.scene, width=spec.width, height=spec.height, top=strip)
        glyphs = GlyphSet(max(12, round(spec.height / 26)))
        self._glyphs = glyphs
        self._bake_panel(_title(spec.name), top=strip)
        self._drawn: list[Box] = []
        self._date_second = -1
        self._date = ""
        self._date_ink: Coverage = glyphs.render("")
        self._grain = _grain(spec.width, spec.height) if spec.bitrate_bps is not None else None
        self._grain_step = 0
        self._restore_everything()

    def draw(self, *, wall_s: float) -> av.VideoFrame:
        """The picture of the moment `wall_s` (unix seconds)."""
        if self._grain is None:
            self._restore_drawn()
        else:
            self._restore_with_grain(self._grain)
        self._drawn = self._scene.draw(self._planes, wall_s)
        self._draw_panel(wall_s)
        draw_clock_strip(self._planes[0], int(wall_s * 1000))
        return self._frame

    def _bake_panel(self, title: str, *, top: int) -> None:
        """Darkens a bar below the strip, writes the name into it, and finds the clock's place in it."""
        height = (self._glyphs.height * 3 // 2) & ~1
        name = self._glyphs.render(title)
        clock_width = self._glyphs.render("0000-00-00  00:00:00.000").shape[1]
        pad = self._glyphs.height // 2
        luma_width = self._planes[0].shape[1]
        right = min(luma_width, (name.shape[1] + clock_width + 4 * pad) & ~1)
        luma, blue, red = self._scene.background
        bar = luma[top : top + height, :right]
        bar[...] = (16 + (bar.astype(np.float32) - 16) * _PANEL_SHADE).astype(np.uint8)
        for plane in (blue, red):
            part = plane[top // 2 : (top + height) // 2, : right // 2]
            part[...] = (128 + (part.astype(np.float32) - 128) * _PANEL_SHADE).astype(np.uint8)
        luma[:top] = 16
        for plane in (blue, red):
            plane[: top // 2] = 128
        text_top = top + (height - self._glyphs.height) // 2
        blend(luma, value=_INK, coverage=name, x=pad, y=text_top)
        self._panel: Box = (0, top, right, top + height)
        self._clock_at = (pad + name.shape[1] + 2 * pad, text_top)

    def _draw_panel(self, wall_s: float) -> None:
        # The panel comes last and whole: what moves goes behind it.
        left, top, right, bottom = self._panel
        if self._drawn:
            _copy_box(self._scene.background, self._planes, self._panel)
        else:
            self._planes[0][top:bottom, left:right] = self._scene.background[0][top:bottom, left:right]
        second = int(wall_s)
        if second != self._date_second:
            self._date_second = second
            self._date_ink = self._glyphs.render(time.strftime("%Y-%m-%d  %H:%M:%S", time.localtime(second)))
        milliseconds = self._glyphs.render(f".{int(wall_s * 1000) % 1000:03d}")
        x, y = self._clock_at
        ink = np.concatenate((self._date_ink, milliseconds), axis=1)
        blend(self._planes[0], value=_INK, coverage=ink, x=x, y=y)

    def _restore_everything(self) -> None:
        for plane, background in zip(self._planes, self._scene.background, strict=True):
            plane[...] = background

    def _restore_drawn(self) -> None:
        for box in self._drawn:
            _copy_box(self._scene.background, self._planes, box)

    def _restore_with_grain(self, grain: npt.NDArray[np.uint8]) -> None:
        # A different cut of one noise field each time: as costly to encode as new noise, at the price of an addition.
        self._grain_step += 1
        offset_x = self._grain_step * 29 % _GRAIN_MARGIN
        offset_y = self._grain_step * 43 % _GRAIN_MARGIN
        luma = self._planes[0]
        rows, columns = luma.shape
        cut = grain[offset_y : offset_y + rows, offset_x : offset_x + columns]
        np.add(self._scene.background[0], cut, out=luma)
        for box in self._drawn:
            _copy_box(self._scene.background[1:], self._planes[1:], box, halved=True)


def _title(name: str) -> str:
    return name.replace("-", " ").replace("/", " / ").upper()


def _view(plane: av.video.plane.VideoPlane) -> npt.NDArray[np.uint8]:
    # A memoryview of the plane itself: what is written here is what gets encoded.
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _grain(width: int, height: int) -> npt.NDArray[np.uint8]:
    """Small noise around zero, as uint8 modulo 256; scenes stay far enough from 0 and 255 not to wrap."""
    random = np.random.default_rng(1)
    shape = (height + _GRAIN_MARGIN, width + _GRAIN_MARGIN)
    return random.integers(-_GRAIN, _GRAIN + 1, shape, dtype=np.int8).view(np.uint8)


def _copy_box(source: Planes, target: Planes, box: Box, *, halved: bool = False) -> None:
    left, top, right, bottom = box
    half = (slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2))
    whole = (slice(top, bottom), slice(left, right))
    for index, (there, here) in enumerate(zip(target, source, strict=True)):
        area = half if halved or index else whole
        there[area] = here[area]
