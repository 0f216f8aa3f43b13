"""The same servers as in bench/servers.py, set up to package cameras for HLS."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from bench.context import Bench
from bench.errors import BenchError
from bench.procfs import free_port
from bench.results import Results
from bench.servers import GatewayServer, Launch, MediaMtx, Server, ServerKind

SUBJECTS: Final = ("gateway", "mediamtx")


class GatewayHls(GatewayServer):
    """The gateway; with `always` it packages every camera, else those that are watched."""

    def __init__(self, *, always: bool) -> None:
        self._always = always

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        launch = super().prepare(folder, cameras)
        _change(launch, {"hls": {"always": self._always}})
        return launch


class MediaMtxHls(MediaMtx):
    """MediaMTX with low-latency HLS in place of WebRTC: parts of 200 ms, segments of 1 s, as many as it wants (7)."""

    def __init__(self, *, always: bool) -> None:
        self._always = always

    def prepare(self, folder: Path, cameras: Mapping[str, str]) -> Launch:
        launch, port = super().prepare(folder, cameras), free_port()
        changes = {
            "webrtc": False,
            "hls": True,
            "hlsAddress": f"127.0.0.1:{port}",
            "hlsVariant": "lowLatency",
            "hlsPartDuration": "200ms",
            "hlsSegmentDuration": "1s",
            "hlsSegmentCount": 7,
            "hlsAlwaysRemux": self._always,
        }
        _change(launch, changes)
        document = f"/{quote(next(iter(cameras)))}/hls.min.js"
        return replace(launch, origin=f"http://127.0.0.1:{port}", whep="", document=document)


def _change(launch: Launch, changes: Mapping[str, Any]) -> None:
    # Both configurations are JSON, which is YAML too, and both are the command's last word.
    file = Path(launch.command[-1])
    body = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**body, **changes}), encoding="utf-8")


PACKAGING: Final[Mapping[str, ServerKind]] = {
    kind.name: kind for kind in (GatewayHls(always=True), MediaMtxHls(always=True))
}
PULLING: Final[Mapping[str, ServerKind]] = {
    kind.name: kind for kind in (GatewayHls(always=False), MediaMtxHls(always=False))
}


def chosen(bench: Bench, results: Results, kinds: Mapping[str, ServerKind]) -> Sequence[ServerKind]:
    """Those of `kinds` that were asked for and can be started here; raises BenchError for none."""
    return [kinds[kind.name] for kind in bench.kinds(SUBJECTS, results)]


def host_and_port(url: str) -> tuple[str, int]:
    """Where a server of ours listens; raises BenchError for an address without a port."""
    place = urlsplit(url)
    if place.hostname is None or place.port is None:
        raise BenchError(f"{url} names no host and port.")
    return place.hostname, place.port


def playlist_url(server: Server, camera: str) -> str:
    """A camera's multivariant playlist; both servers have it at the same place."""
    return f"{server.origin}/{quote(camera)}/index.m3u8"
