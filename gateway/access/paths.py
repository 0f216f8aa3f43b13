"""Reads a raw request target: grant, camera, what of it is asked for (pure).

Works on the text as it came, before anything decodes or tidies it, and refuses what could mean two things to two
programs: percent-encoding, doubled slashes, dot segments, backslashes, control characters.  Nothing the gateway serves
needs them.  An edge that does the same decides the same.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from gateway.access.refusal import BAD_PATH, BAD_QUERY, TOO_LONG, Refusal
from gateway.names import RESERVED_ANYWHERE, RESERVED_LAST

MAX_PATH_LENGTH: Final = 2048
MAX_QUERY_LENGTH: Final = 4096
_REMEMBERED: Final = 256

_PATH = re.compile(r"/(?:[A-Za-z0-9_.~-]+/)*[A-Za-z0-9_.~-]*")
_DOTS = re.compile(r"/\.+(?:/|\Z)")
_CAMERA = re.compile(r"[A-Za-z0-9_.~-]+(?:/[A-Za-z0-9_.~-]+)*")
# Printable ASCII but the fragment's "#", which some programs cut off and some don't.
_QUERY = re.compile(r"[!\"$-~]*")

_WITH_SRC: Final = frozenset({"ws", "webrtc", "frame.jpeg"})


class Area(StrEnum):
    """What a path is about; API paths are told apart by `Target.route`."""

    GRID = "grid"
    CAMERA = "camera"
    WHEP = "whep"
    WHEP_SESSION = "whep_session"
    SNAPSHOT = "snapshot"
    PLAYLIST = "playlist"
    HLS = "hls"
    API = "api"
    STATIC = "static"
    METRICS = "metrics"
    HEALTH = "health"
    LOGIN = "login"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Target:
    """A request target taken apart.

    `path` begins with a slash and has neither base path nor grant: what routes know.  It is `""` for `/g/{token}`
    without the slash that relative links need.  `camera` is text as asked for, which need not be a camera's name.
    `route` is for the API only: `cameras/{camera}/sign`.
    `path_grant` and `query_grants` are raw: nothing about them is checked, and an empty one is one.
    """

    area: Area
    path: str
    query: str = field(repr=False)
    camera: str | None = None
    route: str = ""
    path_grant: str | None = field(default=None, repr=False)
    query_grants: tuple[str, ...] = field(default=(), repr=False)


# One request is taken apart by several who judge it, and players ask for the same things again.
@functools.lru_cache(maxsize=_REMEMBERED)
def parse_target(raw: str, *, base_path: str = "") -> Target | Refusal:
    """Takes apart what stands between method and version in a request line.

    `base_path` (`/live`) is stripped where the path begins with it; a proxy may have done so before.
    """
    path, _, query = raw.partition("?")
    if len(path) > MAX_PATH_LENGTH or len(query) > MAX_QUERY_LENGTH:
        return TOO_LONG
    if not _PATH.fullmatch(path) or _DOTS.search(path):
        return BAD_PATH
    if not _QUERY.fullmatch(query):
        return BAD_QUERY
    path = _without_base(path, base_path)
    path, path_grant = _without_grant(path)
    area, route, camera = _resolve(path)
    query_grants, sources = _parameters(query)
    if area is Area.API and route in _WITH_SRC and sources:
        camera = sources[0]
        if len(sources) > 1 or not _CAMERA.fullmatch(camera) or _DOTS.search(f"/{camera}"):
            return BAD_QUERY
    return Target(area, path, query, camera, route, path_grant, query_grants)


def _without_base(path: str, base_path: str) -> str:
    base = base_path.rstrip("/")
    if base and (path == base or path.startswith(f"{base}/")):
        return path[len(base) :] or "/"
    return path


def _without_grant(path: str) -> tuple[str, str | None]:
    if not path.startswith("/g/"):
        return path, None
    token, slash, rest = path.removeprefix("/g/").partition("/")
    return slash + rest, token


def _resolve(path: str) -> tuple[Area, str, str | None]:
    """Area, API route, camera."""
    segments = path.split("/")[1:]
    first = segments[0] if segments else ""
    match first:
        case "":
            return Area.GRID, "", None
        case "api":
            return (Area.API, *_resolve_api(segments[1:]))
        case "static" | "metrics" | "login":
            return Area(first), "", None
        case "healthz" | "readyz":
            return Area.HEALTH, "", None
        case "g":
            return Area.UNKNOWN, "", None
    area, camera = _resolve_camera(segments)
    return area, "", camera


def _resolve_api(segments: list[str]) -> tuple[str, str | None]:
    if segments in ([], [""]):
        return "", None
    if segments[0] == "sessions" and len(segments) == 2 and segments[1]:
        return "sessions/{session}", None
    if segments[0] != "cameras" or len(segments) == 1 or "" in segments:
        return "/".join(segments), None
    if len(segments) > 2 and segments[-1] in RESERVED_LAST:
        return f"cameras/{{camera}}/{segments[-1]}", "/".join(segments[1:-1])
    return "cameras/{camera}", "/".join(segments[1:])


def _resolve_camera(segments: list[str]) -> tuple[Area, str | None]:
    end = next((index for index, segment in enumerate(segments) if segment in RESERVED_ANYWHERE), None)
    if end is None:
        return Area.CAMERA, "/".join(segments).removesuffix("/")
    if end == 0:
        return Area.UNKNOWN, None
    camera = "/".join(segments[:end])
    match segments[end:]:
        case ["whep"]:
            return Area.WHEP, camera
        case ["whep", session] if session:
            return Area.WHEP_SESSION, camera
        case ["snapshot.jpg"]:
            return Area.SNAPSHOT, camera
        case ["index.m3u8"]:
            return Area.PLAYLIST, camera
        case ["_hls", _, *_]:
            return Area.HLS, camera
    return Area.UNKNOWN, camera


def _parameters(query: str) -> tuple[tuple[str, ...], list[str]]:
    """The raw values of `grant`, the decoded values of `src`.

    A name that has to be decoded to read `grant` counts, so that no other program sees a parameter that we don't, but
    its value is nothing: whoever signs doesn't write it so.
    """
    grants, sources = [], []
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if name == "grant":
            grants.append(value)
            continue
        plain = unquote(name.replace("+", " "))
        if plain == "grant":
            grants.append("")
        elif plain == "src":
            sources.append(unquote(value.replace("+", " ")))
    return tuple(grants), sources
