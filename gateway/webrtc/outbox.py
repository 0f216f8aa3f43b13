"""What goes out over one viewer's WebSocket: messages before pictures, one by one, and nothing past its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiohttp import WSCloseCode, web

from gateway.hls.mse import MseViewer

_SEND_DEADLINE_S: Final = 10.0
_CLOSE_DEADLINE_S: Final = 1.5
_MESSAGES: Final = 32
"""That may wait for a slow client; one that lets more pile up is disconnected."""


class Outbox:
    """Anybody may put something in; one task writes."""

    def __init__(self, state: Callable[[], dict[str, Any]]) -> None:
        """`state` makes the camera's state when it is its turn."""
        self._state = state
        self._state_due = False
        self._messages: deque[dict[str, Any]] = deque()
        self._due = asyncio.Event()
        self._ends: tuple[web.WebSocketResponse, MseViewer] | None = None
        self._closing = False
        self.overrun = False
        """The client lets too much pile up."""
        self._code = WSCloseCode.OK

    @property
    def is_over(self) -> bool:
        """Whether the socket is about to be closed: what its client says is of no interest any more."""
        return self._closing or self.overrun

    def send(self, message: dict[str, Any]) -> None:
        """In its turn."""
        if len(self._messages) >= _MESSAGES:
            self.overrun = True
        else:
            self._messages.append(message)
        self._due.set()

    def send_state(self) -> None:
        """However many changes there are while the client is slow, they are one message, made when it is sent."""
        self._state_due = True
        self._due.set()

    def wake(self) -> None:
        """There are pictures to write."""
        self._due.set()

    def finish(self, code: WSCloseCode = WSCloseCode.OK) -> None:
        """Close the socket after the messages that wait."""
        self._code = code
        self._closing = True
        self._due.set()

    def open(self, socket: web.WebSocketResponse, media: MseViewer) -> Coroutine[Any, Any, None]:
        """What writes to `socket`, also the pictures of `media`, until the end of it, and closes it then."""
        self._ends = socket, media
        return self._write(socket, media)

    async def _write(self, socket: web.WebSocketResponse, media: MseViewer) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            while not self.is_over:
                await self._due.wait()
                self._due.clear()
                await self._write_due(socket, media)
        # A client that does not read is let go; the reader then ends too.
        await self.close(code=self._code)

    async def _write_due(self, socket: web.WebSocketResponse, media: MseViewer) -> None:
        while not self.overrun:
            if self._state_due:
                self._state_due = False
                message: dict[str, Any] = {"type": "state", "value": self._state()}
            elif self._messages:
                message = self._messages.popleft()
            elif media.due and not self._closing:
                # Pictures wait for messages, never the other way round.
                async with asyncio.timeout(_SEND_DEADLINE_S):
                    await media.write_next()
                continue
            else:
                return
            async with asyncio.timeout(_SEND_DEADLINE_S):
                await socket.send_str(json.dumps(message))

    async def close(self, *, code: int = WSCloseCode.OK, reason: bytes = b"") -> None:
        """Close the socket from this side, within 1.5 s, also when the other side neither reads nor answers."""
        self._closing = True
        if self._ends is None:
            return
        socket, media = self._ends
        # Pictures are written past the socket: nothing may follow what closes that.
        media.stop()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await socket.close(code=code, message=reason)
