"""The delay that a viewer is promised, by the lengths of parts and segments."""

from __future__ import annotations

import pytest

from gateway.hls.latency import part_latency_s, segment_latency_s, segment_s
from gateway.hls.packager import Lengths


@pytest.mark.parametrize(
    ("lengths", "fps", "gop_s", "parts_s", "segments_s"),
    [
        (Lengths(), 0.0, None, 0.70, 3.6),  # nothing known: parts of 170 ms, segments of 1 s
        (Lengths(), 30.0, 1.0, 0.70, 3.6),
        (Lengths(), 30.0, 4.0, 0.70, 14.1),  # a segment holds a whole group of pictures
        (Lengths(part_s=0.5, segment_s=2.0), 30.0, 2.0, 1.89, 7.1),
        (Lengths(), 2.0, 1.0, 1.89, 3.6),  # a part holds at least one picture
    ],
)
def test_lengths_make_the_delay(
    lengths: Lengths, fps: float, gop_s: float | None, parts_s: float, segments_s: float
) -> None:
    assert part_latency_s(lengths, fps=fps, gop_s=gop_s) == pytest.approx(parts_s, abs=0.01)
    assert segment_latency_s(lengths, fps=fps, gop_s=gop_s) == pytest.approx(segments_s, abs=0.01)
    assert segment_s(lengths, fps=fps, gop_s=gop_s) == pytest.approx((segments_s - 0.1) / 3.5, abs=0.01)
