"""What each request needs its sender to be allowed (pure): closed unless a row here says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.access.paths import Area, Target


class Need(StrEnum):
    """From nothing at all to the administrator; VIEW, SIGN and ADMIN are about the camera asked for.

    ADMIN where none is asked for is about the whole gateway, and takes an administrator of all cameras.
    """

    NOTHING = "nothing"
    SOMEBODY = "somebody"
    """Any user, API key or grant; the answer shows only what they may see."""
    VIEW = "view"
    SIGN = "sign"
    SOME_ADMIN = "some_admin"
    """An administrator of any cameras; the answer is about theirs only."""
    ADMIN = "admin"
    MEDIA_SERVER = "media_server"
    """MediaMTX with the secret that it shares with the gateway, and nobody else."""


_AREAS: Final[Mapping[Area, Need]] = {
    Area.GRID: Need.SOMEBODY,
    Area.CAMERA: Need.VIEW,
    Area.WHEP: Need.VIEW,
    Area.WHEP_SESSION: Need.VIEW,
    Area.SNAPSHOT: Need.VIEW,
    Area.PLAYLIST: Need.VIEW,
    Area.HLS: Need.VIEW,
    Area.STATIC: Need.NOTHING,
    Area.HEALTH: Need.NOTHING,
    Area.LOGIN: Need.NOTHING,
    Area.METRICS: Need.ADMIN,
    # Somebody signed in learns that there is nothing; others learn nothing.
    Area.UNKNOWN: Need.SOMEBODY,
}

_API: Final[Mapping[tuple[str, str], Need]] = {
    ("GET", ""): Need.SOMEBODY,
    ("GET", "openapi.json"): Need.SOMEBODY,
    ("GET", "cameras"): Need.SOMEBODY,
    ("GET", "cameras/{camera}"): Need.VIEW,
    ("POST", "cameras/{camera}/negotiate"): Need.VIEW,
    ("POST", "cameras/{camera}/sign"): Need.SIGN,
    ("GET", "ws"): Need.VIEW,
    ("POST", "webrtc"): Need.VIEW,
    ("GET", "frame.jpeg"): Need.VIEW,
    ("GET", "streams"): Need.SOMEBODY,
    # Home Assistant repeats it at every start; for anything but a camera one may see the answer is the same refusal.
    ("PUT", "streams"): Need.SOMEBODY,
    ("GET", "preload"): Need.SOMEBODY,
    ("GET", "schemes"): Need.SOMEBODY,
    ("POST", "report"): Need.SOMEBODY,
    ("POST", "mediamtx/auth"): Need.MEDIA_SERVER,
    ("GET", "sessions"): Need.SOME_ADMIN,
    ("GET", "sessions/{session}"): Need.SOME_ADMIN,
    ("DELETE", "sessions/{session}"): Need.SOME_ADMIN,
}


def need_of(method: str, target: Target) -> Need:
    """The need of a request; an API path or method without a row is the administrator's.

    OPTIONS needs nothing, as a browser's preflight carries nothing: its answer must hold nothing either.  A WHEP
    session is ended by whoever knows its address.
    """
    if method == "OPTIONS" or (method == "DELETE" and target.area is Area.WHEP_SESSION):
        return Need.NOTHING
    if target.area is Area.API:
        return _API.get(("GET" if method == "HEAD" else method, target.route), Need.ADMIN)
    return _AREAS[target.area]
