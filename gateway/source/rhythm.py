"""Foresees a camera's next keyframe from the length of its groups of pictures (pure)."""

from __future__ import annotations

from typing import Final

from gateway.media.h264 import NalType
from gateway.source.parameter_sets import H264, read_leading

MIN_KEYFRAME_BYTES: Final = 4096
"""A keyframe of this size never shares one RTP packet with its parameter sets."""

_EQUAL_GOPS: Final = 2


class KeyframeRhythm:
    """Feed it each picture; `due` says whether the next is a keyframe whose first packet is known beforehand."""

    __slots__ = ("_equal", "_length", "_suits", "_usual")

    def __init__(self) -> None:
        self._usual = self._length = self._equal = 0
        self._suits = False

    def observe(self, data: bytes, *, keyframe: bool) -> None:
        """Take the next picture, in Annex B as it came."""
        if not keyframe:
            self._length += 1
            return
        if self._length == self._usual and self._length:
            self._equal += 1
        else:
            self._equal = 1 if self._length else 0
            self._usual = self._length
        self._length = 1
        self._suits = _leads_with_parameter_sets(data)

    @property
    def due(self) -> bool:
        """The last groups were equally long, the current one is now, and keyframes come behind parameter sets."""
        return self._suits and self._equal >= _EQUAL_GOPS and self._length == self._usual


def _leads_with_parameter_sets(data: bytes) -> bool:
    """Whether what stands before an IDR picture is sent in a packet of its own."""
    if len(data) < MIN_KEYFRAME_BYTES:
        return False
    leading = read_leading(data, H264)
    return bool(leading.sets) and leading.first_slice[:1] != b"" and leading.first_slice[0] & 0x1F == NalType.IDR_SLICE
