"""How a request's permit reaches those who serve it."""

from __future__ import annotations

from aiohttp import web

from gateway.access.permit import Permit

PERMIT = web.RequestKey("permit", Permit)
