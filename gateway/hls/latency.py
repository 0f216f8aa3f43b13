"""How far behind the camera a player of our playlists will be, told before there is one (pure)."""

from __future__ import annotations

from typing import Final

from gateway.hls.cadence import Cadence, choose
from gateway.hls.packager import Lengths
from gateway.hls.playlist import HOLD_BACK_TARGETS, PART_HOLD_BACK_PARTS
from gateway.media.timestamps import DEFAULT_INTERVAL
from gateway.media.units import VIDEO_CLOCK_RATE

_ON_THE_WAY_S: Final = 0.1
"""From camera to gateway, from there to the player, and to the screen."""


def part_latency_s(lengths: Lengths, *, fps: float = 0.0, gop_s: float | None = None) -> float:
    """With parts: the hold-back from the end of the playlist, which is half a part old on average.

    `fps` is 0 and `gop_s` None while unknown: then the camera is believed to fit `lengths`.
    """
    target_s = _cadence(lengths, fps=fps, gop_s=gop_s).part_target / VIDEO_CLOCK_RATE
    return (PART_HOLD_BACK_PARTS + 0.5) * target_s + _ON_THE_WAY_S


def segment_latency_s(lengths: Lengths, *, fps: float = 0.0, gop_s: float | None = None) -> float:
    """With whole segments: as `part_latency_s`, in target durations."""
    target_s = _cadence(lengths, fps=fps, gop_s=gop_s).target_duration_s
    return (HOLD_BACK_TARGETS + 0.5) * target_s + _ON_THE_WAY_S


def segment_s(lengths: Lengths, *, fps: float = 0.0, gop_s: float | None = None) -> float:
    """The longest that a viewer of whole segments may wait for the first of them to end."""
    return float(_cadence(lengths, fps=fps, gop_s=gop_s).target_duration_s)


def _cadence(lengths: Lengths, *, fps: float, gop_s: float | None) -> Cadence:
    return choose(
        round(VIDEO_CLOCK_RATE / fps) if fps > 0 else DEFAULT_INTERVAL,
        gop_s=lengths.segment_s if gop_s is None else gop_s,
        group_s=0.0,
        part_s=lengths.part_s,
        segment_s=lengths.segment_s,
    )
