"""Builds what the gateway needs of the edges in front of it, from the configuration."""

from __future__ import annotations

from gateway.config import Config
from gateway.config.model import HlsMode
from gateway.edges.choice import Edge
from gateway.edges.watch import EdgeWatch
from gateway.hls.routes import Hls
from gateway.web.edge_places import EdgePlaces
from gateway.web.negotiation import EmbeddedHls, HlsPlaces


def edges_of(config: Config) -> EdgeWatch | None:
    """The edges as configured, not started; None where there are none.

    MediaMTX's HLS is below the same path at each of them, that of `mediamtx.public_hls`.
    """
    if not config.edges:
        return None
    public_hls = config.mediamtx.public_hls if config.hls.mode is HlsMode.MEDIAMTX else None
    edges = [
        Edge(
            str(edge.url),
            frozenset(edge.region),
            None if public_hls is None else edge.url.origin + public_hls.base_path,
        )
        for edge in config.edges
    ]
    return EdgeWatch(edges)


def places_behind(edges: EdgeWatch, hls: Hls) -> HlsPlaces:
    """Where viewers find HLS: at the edges that answer."""
    own = EmbeddedHls(hls.lengths, signed_elsewhere=hls.signed_elsewhere)
    return EdgePlaces(own, edges.there, signed_elsewhere=hls.signed_elsewhere)
