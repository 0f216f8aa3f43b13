"""One camera's pictures for everybody who watches over a WebSocket: made once, while somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.hls.bundles import Bundle, Bundler, hold_s
from gateway.hls.frames import Fragment, Framer
from gateway.media.units import AccessUnit, StreamInfo
from gateway.relay.camera import Camera
from gateway.source.validator import assess

RUNG: Final = "mse"
_MAX_GROUP_BYTES: Final = 8 << 20
_GRACE_S: Final = 0.01
"""How much later than foretold a picture may come and still share its message."""


DIRECT_BYTES: Final = 32 << 10
"""With no more than this waiting in the transport, pictures go there at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where a viewer's pictures can be written without asking it, while no more than DIRECT_BYTES are `waiting`."""

    write: Callable[[bytes], None]
    waiting: Callable[[], int]
    sound: bool


class Receiver(Protocol):
    """Someone who is sent a camera's fragments; must neither block nor raise."""

    def take(self, bundle: Bundle) -> Line | None:
        """The next pictures; returns where those that follow can be written, while few bytes wait there.

        None: `take` has to be called for the next, too.  Another generation of fragments always comes by `take`.
        """

    def stopped(self, reason: str) -> None:
        """The camera sends what can't be shown, until further notice."""


class Cast:
    """One camera's fragments while somebody watches.  Implements the hub's `Sink`."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self._receivers: dict[Receiver, Line | None] = {}
        self._generation = 0
        self._framer: Framer | None = None
        self._bundler = Bundler()
        self._flushing: asyncio.TimerHandle | None = None
        self._group: list[Fragment] = []
        self._group_bytes = 0

    def __len__(self) -> int:
        """How many receive it."""
        return len(self._receivers)

    def join(self, receiver: Receiver, stream: StreamInfo) -> list[Fragment]:
        """Send it everything from now on; returns the group of pictures so far."""
        # What is held belongs to the group, and would be sent twice.
        self._flush()
        self._receivers[receiver] = None
        hub = self.camera.hub
        if self._framer is None:
            self._framer = Framer(stream)
            self._keep(self._framer.begin(hub.attach(self).units))
        # The hub forgets its group when the camera is gone: nobody must be shown an old picture as if it were live.
        return list(self._group) if hub.gop.usable else []

    def leave(self, receiver: Receiver) -> None:
        """Send it nothing more; harmless when it has not joined."""
        self._receivers.pop(receiver, None)
        if not self._receivers and self._framer is not None:
            self.camera.hub.detach(self)
            self._framer = None
            self._flush()
            self._generation = 0
            self._forget_group()

    def on_unit(self, unit: AccessUnit) -> None:
        """Sink."""
        framer = self._framer
        fragment = None if framer is None else framer.add(unit)
        if fragment is None:
            return
        self._keep([fragment])
        self._bundler.hold_s = hold_s(len(self._receivers))
        self._send(self._bundler.add(fragment))
        if self._bundler.holds:
            if self._flushing is None:
                self._flushing = asyncio.get_running_loop().call_later(self._bundler.hold_s + _GRACE_S, self._flush)
        elif self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None

    def on_stream(self, stream: StreamInfo) -> None:
        """Sink."""
        if self._framer is None:
            return
        self._framer.change(stream)
        verdict = assess(stream)[RUNG]
        if not verdict.ok:
            self._flush()
            self._forget_group()
            for receiver in tuple(self._receivers):
                receiver.stopped(verdict.message or "this camera sends nothing a browser can play")

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        self._send(self._bundler.flush())

    def _send(self, bundles: list[Bundle]) -> None:
        for bundle in bundles:
            if bundle.generation != self._generation:
                self._generation = bundle.generation
                self._receivers = dict.fromkeys(self._receivers)
            # One at a time, as nearly all that a viewer costs is in here: who keeps up is not even looked at.
            mute, loud = (bundle.message(sound=sound).framed for sound in (False, True))
            for receiver, line in tuple(self._receivers.items()):
                if line is None or line.waiting() > DIRECT_BYTES:
                    self._receivers[receiver] = receiver.take(bundle)
                else:
                    line.write(loud if line.sound else mute)

    def _keep(self, fragments: list[Fragment]) -> None:
        for fragment in fragments:
            if fragment.keyframe:
                self._forget_group()
            elif not self._group:
                continue
            self._group.append(fragment)
            self._group_bytes += fragment.size
            if self._group_bytes > _MAX_GROUP_BYTES:
                self._forget_group()

    def _forget_group(self) -> None:
        self._group = []
        self._group_bytes = 0
