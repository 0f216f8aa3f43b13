"""One connection of a browser or program: what can't be read as a request is answered without repeating any of it."""

from __future__ import annotations

import logging

from aiohttp import web

from gateway.errors import BadRequest, GatewayError
from gateway.web.failures import failure

_log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """As aiohttp's, which quotes the line it stumbled over, secrets included, and logs each as an error."""

    __slots__ = ()

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
