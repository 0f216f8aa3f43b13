"""One connection of a browser or program: what can't be read as a request is answered without repeating any of it.

What the shortcut can answer does not reach aiohttp's parser at all, which then takes the connection for idle.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from aiohttp import web
from aiohttp.http import RawRequestMessage

from gateway.errors import BadRequest, GatewayError, Unavailable
from gateway.web.failures import failure
from gateway.web.shortcut import Head, Question, Shortcut

_log = logging.getLogger(__name__)

_MAX_HEADS: Final = 4
_LINE_END: Final = b"\r\n"
_END: Final = b"\r\n\r\n"
_VERSION: Final = b" HTTP/1.1"
_METHOD: Final = b"GET "
_HLS: Final = b"/_hls/"


class Connection(web.RequestHandler):
    """As aiohttp's, which quotes the line it stumbled over, secrets included, and logs each as an error."""

    __slots__ = ("_behind", "_between", "_heads", "_question", "_shortcut")

    def __init__(self, manager: web.Server, *, shortcut: Shortcut | None = None, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._shortcut = shortcut
        self._heads: dict[bytes, Head] = {}
        self._between = True
        """Whether aiohttp's parser stands between two requests, as far as can be told from outside."""
        self._question: Question | None = None
        self._behind = b""

    def data_received(self, data: bytes) -> None:
        """From the transport."""
        if self._question is not None:
            # A client that does not wait for answers; one such piece is kept, and it has at most what is read at once.
            self._behind += data
            self._pause_transport_reading()
        elif not (self._between and self._is_idle() and self._take(data)):
            self._pass_on(data)

    def _is_idle(self) -> bool:
        """Whether aiohttp waits for the next request of this connection, having answered all others."""
        waiter = self._waiter
        return (
            waiter is not None
            and not waiter.done()
            and not self._messages
            and not (self._upgraded or self._paused or self._reading_paused or self._buffer_paused)
            and not (self._close or self._force_close)
        )

    def _pass_on(self, data: bytes) -> None:
        was_between, was_idle, known = self._between, self._is_idle(), self._request_count
        super().data_received(data)
        # One request that nothing came before, that ends with these bytes and has no body.
        is_one = was_idle and self._request_count == known + 1 and len(self._messages) == 1 and not self._upgraded
        self._between = is_one and data.find(_END) == len(data) - len(_END) and self._messages[0][1].is_eof()
        if self._between and was_between:
            self._remember(data)

    def _remember(self, data: bytes) -> None:
        message = self._messages[0][0]
        line, _, rest = data.partition(_LINE_END)
        if self._shortcut is None or not isinstance(message, RawRequestMessage) or message.should_close:
            return
        # As this first line ends where aiohttp saw it end, the rest is its headers.
        if _HLS not in (_target(line) or b""):
            return
        remote = self.peername[0] if isinstance(self.peername, tuple) else None
        head = self._shortcut.read(message.headers, remote=remote, is_secure=self.ssl_context is not None)
        if head is not None:
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            self._heads[rest] = head

    def _take(self, data: bytes) -> bool:
        line, _, rest = data.partition(_LINE_END)
        head, target = self._heads.get(rest), _target(line)
        if head is None or target is None or self._shortcut is None:
            return False
        question = self._shortcut.ask(head, target)
        if question is None:
            return False
        try:
            answer = self._shortcut.look(question)
        except Exception:  # noqa: BLE001  parts are written when asked for, and asyncio would end the connection
            # The application says so, and logs what nobody foresaw.
            return False
        if answer is None:
            self._question = question
            question.origin.waiting.add(self, deadline=self._loop.time() + question.origin.patience_s)
        else:
            self._send(answer)
        return True

    def look(self) -> bool:
        """For those who wait (gateway.hls.waiting)."""
        if self._question is None or self._shortcut is None:
            return True
        answer = self._shortcut.look_after_waiting(self._question)
        if answer is None:
            return False
        self._end_waiting(answer)
        return True

    def give_up(self) -> None:
        """The same."""
        if self._question is not None and self._shortcut is not None:
            error = Unavailable("The camera sends nothing new right now", code="timeout", retry_after_s=1)
            self._end_waiting(self._shortcut.refused(self._question, error))

    def _end_waiting(self, answer: bytes) -> None:
        self._question = None
        self._send(answer)
        if self._behind:
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        behind, self._behind = self._behind, b""
        self._resume_transport_reading()
        self.data_received(behind)

    def _send(self, answer: bytes) -> None:
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(answer)

    def _process_keepalive(self) -> None:
        if self._question is not None:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def connection_lost(self, exc: BaseException | None) -> None:
        """From the transport."""
        question, self._question = self._question, None
        if question is not None:
            question.origin.waiting.remove(self)
        self._heads.clear()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """For what has not reached the application, or has left it in pieces."""
        if status < 500:
            _log.debug("%s: what came is no request: %s", request.remote, type(exc).__name__)
            error: GatewayError = BadRequest("This can't be read as HTTP, or a line of it is too long")
        else:
            self.log_exception("Answering %s failed", request.remote, exc_info=exc)
            error = GatewayError("Something went wrong in the gateway; its log says more")
        if request.writer.output_size > 0:
            raise ConnectionError("part of another answer is on its way")
        response = failure(error)
        response.set_status(status)
        response.headers["Server"] = "camera-gateway"
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.force_close()
        return response


def _target(line: bytes) -> bytes | None:
    """What a GET by HTTP/1.1 asks for; None if the line may be anything else."""
    if not line.startswith(_METHOD) or not line.endswith(_VERSION) or b"\n" in line:
        return None
    return line[len(_METHOD) : -len(_VERSION)]
