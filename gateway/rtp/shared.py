"""A frame that many viewers are sent: laid out for sending when the first of a class needs it, and never twice."""

from __future__ import annotations

from typing import Final

from gateway.media.units import TrackKind
from gateway.rtp.stream import RtpFrame
from gateway.rtp.templates import PacketClass, Run, lay_out

MAX_LAYOUTS: Final = 8
"""Classes whose layout is kept; browsers of one kind share theirs.  With more, the oldest is made again when needed."""


class SharedFrame:
    """A frame of one track with its layouts, which live as long as it does: in the group so far and in queues."""

    __slots__ = ("frame", "keyframe", "kind", "layouts", "size")

    def __init__(self, kind: TrackKind, frame: RtpFrame) -> None:
        self.kind = kind
        self.frame = frame
        self.keyframe = frame.keyframe
        self.size = frame.size
        self.layouts: dict[PacketClass, tuple[Run, ...]] = {}
        """What `lay_out` has made so far."""

    def lay_out(self, packet_class: PacketClass) -> tuple[Run, ...]:
        """The frame laid out for a class."""
        found = self.layouts.get(packet_class)
        if found is None:
            found = lay_out(self.frame, packet_class)
            if len(self.layouts) == MAX_LAYOUTS:
                # Viewers choose their classes, so these must not grow without limit.
                del self.layouts[next(iter(self.layouts))]
            self.layouts[packet_class] = found
        return found
