"""What is in a demo camera's picture, before it is encoded."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest

from gateway.demo.clock_strip import draw_clock_strip
from gateway.demo.picture import Picture
from gateway.demo.scenes.motion import breathing, crossing, falling, flapping, orbiting
from gateway.demo.spec import CameraSpec, Scene
from gateway.demo.sprites import FULL_COVERAGE, Placement, blend
from tests.support.cameras import clock_age_ms, frame_clock_ms, read_clock_strip

_SPEC = CameraSpec(name="cam", width=640, height=360)
_NOW_S = 1_790_000_000.25


def _luma(frame: av.VideoFrame) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.asarray(frame.to_ndarray(), np.uint8)[: frame.height].copy()


@pytest.mark.parametrize("width", [64, 320, 1000, 1280, 1920])
@pytest.mark.parametrize("milliseconds", [0, 0xFFFFFFFF, 0xA5A55A5A, 1_790_000_000_123])
def test_clock_strip_reads_back(width: int, milliseconds: int) -> None:
    luma = np.full((100, width), 99, np.uint8)
    draw_clock_strip(luma, milliseconds)
    assert read_clock_strip(luma) == milliseconds % (1 << 32)
    assert set(np.unique(luma[: width // 32, : width // 32 * 32])) <= {16, 235}
    assert (luma[width // 32 :] == 99).all()


def test_age_of_a_clock_survives_its_wrap() -> None:
    assert clock_age_ms(0xFFFFFFFF, now_s=4294967.296) == 1
    assert clock_age_ms(5, now_s=4294967.296) == -5


@pytest.mark.parametrize("scene", Scene)
@pytest.mark.parametrize("size", [(640, 360), (1000, 500), (360, 640), (64, 64)])
def test_every_scene_shows_the_time_and_moves_in_every_shape(scene: Scene, size: tuple[int, int]) -> None:
    picture = Picture(replace(_SPEC, scene=scene, width=size[0], height=size[1]))
    first = picture.draw(wall_s=_NOW_S)
    assert frame_clock_ms(first) == int(_NOW_S * 1000) % (1 << 32)
    before = _luma(first)
    after = _luma(picture.draw(wall_s=_NOW_S + 1.5))
    below_panel = size[1] // 3
    assert (before[below_panel:] != after[below_panel:]).any()


def test_nothing_that_moved_leaves_a_trace() -> None:
    used, fresh = Picture(_SPEC), Picture(_SPEC)
    for step in range(50):
        used.draw(wall_s=_NOW_S + step * 0.7)
    assert (used.draw(wall_s=_NOW_S).to_ndarray() == fresh.draw(wall_s=_NOW_S).to_ndarray()).all()


def test_readable_clock_changes_with_the_millisecond() -> None:
    picture = Picture(_SPEC)
    before = _luma(picture.draw(wall_s=_NOW_S))
    after = _luma(picture.draw(wall_s=_NOW_S + 0.001))
    changed = np.argwhere(before[30:60] != after[30:60])
    assert changed.size
    # Only the last digit's few columns.
    assert np.ptp(changed[:, 1]) < 20


def test_asked_for_bitrate_brings_grain_that_never_wraps() -> None:
    picture = Picture(replace(_SPEC, bitrate_bps=4_000_000))
    before = _luma(picture.draw(wall_s=_NOW_S))
    after = _luma(picture.draw(wall_s=_NOW_S + 1 / 30))
    assert (before[100:] != after[100:]).mean() > 0.8
    assert abs(before[100:].astype(int) - after[100:]).mean() < 10
    assert before.min() >= 16
    assert before.max() <= 235


def test_blend_mixes_and_leaves_out_what_is_outside() -> None:
    plane = np.full((4, 4), 200, np.uint8)
    half = np.full((2, 2), FULL_COVERAGE // 2, np.int16)
    blend(plane, value=100, coverage=half, x=3, y=-1)
    blend(plane, value=100, coverage=half, x=40, y=0)
    expected = np.full((4, 4), 200, np.uint8)
    expected[0, 3] = 150
    assert (plane == expected).all()


def test_paths_follow_the_wall_clock() -> None:
    across = crossing(width=100, sprite_width=20, y=5, period_s=10, offset_s=0, move_s=4)
    assert across(0) == Placement(-20, 5)
    assert across(2) == Placement(40, 5)
    assert across(4) is None
    assert across(12) == Placement(40, 5)
    down = falling(width=100, height=200, x=0.5, period_s=10, offset_s=0, sway=0)
    assert down(0) == Placement(50, -60)
    later = down(5)
    assert later is not None
    assert later.y == pytest.approx(70)
    around = orbiting(x=10, y=20, rx=3, ry=4, period_s=2, offset_s=0)
    assert all(abs(spot.x - 10) <= 3 and abs(spot.y - 20) <= 4 for spot in map(around, range(20)) if spot is not None)
    glow = breathing(x=1, y=2, low=0.2, high=0.6, period_s=4)
    bright, dim = glow(1), glow(3)
    assert bright is not None
    assert dim is not None
    assert [bright.opacity, dim.opacity] == pytest.approx([0.6, 0.2])
    wings = [flapping(glow, phase=phase, period_s=1) for phase in (0, 1)]
    assert [[wing(now_s) is not None for wing in wings] for now_s in (0.1, 0.6)] == [[True, False], [False, True]]
