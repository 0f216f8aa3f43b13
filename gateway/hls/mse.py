"""Media Source Extensions over a viewer's WebSocket, in go2rtc's protocol: each picture is framed once for all viewers.

A client names the codecs it plays; the answer is the media type to make a SourceBuffer with, then come an
initialization section and fragments of one picture each.  Before another initialization section, the media type comes
again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket as sockets
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.hls.backlog import Backlog, Message
from gateway.hls.frames import Fragment, Framer
from gateway.media.units import VIDEO_CLOCK_RATE, AccessUnit, StreamInfo
from gateway.relay.camera import Camera
from gateway.source.validator import assess

_log = logging.getLogger(__name__)

RUNG: Final = "mse"
_H264: Final = ("avc1", "avc3")
_MAX_GROUP_BYTES: Final = 8 << 20
_BATCH_BYTES: Final = 128 << 10
"""The group of pictures so far comes in messages of about this size: fewer to append than there are pictures."""

_DIRECT_BYTES: Final = 32 << 10
"""With no more than this waiting in the transport, a picture goes there at once."""

_UNSENT_BYTES: Final = 128 << 10
"""What the kernel may hold beyond what is on its way: what has to be skipped must still be ours."""


class SharedFragment:
    """A fragment on its way to all viewers of a camera; its messages are made once."""

    __slots__ = ("_messages", "fragment")

    def __init__(self, fragment: Fragment) -> None:
        self.fragment = fragment
        self._messages: dict[bool, Message] = {}

    def message(self, *, sound: bool) -> Message:
        """With or without what there is to hear."""
        sound = sound and bool(self.fragment.sound)
        found = self._messages.get(sound)
        if found is None:
            data = self.fragment.data(sound=sound)
            found = self._messages[sound] = Message.binary(data, keyframe=self.fragment.keyframe)
        return found


class Receiver(Protocol):
    """Someone who is sent a camera's fragments; must neither block nor raise."""

    def take(self, shared: SharedFragment) -> None:
        """The next picture."""

    def stopped(self, reason: str) -> None:
        """The camera sends what can't be shown, until further notice."""


class Cast:
    """One camera's fragments while somebody watches.  Implements the hub's `Sink`."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self._receivers: dict[Receiver, None] = {}
        self._framer: Framer | None = None
        self._group: list[Fragment] = []
        self._group_bytes = 0

    def __len__(self) -> int:
        """How many receive it."""
        return len(self._receivers)

    def join(self, receiver: Receiver, stream: StreamInfo) -> list[Fragment]:
        """Send it everything from now on; returns the group of pictures so far."""
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
            self._forget_group()

    def on_unit(self, unit: AccessUnit) -> None:
        """Sink."""
        framer = self._framer
        fragment = None if framer is None else framer.add(unit)
        if fragment is None:
            return
        self._keep([fragment])
        shared = SharedFragment(fragment)
        for receiver in tuple(self._receivers):
            receiver.take(shared)

    def on_stream(self, stream: StreamInfo) -> None:
        """Sink."""
        if self._framer is None:
            return
        self._framer.change(stream)
        verdict = assess(stream)[RUNG]
        if not verdict.ok:
            self._forget_group()
            for receiver in tuple(self._receivers):
                receiver.stopped(verdict.message or "this camera sends nothing a browser can play")

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


class Mse:
    """The fragments of all cameras, and who is sent them."""

    def __init__(self, *, clock: Clock) -> None:
        self.clock = clock
        self._casts: dict[str, Cast] = {}

    def cast(self, camera: Camera) -> Cast:
        """A camera's; it makes nothing before somebody joins."""
        cast = self._casts.get(camera.name)
        if cast is None or cast.camera is not camera:
            cast = self._casts[camera.name] = Cast(camera)
        return cast

    def viewers(self, camera: Camera) -> int:
        """How many watch a camera over a WebSocket."""
        cast = self._casts.get(camera.name)
        return 0 if cast is None or cast.camera is not camera else len(cast)


