"""Pictures in a hurry share messages: which of them, and each message made once for all viewers (pure)."""

from __future__ import annotations

from typing import Final

from gateway.hls.backlog import Message
from gateway.hls.frames import Fragment
from gateway.media.units import VIDEO_CLOCK_RATE

HOLD_S: Final = 0.034
"""A picture waits for the next one or two where they follow within so long: above 29 pictures a second."""

CROWD_HOLD_S: Final = 0.067
"""The same where a crowd watches: above 14 pictures a second two share a message, and three above 29."""

CROWD: Final = 25
"""From so many on messages are what a camera costs, and an interval more is worth a third of it."""


def hold_s(viewers: int) -> float:
    """How long pictures wait for others to share a message with, in seconds, where so many are sent each."""
    return HOLD_S if viewers < CROWD else CROWD_HOLD_S


class Bundle:
    """One picture or a few, on their way to all viewers of a camera in one message; a keyframe comes alone."""

    __slots__ = ("_audible", "_fragments", "_messages", "first", "generation", "is_keyframe")

    def __init__(self, fragments: tuple[Fragment, ...]) -> None:
        """At least one, all of one format."""
        first = fragments[0]
        self.first = first
        self.generation = first.format.generation
        self.is_keyframe = first.keyframe
        self._fragments = fragments
        self._audible = any(fragment.sound for fragment in fragments)
        self._messages: dict[bool, Message] = {}

    def message(self, *, sound: bool) -> Message:
        """With or without what there is to hear."""
        sound = sound and self._audible
        found = self._messages.get(sound)
        if found is None:
            data = b"".join(fragment.data(sound=sound) for fragment in self._fragments)
            found = self._messages[sound] = Message.binary(data, keyframe=self.is_keyframe)
        return found


class Bundler:
    """One camera's fragments in order, bundled."""

    def __init__(self) -> None:
        self.hold_s = HOLD_S
        self._held: list[Fragment] = []
        self._last: Fragment | None = None

    @property
    def holds(self) -> bool:
        """Whether there is something that `flush` would return."""
        return bool(self._held)

    def add(self, fragment: Fragment) -> list[Bundle]:
        """The next picture; returns what is to be sent now."""
        hold = round(self.hold_s * VIDEO_CLOCK_RATE)
        interval = hold if self._last is None else fragment.time - self._last.time
        self._last = fragment
        if fragment.keyframe:
            # It is waited for, and where a slow viewer goes on must be a message's beginning.
            return [*self.flush(), Bundle((fragment,))]
        self._held.append(fragment)
        # The first of them would wait for the next as well.
        return self.flush() if fragment.time + interval - self._held[0].time > hold else []

    def flush(self) -> list[Bundle]:
        """What is held, and waits no longer; none or one."""
        held, self._held = self._held, []
        return [Bundle(tuple(held))] if held else []
