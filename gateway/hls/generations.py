"""One camera's origins: the newest, with which newcomers begin, and those before it while others watch them."""

from __future__ import annotations

from typing import Final

from gateway.clock import Clock
from gateway.hls.origin import Origin
from gateway.hls.packager import Lengths
from gateway.hls.viewers import count
from gateway.relay.camera import Camera

MAX_OLDER: Final = 2
"""Each costs what packaging the camera costs.  Beyond that newcomers begin where they have to.

One that nobody watches costs nothing, and is there for who comes back until its place is needed: players that were
paused ask for the playlist that they know, and most never for another.
"""


class Generations:
    """Belongs to the event loop's thread."""

    def __init__(self, camera: Camera, lengths: Lengths, *, clock: Clock) -> None:
        self.camera = camera
        self._lengths = lengths
        self._clock = clock
        self._older: list[Origin] = []
        self.newest = self._make()

    def _make(self) -> Origin:
        return Origin(self.camera, self._lengths, clock=self._clock)

    def for_newcomer(self) -> Origin:
        """What somebody who has no playlist yet begins with: a playlist of its own where the newest has no good place.

        In the first group of pictures of a playlist there is no keyframe but the one it began with, and most players
        stay as far behind as they begin.
        """
        if self.newest.begins_far_behind and self._has_room():
            self._older.append(self.newest)
            self.newest = self._make()
        return self.newest

    def _has_room(self) -> bool:
        """Whether another may go on as an older one, in the place of one that nobody watches where there are enough."""
        if len(self._older) == MAX_OLDER:
            stopped = next((origin for origin in self._older if not origin.packaging), None)
            if stopped is None:
                return False
            self._older.remove(stopped)
        return True

    def find(self, generation: str) -> Origin | None:
        """The origin of that generation, None where it is no more."""
        return next((origin for origin in (self.newest, *self._older) if origin.generation == generation), None)

    @property
    def viewers(self) -> int:
        """How many watch; who begins anew with another origin is still one."""
        return count(origin.viewers for origin in (self.newest, *self._older))

    def close(self) -> None:
        """Stop all of them for good."""
        for origin in (self.newest, *self._older):
            origin.close()
