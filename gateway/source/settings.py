"""How one camera is to be read (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`source` and `substream` are `rtsp://` or `rtsps://` URLs with their passwords; neither is ever shown.

    `clock` says whose wall clock dates the pictures.
    """

    source: str = field(repr=False)
    substream: str | None = field(default=None, repr=False)
    transport: Literal["tcp", "udp"] = "tcp"
    on_demand: bool = False
    clock: Literal["auto", "camera", "gateway"] = "auto"


def address_of(url: str) -> str:
    """`host:port` of a camera's URL, without anything secret; empty if there is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    if not host:
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host
