"""Which names an open gateway answers to, so that no foreign page can reach it by a name of its own (pure).

A page of `evil.example` whose name suddenly resolves to the gateway's address (DNS rebinding) is same-origin with it,
and open mode asks for nothing else.  Its Host gives it away: nobody can have an IP literal, a name without dots, or a
name below the suffixes that are never sold.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

_NAMES: Final = 64
_PRIVATE_SUFFIXES: Final = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


def is_own_host(header: str | None, *, own: Collection[str] = ()) -> bool:
    """Whether a Host header can only come from a page of ours; `own` are further names, in lower case.

    Without the header it is no browser that asks.
    """
    if not header:
        return True
    name = _without_port(header.lower()).rstrip(".")
    if name in own or "." not in name.strip("[]") or name.endswith(_PRIVATE_SUFFIXES):
        return True
    return _is_address(name)


def _without_port(header: str) -> str:
    name, colon, port = header.rpartition(":")
    return name if colon and port.isascii() and port.isdigit() and not name.endswith(":") else header


@functools.lru_cache(maxsize=_NAMES)
def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
