"""Which edge a viewer's rungs lead to: their region's first, another for each rung that failed there (pure)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

_Rung = TypeVar("_Rung")


@dataclass(frozen=True, slots=True)
class Edge:
    """`url` is where the gateway is behind it, `mediamtx` where MediaMTX's HLS is; without slashes at their ends.

    `regions` are in lower case; `mediamtx` is None where nobody is sent there.
    """

    url: str
    regions: frozenset[str] = frozenset()
    mediamtx: str | None = None

    def playlist(self, camera: str, *, token: str, at_mediamtx: bool) -> str:
        """The address of a camera's multivariant playlist, which the grant `token` opens."""
        base = self.mediamtx if at_mediamtx and self.mediamtx is not None else self.url
        return f"{base}/g/{token}/{camera}/index.m3u8"


def nearest_first(edges: Sequence[Edge], region: str | None) -> list[Edge]:
    """Those of the region, then the others, each in the order of the configuration."""
    return sorted(edges, key=lambda edge: region is None or region.lower() not in edge.regions)


def shared_out(urls: Sequence[str], rungs: Sequence[_Rung], *, failed: Collection[_Rung]) -> dict[_Rung, str]:
    """An address for each of a viewer's `rungs`, the nearest for the one that is tried first.

    Rungs that `failed` are tried last; each failure takes what is tried first one address further, so that a server
    that this viewer can't reach is not what the next try begins with.
    """
    tried = sorted(rungs, key=lambda rung: rung in failed)
    skipped = sum(rung in failed for rung in rungs)
    return {rung: urls[(place + skipped) % len(urls)] for place, rung in enumerate(tried)}
