"""The application's shared parts, by their keys."""

from __future__ import annotations

from aiohttp import web

from gateway.clock import Clock
from gateway.hls.routes import Hls
from gateway.relay.registry import Registry
from gateway.webrtc.sessions import Sessions

REGISTRY = web.AppKey("registry", Registry)
HLS: web.AppKey[Hls | None] = web.AppKey("hls")
SESSIONS = web.AppKey("sessions", Sessions)
CLOCK: web.AppKey[Clock] = web.AppKey("clock", Clock)
