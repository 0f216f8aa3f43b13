"""Asks a running gateway's /healthz, for containers and supervisors."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from gateway.config import Listen


def local_url(listen: Listen, *, scheme: str = "http") -> str:
    """Where a gateway that listens there is reached from its own machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 (looked up, not bound)
    return f"{scheme}://{Listen(host, listen.port)}/healthz"


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def probe(url: str, *, timeout_s: float) -> str | None:
    """None if `url` answers 200, else why not in a sentence.  Each step has `timeout_s`; proxies are not used."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host:
        return "healthcheck needs an address like http://127.0.0.1:8080/healthz"
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        # A certificate for the public name is no good for 127.0.0.1, and nothing secret is said or believed here.
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=_trusting())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    path = parts.path if parts.path not in ("", "/") else "/healthz"
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return f"no answer from {host}:{connection.port}: {reason}"
    finally:
        connection.close()
    return None if status == 200 else f"{host}:{connection.port} answered {status}"
