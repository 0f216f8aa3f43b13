"""Hurries through the pictures that a player must decode before those it is to show (pure).

A camera's playlist begins in the middle of a group of pictures.  hls.js fetches a first segment whole, part by part,
before it looks for its place in there, and never catches up with what time that took: as much as half a second at the
end of a long group.  So all but the newest pictures pass within less than a millisecond, and the playlist begins where
a player wants to begin anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit


def hurried(pictures: Sequence[AccessUnit], *, kept: int) -> list[AccessUnit]:
    """The same pictures, all before the last one's `kept` / 90000 s 1/90000 s apart and close before those.

    Those are dated as if they had been captured then.  Pictures that are not shown in the order of their decoding stay
    as they are.
    """
    if any(picture.pts != picture.dts for picture in pictures):
        return list(pictures)
    begin = max((place for place, picture in enumerate(pictures) if pictures[-1].dts - picture.dts >= kept), default=0)
    first = pictures[begin]
    hurrying = []
    for place, picture in enumerate(pictures[:begin]):
        ahead = begin - place
        time = first.dts - ahead
        hurrying.append(replace(picture, pts=time, dts=time, captured_at=first.captured_at - ahead / VIDEO_CLOCK_RATE))
    return [*hurrying, *pictures[begin:]]
