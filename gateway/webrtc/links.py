"""`Link` headers of WHEP's answers (pure; RFC 8288, draft-ietf-wish-whep section 4.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

_HLS: Final = "application/vnd.apple.mpegurl"


def ice_server_links(servers: Iterable[Mapping[str, Any]]) -> list[str]:
    """One for each address of each server, whose credentials hold nothing that would need quoting."""
    return [
        f'<{url}>; rel="ice-server"; username="{server["username"]}"; credential="{server["credential"]}"; '
        'credential-type="password"'
        for server in servers
        for url in server["urls"]
    ]


def alternate_link(url: str) -> str:
    """Where the same is there for who can't have it over WebRTC."""
    return f'<{url}>; rel="alternate"; type="{_HLS}"'
