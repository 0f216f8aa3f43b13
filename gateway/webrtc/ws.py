"""`/api/ws?src=`: accepts the WebSockets of viewers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSCloseCode, web

from gateway.clock import Clock
from gateway.errors import BadRequest, Unavailable
from gateway.hls.mse import Mse
from gateway.relay.camera import Camera
from gateway.webrtc.messages import MAX_MESSAGE_BYTES
from gateway.webrtc.sessions import Sessions
from gateway.webrtc.signalling import Caller, Describe, Signalling
from gateway.webrtc.whep import required_source

_HEARTBEAT_S = 20.0
_MAX_SOCKETS = 4096


class SignallingRoute:
    """Accepts the WebSocket of each viewer."""

    def __init__(
        self,
        sessions: Sessions,
        find_camera: Callable[[str], Camera],
        *,
        describe: Describe,
        clock: Clock,
        call: Callable[[web.Request, Camera], Caller],
        mse: Mse,
    ) -> None:
        """`call` says who has opened a socket for a camera."""
        self._mse = mse
        self._call = call
        self._sessions = sessions
        self._find_camera = find_camera
        self._describe = describe
        self._clock = clock
        self._open: set[Signalling] = set()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """`GET /api/ws?src=`: 404 for an unknown camera, then a socket until one side closes it."""
        camera = self._find_camera(required_source(request))
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise BadRequest("This address is a WebSocket; connect to it with ws:// or wss://", code="not_a_websocket")
        if len(self._open) >= _MAX_SOCKETS:
            raise Unavailable("The gateway has as many signalling sockets as it may; try again later", retry_after_s=10)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        await socket.prepare(request)
        signalling = Signalling(
            camera,
            self._sessions,
            describe=self._describe,
            clock=self._clock,
            caller=self._call(request, camera),
            mse=self._mse,
        )
        self._open.add(signalling)
        try:
            with camera.watched():
                await signalling.run(socket, request.transport)
        finally:
            self._open.discard(signalling)
        return socket

    async def close(self) -> None:
        """Tell all viewers that the gateway goes away."""
        await asyncio.gather(
            *(one.close(code=WSCloseCode.GOING_AWAY, reason=b"the gateway stops") for one in tuple(self._open))
        )