class MseViewer:
    """One socket's pictures.  `wake` is called when there is something to `write_next`, `fail` with a sentence."""

    def __init__(
        self,
        mse: Mse,
        camera: Camera,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        *,
        wake: Callable[[], None],
        fail: Callable[[str], None],
    ) -> None:
        self.backlog = Backlog(clock=mse.clock)
        self._mse = mse
        self._camera = camera
        self._socket = socket
        self._transport = transport
        self._wake = wake
        self._fail = fail
        self._codecs: frozenset[str] = frozenset()
        self._starting: asyncio.Task[None] | None = None
        self._cast: Cast | None = None
        self._generation = 0
        self._sound = False
        self._origin: int | None = None

    # What the client asks for.

    def play(self, codecs: str) -> None:
        """Send pictures to a client that plays `codecs`, RFC 6381's with commas between; none of them: stop."""
        self._stop()
        self._codecs = frozenset(codec for codec in (part.strip().lower() for part in codecs.split(",")) if codec)
        if self._codecs:
            self._starting = asyncio.create_task(self._start(), name=f"mse of {self._camera.name}")

    def _stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        if self._cast is not None:
            self._cast.leave(self)
        self._starting = self._cast = self._origin = None
        self._generation = 0
        self.backlog.clear()

    def close(self) -> asyncio.Task[None] | None:
        """Send nothing more; returns what has been cancelled and may still run."""
        starting = self._starting
        self._stop()
        return starting

    async def _start(self) -> None:
        try:
            stream = await self._camera.playing()
            self._join(stream)
        except GatewayError as error:
            self._fail(error.message)
        except Exception:  # noqa: BLE001  whoever waits for an answer must get one
            _log.exception("%s: fragments could not be begun", self._camera.name)
            self._fail("Something went wrong in the gateway; its log says more")

    def _join(self, stream: StreamInfo) -> None:
        verdict = assess(stream)[RUNG]
        if not verdict.ok:
            self._fail(verdict.message or "this camera sends nothing a browser can play")
        elif not any(codec.startswith(_H264) for codec in self._codecs):
            self._fail("this camera sends H.264 (avc1), which is not among the codecs your browser plays")
        else:
            _hold_little(self._transport)
            self._cast = self._mse.cast(self._camera)
            self._begin(self._cast.join(self, stream))

    def _begin(self, group: list[Fragment]) -> None:
        if not group:
            return
        self._announce(group[0])
        self._put(Message.binary(group[0].data(sound=self._sound), keyframe=True))
        batch: list[bytes] = []
        size = 0
        for fragment in group[1:]:
            if size + fragment.size > _BATCH_BYTES and batch:
                self._put(Message.binary(b"".join(batch)))
                batch, size = [], 0
            batch.append(fragment.data(sound=self._sound))
            size += fragment.size
        if batch:
            self._put(Message.binary(b"".join(batch)))

    # From the camera.

    def take(self, shared: SharedFragment) -> None:
        """Receiver."""
        if self._socket.closed:
            return
        fragment = shared.fragment
        if fragment.format.generation != self._generation:
            if not fragment.keyframe:
                return
            self.backlog.clear()
            self._announce(fragment)
        self._put(shared.message(sound=self._sound))

    def stopped(self, reason: str) -> None:
        """Receiver."""
        self._fail(reason)

    def _announce(self, fragment: Fragment) -> None:
        """Tell of a new generation of fragments, which begins with this keyframe."""
        format_ = fragment.format
        self._generation = format_.generation
        self._sound = format_.has_sound_for(self._codecs)
        if self._origin is None:
            self._origin = fragment.time
        message = {
            "type": "mse",
            "value": format_.media_type(sound=self._sound),
            # When the player's time 0 was captured.
            "captured_at": round(fragment.zero_at + self._origin / VIDEO_CLOCK_RATE, 4),
        }
        self._put(Message.text(json.dumps(message)))
        self._put(Message.beginning(format_.initialization(sound=self._sound, origin=self._origin)))

    # To the client.

    def _put(self, message: Message) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not self.backlog.waits and transport.get_write_buffer_size() <= _DIRECT_BYTES:
            if self.backlog.may_pass(message):
                # A whole message at once, as aiohttp writes them too: it would make the same header for every viewer.
                transport.write(message.framed)
            return
        self.backlog.add(message)
        self._wake()

    @property
    def due(self) -> bool:
        """Whether `write_next` has something to write."""
        return self.backlog.waits

    async def write_next(self) -> None:
        """Write the next message, and wait while the client does not read."""
        message = self.backlog.take()
        if message.is_text:
            await self._socket.send_str(message.payload.decode())
        else:
            await self._socket.send_bytes(message.payload)


def _hold_little(transport: asyncio.Transport | None) -> None:
    """Keep what is not sent yet out of the kernel, where the platform can."""
    connection = None if transport is None else transport.get_extra_info("socket")
    option = getattr(sockets, "TCP_NOTSENT_LOWAT", None)
    if connection is not None and option is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(sockets.IPPROTO_TCP, option, _UNSENT_BYTES)
