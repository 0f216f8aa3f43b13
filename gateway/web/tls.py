"""Reads certificate and key, where the gateway itself speaks HTTPS."""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.errors import ConfigError


def tls_context(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and newer; ConfigError if the files can't be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:
        reason = "they don't belong together" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"tls: {cert} and {key} can't be used: {reason}") from None
    return context
