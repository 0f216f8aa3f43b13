"""Reads what MediaMTX's API lists: paths and HLS sessions (pure; internal/defs/api_path.go, api_hls.go)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

PAGE_SIZE: Final = 500
MOST_PAGES: Final = 40
"""So much of a list is read: 20,000 paths or sessions."""

_ID = re.compile(r"[0-9a-fA-F-]{36}")
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class ListedPath:
    """`ready`: it has pictures now.  `has_source`: a camera or publisher belongs to it, reachable or not."""

    name: str
    ready: bool
    has_source: bool


@dataclass(frozen=True, slots=True)
class HlsSession:
    """Somebody who watches.  `query` holds their grant.  `is_edge`: all viewers behind an edge with hlsCDNSecret."""

    id: str
    path: str
    query: str = field(repr=False)
    is_edge: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and how many there are."""

    items: tuple[dict[str, Any], ...]
    page_count: int


def parse_page(values: object) -> Page:
    """The frame around every list; ValueError for anything else."""
    if not isinstance(values, dict):
        raise ValueError("not a list of MediaMTX's API")  # noqa: TRY004 (told as what the answer is, not our code)
    items, count = values.get("items"), values.get("pageCount")
    if not isinstance(items, list) or not isinstance(count, int) or not all(isinstance(item, dict) for item in items):
        raise ValueError("not a list of MediaMTX's API")
    return Page(tuple(items), count)


def parse_path(item: dict[str, Any]) -> ListedPath | None:
    """None for what is no path."""
    name = item.get("name")
    if not isinstance(name, str):
        return None
    # `ready` is deprecated since 1.19 in favour of `available`; either says the same.
    ready = item.get("available", item.get("ready")) is True
    return ListedPath(name, ready, has_source=ready or item.get("source") is not None)


def parse_session(item: dict[str, Any]) -> HlsSession | None:
    """None for what is no session."""
    session_id, path, query = (item.get(key) for key in ("id", "path", "query"))
    if not isinstance(session_id, str) or not _ID.fullmatch(session_id):
        return None
    if not isinstance(path, str) or not isinstance(query, str):
        return None
    return HlsSession(session_id, path, query, is_edge=item.get("isCDN") is True)


def parsed(items: tuple[dict[str, Any], ...], parse: Callable[[dict[str, Any]], _Item | None]) -> list[_Item]:
    """What could be read of a page."""
    return [found for found in map(parse, items) if found is not None]
