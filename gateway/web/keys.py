"""The application's shared parts, by their keys."""

from __future__ import annotations

from aiohttp import web

from gateway.clock import Clock
from gateway.relay.registry import Registry
from gateway.webrtc.sessions import Sessions

REGISTRY = web.AppKey("registry", Registry)
SESSIONS = web.AppKey("sessions", Sessions)
CLOCK: web.AppKey[Clock] = web.AppKey("clock", Clock)
