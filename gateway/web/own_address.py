"""The address under which whoever asks reaches this gateway."""

from __future__ import annotations

from aiohttp import web

from gateway.web.gatekeeper import Gatekeeper
from gateway.web.keys import CLIENT


def base_url(request: web.Request, keeper: Gatekeeper) -> str:
    """`public_url` where it is configured, else what the request was sent to; without a slash at its end."""
    configured = keeper.surroundings.base_url
    if configured is not None:
        return configured
    scheme = "https" if request[CLIENT].is_secure else "http"
    return f"{scheme}://{request.host}{keeper.policy.base_path}"
