"""Shortens the group of pictures that a playlist begins with to what players are to be behind (pure).

A player that begins with nothing but the group of pictures so far must decode all of it, but is to show only its end:
as far behind as PART-HOLD-BACK says.  So it fetches part after part, has its element begin at the keyframe and then
jump, and is late by the time that takes.  Of the pictures that nobody is to see, each takes a tick here: the playlist
is as long as players are to be behind, they begin where it begins, and they have it after a few requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit, TrackKind


def shortened(group: Sequence[AccessUnit], *, length: int) -> list[AccessUnit]:
    """The same group, in which all pictures but those of the last `length` / 90000 s take a tick each.

    As it is where pictures are shown in another order than they come in, or where there is no more than that.  A
    moved picture claims to be captured when it is shown; what comes after it keeps its time.
    """
    pictures = [unit for unit in group if unit.track is TrackKind.VIDEO]
    if any(unit.pts != unit.dts for unit in pictures):
        return list(group)
    hidden = [unit for unit in pictures if unit.dts <= pictures[-1].dts - length]
    if len(hidden) < 2:
        return list(group)
    *hidden, first_shown = hidden
    moved: list[AccessUnit] = []
    for unit in group:
        if unit.track is TrackKind.VIDEO and unit.dts < first_shown.dts:
            before = len(hidden) - len(moved)
            at = first_shown.dts - before
            captured_at = first_shown.captured_at - before / VIDEO_CLOCK_RATE
            moved.append(replace(unit, pts=at, dts=at, captured_at=captured_at))
    kept = [unit for unit in group if unit.track is not TrackKind.VIDEO or unit.dts >= first_shown.dts]
    return [*moved, *kept]
