"""Sends viewers to an edge for HLS, while there is one that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.edges.choice import Edge, nearest_first, shared_out
from gateway.negotiate.policy import Place
from gateway.negotiate.wishes import RungName
from gateway.relay.camera import Camera
from gateway.web.negotiation import HlsPlaces, Signed

_RUNGS: Final = (RungName.LL_HLS, RungName.HLS)


class EdgePlaces:
    """Implements `HlsPlaces`: the same places behind edges, and after those the origin's own."""

    def __init__(
        self,
        own: HlsPlaces,
        there: Callable[[], Sequence[Edge]],
        *,
        signed_elsewhere: Callable[[str, str], str | None],
    ) -> None:
        """`there` are the edges that answer; `signed_elsewhere` tells whether a camera is watched at MediaMTX."""
        self._own = own
        self._there = there
        self._signed_elsewhere = signed_elsewhere

    def __call__(self, camera: Camera, signed: Signed) -> Mapping[RungName, Place]:
        """Two rungs lead to two servers, so that one that can't be reached costs one rung."""
        places, wishes, token = self._own(camera, signed), signed.wishes, signed.token
        rungs = [rung for rung in _RUNGS if rung in wishes.allow and rung in places]
        edges = nearest_first(self._there(), wishes.region)
        if token is None or not edges or not rungs:
            return places
        at_mediamtx = self._signed_elsewhere(camera.name, token) is not None
        urls = [edge.playlist(camera.name, token=token, at_mediamtx=at_mediamtx) for edge in edges]
        urls.append(places[rungs[0]].url)
        chosen = shared_out(urls, rungs, failed=wishes.failed)
        return {rung: replace(place, url=chosen.get(rung, place.url)) for rung, place in places.items()}
