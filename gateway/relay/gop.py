"""The newest group of pictures of a camera, so that a viewer who joins sees a picture at once."""

from __future__ import annotations

from gateway.media.units import AccessUnit, TrackKind


class GopCache:
    """Keeps every unit since the newest keyframe, within limits of age and size.

    A group that outgrows a limit is forgotten until the next keyframe: half a group can't be decoded, and a
    burst of that size would take longer than waiting.  Audio since the keyframe is kept with it.
    """

    def __init__(self, *, max_seconds: float = 10.5, max_bytes: int = 8 << 20) -> None:
        self._max_seconds = max_seconds
        self._max_bytes = max_bytes
        self._units: list[AccessUnit] = []
        self._size = 0
        self._keyframe_captured_at: float | None = None
        self.gop_s: float | None = None
        """Seconds between the last two keyframes, None before the second."""
        self._last_keyframe_pts: int | None = None

    def push(self, unit: AccessUnit) -> None:
        """Take the next unit of either track."""
        if unit.track is TrackKind.VIDEO and unit.keyframe:
            self._measure(unit)
            self._units = [unit]
            self._size = len(unit.data)
            self._keyframe_captured_at = unit.captured_at
            return
        if self._keyframe_captured_at is None:
            return
        self._units.append(unit)
        self._size += len(unit.data)
        if self._size > self._max_bytes or unit.captured_at - self._keyframe_captured_at > self._max_seconds:
            self._forget()

    def _measure(self, unit: AccessUnit) -> None:
        if self._last_keyframe_pts is not None and unit.pts > self._last_keyframe_pts:
            self.gop_s = float((unit.pts - self._last_keyframe_pts) * unit.time_base)
        self._last_keyframe_pts = unit.pts

    def clear(self) -> None:
        """Forget the group because the camera is gone; the pause until its next keyframe is no group either."""
        self._forget()
        self._last_keyframe_pts = None

    def _forget(self) -> None:
        self._units = []
        self._size = 0
        self._keyframe_captured_at = None

    def units(self) -> tuple[AccessUnit, ...]:
        """The units since the newest keyframe, that first; empty when there is no usable group."""
        return tuple(self._units)

    @property
    def usable(self) -> bool:
        """Whether there is a group to start from."""
        return bool(self._units)

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size
