"""Reads origins: where pages come from that may use the gateway (pure)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_origin(text: str) -> str:
    """The origin as browsers send it: scheme, host in lower case, port unless it is the scheme's own.

    Raises ValueError with what to write instead.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must be an origin: https://host or https://host:port") from None
    if text == "*" or "*" in parts.netloc:
        raise ValueError("names one site; write each one out, https://host, as '*' would let every site in")
    host = parts.netloc.removesuffix(f":{parts.netloc.rpartition(':')[2]}") if port is not None else parts.netloc
    if parts.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host):
        raise ValueError("must be an origin: https://host or https://host:port")
    if parts.path or parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError("ends after the host and port; leave out the path, a last slash too")
    shown = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host.lower()}{shown}"
