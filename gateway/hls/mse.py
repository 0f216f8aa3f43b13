"""Media Source Extensions over a viewer's WebSocket, in go2rtc's protocol: messages are framed once for all viewers.

A client names the codecs it plays; the answer is the media type to make a SourceBuffer with, then come an
initialization section and messages with a fragment for each picture.  Before another initialization section, the media
type comes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket as sockets
from collections import Counter
from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.hls.backlog import Backlog, Message
from gateway.hls.bundles import Bundle
from gateway.hls.cast import DIRECT_BYTES, RUNG, Cast, Line
from gateway.hls.frames import Fragment
from gateway.media.units import VIDEO_CLOCK_RATE, StreamInfo
from gateway.relay.camera import Camera
from gateway.source.validator import assess

_log = logging.getLogger(__name__)

_H264: Final = ("avc1", "avc3")
_BATCH_BYTES: Final = 128 << 10
"""The group of pictures so far comes in messages of about this size: fewer to append than there are pictures."""

_UNSENT_BYTES: Final = 128 << 10
"""What the kernel may hold beyond what is on its way: what has to be skipped must still be ours."""


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

    def remove(self, name: str) -> None:
        """Forget a camera that is gone; who watched it leaves by itself."""
        self._casts.pop(name, None)

    def counts(self) -> Counter[str]:
        """How many watch over a WebSocket, by camera."""
        return Counter({name: len(cast) for name, cast in self._casts.items() if len(cast)})

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
        admit: Callable[[], None],
        wake: Callable[[], None],
        fail: Callable[[str], None],
    ) -> None:
        """`admit` raises GatewayError where there is no room for one more viewer."""
        self.backlog = Backlog(clock=mse.clock)
        self._mse = mse
        self._camera = camera
        self._socket = socket
        self._transport = transport
        self._admit = admit
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
        self.stop()
        self._codecs = frozenset(codec for codec in (part.strip().lower() for part in codecs.split(",")) if codec)
        if self._codecs:
            self._starting = asyncio.create_task(self._start(), name=f"mse of {self._camera.name}")

    def stop(self) -> None:
        """Send nothing more until asked again."""
        if self._starting is not None:
            self._starting.cancel()
        if self._cast is not None:
            self._cast.leave(self)
        self._starting = self._cast = self._origin = None
        self._generation = 0
        self.backlog.clear()

    @property
    def watches(self) -> bool:
        """Whether it has a place among the camera's viewers."""
        return self._cast is not None

    def close(self) -> asyncio.Task[None] | None:
        """As `stop`, for good; returns what has been cancelled and may still run."""
        starting = self._starting
        self.stop()
        return starting

    async def _start(self) -> None:
        try:
            self._admit()
            stream = await self._camera.playing()
            # Others may have come meanwhile.
            self._admit()
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

    def take(self, bundle: Bundle) -> Line | None:
        """Receiver."""
        if self._socket.closed or self._transport is None:
            return None
        if bundle.generation != self._generation:
            if not bundle.is_keyframe:
                return None
            self.backlog.clear()
            self._announce(bundle.first)
        self._put(bundle.message(sound=self._sound))
        return self._line() if self.backlog.is_idle else None

    def _line(self) -> Line | None:
        transport = self._transport
        return None if transport is None else Line(transport.write, transport.get_write_buffer_size, self._sound)

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
        if not self.backlog.waits and transport.get_write_buffer_size() <= DIRECT_BYTES:
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
