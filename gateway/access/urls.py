"""The addresses a grant opens (pure)."""

from __future__ import annotations

from typing import Final

from gateway.access.paths import Target

_SCHEMES: Final = {"http": "ws", "https": "wss"}


def signed_urls(base_url: str, *, token: str | None, camera: str | None) -> dict[str, str]:
    """`page`, and for a camera `whep`, `ws`, `hls` and `snapshot` too, below `base_url` (`https://host/base`).

    The grant stands in the path: it opens the page's own modules and requests as well, and everything a playlist
    refers to inherits it.  Without a token the addresses are for whoever gets in by themselves.
    """
    root = base_url.rstrip("/") if token is None else f"{base_url.rstrip('/')}/g/{token}"
    if camera is None:
        return {"page": f"{root}/"}
    scheme, separator, rest = root.partition("://")
    return {
        "page": f"{root}/{camera}/",
        "whep": f"{root}/{camera}/whep",
        "ws": f"{_SCHEMES[scheme]}{separator}{rest}/api/ws?src={camera}",
        "hls": f"{root}/{camera}/index.m3u8",
        "snapshot": f"{root}/{camera}/snapshot.jpg",
    }


def path_form(target: Target) -> str:
    """Where a playlist asked for with `?grant=` is answered 307 to: relative, so it survives every proxy."""
    others = [parameter for parameter in target.query.split("&") if not parameter.startswith("grant=")]
    up = "../" * (target.path.count("/") - 1)
    query = "?" + "&".join(others) if others else ""
    return f"{up}g/{target.query_grants[0]}{target.path}{query}"
