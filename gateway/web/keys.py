"""The application's shared parts, and what is known of a request, by their keys."""

from __future__ import annotations

from aiohttp import web

from gateway.access.principal import Principal
from gateway.access.proxies import Client
from gateway.hls.mse import Mse
from gateway.hls.routes import Hls
from gateway.observe.reports import Reports
from gateway.relay.registry import Registry
from gateway.relay.still import Stills
from gateway.web.gatekeeper import Gatekeeper
from gateway.webrtc.permission import PERMIT
from gateway.webrtc.sessions import Sessions

REGISTRY = web.AppKey("registry", Registry)
HLS: web.AppKey[Hls | None] = web.AppKey("hls")
MSE = web.AppKey("mse", Mse)
REPORTS = web.AppKey("reports", Reports)
SESSIONS = web.AppKey("sessions", Sessions)
STILLS = web.AppKey("stills", Stills)
GATEKEEPER = web.AppKey("gatekeeper", Gatekeeper)

CLIENT = web.RequestKey("client", Client)


def principal_of(request: web.Request) -> Principal:
    """Who asks."""
    return request[PERMIT].principal
