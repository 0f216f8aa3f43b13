"""A gateway with everything that may stand beside it and in front of it: MediaMTX, edges, and another site's pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.access.grants import SKEW_S, new_grant_id, sign_grant
from gateway.access.keyring import ensure_keys
from gateway.access.passwords import hash_password
from gateway.app import Gateway
from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.config import AccessConfig, Listen, PublicUrl, UserConfig
from gateway.config.edges import EdgeConfig
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsConfig, HlsMode
from gateway.source.status import CameraState
from tests.support.cameras import demo_camera
from tests.support.edge import CDN_SECRET, Edge, running_edge
from tests.support.gateway import reached_state, running_gateway
from tests.support.mediamtx import SECRET, MediaMtxProcess, mediamtx
from tests.support.nginx import free_port

PASSWORD: Final = "cAnArY-password"
LASTS_S: Final = 4.0


class Origin(StrEnum):
    """Whose HLS is watched, and whether the edge stands before it."""

    EMBEDDED = "embedded, edge"
    MEDIAMTX = "MediaMTX, edge"
    DIRECT = "MediaMTX, no edge"


@dataclass(slots=True)
class Place:
    """A gateway with camera `cam`, and what stands beside it and in front of it."""

    gateway: Gateway
    edges: list[Edge]
    mediamtx: MediaMtxProcess | None
    gives: bool = True
    lasts_s: float = LASTS_S

    def grant(self, *, lasts_s: float | None = None) -> str:
        """One that is let in for so long yet, because clocks may differ: its end has passed."""
        key = self.gateway.gatekeeper.policy.keys.active
        expires = int(time.time() - SKEW_S + (self.lasts_s if lasts_s is None else lasts_s)) + 1
        return sign_grant(key, prefix="/cam/", expires=expires, grant_id=new_grant_id())

    @property
    def base(self) -> str:
        """Where pages find the gateway."""
        return f"{self.edges[0].origin}/" if self.edges else self.gateway.address


@asynccontextmanager
async def site_of(place_of: Callable[[], Place]) -> AsyncIterator[str]:
    """Another site; its pages show a camera of the gateway at `?base=`, and ask their own server for grants."""

    async def show(request: web.Request) -> web.Response:
        base = request.query["base"]
        page = f"""<!doctype html><script type="module">
            import '{base}static/tile/camera-view.js';
            const view = document.createElement('camera-view');
            view.getGrant = () => fetch('/grant').then((response) => response.ok ? response.text() : null);
            for (const [name, value] of Object.entries({{ base: '{base}', camera: 'cam', protocol: 'll-hls' }}))
              view.setAttribute(name, value);
            view.style = 'display: block; width: 640px; height: 360px';
            document.body.append(view);
            </script>"""
        return web.Response(text=page, content_type="text/html")

    async def grant(_: web.Request) -> web.Response:
        place = place_of()
        return web.Response(text=place.grant()) if place.gives else web.Response(status=403)

    app = web.Application()
    app.add_routes([web.get("/", show), web.get("/grant", grant)])
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


@asynccontextmanager
async def place(
    folder: Path,
    origin: Origin,
    *,
    site: str | None = None,
    regions: tuple[str, ...] = (),
    clock: Clock | None = None,
    monkeypatch: pytest.MonkeyPatch | None = None,
) -> AsyncIterator[Place]:
    """One edge in front; with `regions` one for each, which negotiation picks from (needs `monkeypatch`)."""
    port, keys_file = free_port(), folder / "keys.yml"
    clock = clock or SYSTEM_CLOCK
    key = ensure_keys(keys_file, now=clock.now()).active
    access = AccessConfig(
        keys_file=keys_file,
        origins=() if site is None else (site,),
        users={"ann": UserConfig(hash=hash_password(PASSWORD), cameras=("*",))},
    )
    async with AsyncExitStack() as stack:
        camera = await stack.enter_async_context(demo_camera(name="cam"))
        process = None
        if origin is not Origin.EMBEDDED:
            source = {"cam": {"source": camera.url, "rtspTransport": "tcp"}}
            changes = {"hlsCDNSecret": CDN_SECRET}
            process = await stack.enter_async_context(
                mediamtx(folder, gateway_port=port, paths=source, changes=changes)
            )
        edges: list[Edge] = []
        for number in range(0 if origin is Origin.DIRECT else max(1, len(regions))):
            own = folder / f"edge{number}"
            own.mkdir()
            running = running_edge(
                own,
                gateway_port=port,
                mediamtx_port=9 if process is None else process.hls_port,
                keys_file=keys_file,
                key=key,
            )
            edges.append(await stack.enter_async_context(running))
        configured: dict[str, object] = {
            "listen": Listen("127.0.0.1", port),
            "trusted_proxies": (ip_network("127.0.0.1"),),
            "hls": HlsConfig(always=True, mode=HlsMode.EMBEDDED if process is None else HlsMode.MEDIAMTX),
        }
        if process is not None:
            public = process.hls if origin is Origin.DIRECT else f"{edges[0].origin}/hls"
            configured["mediamtx"] = MediaMtxConfig(
                hls=PublicUrl(process.hls),
                public_hls=PublicUrl(public),
                api=PublicUrl(process.api),
                hook_secret=SECRET,
            )
        if regions and monkeypatch is not None:
            authorities = folder / "authorities.pem"
            authorities.write_text("".join(edge.cert.read_text("utf-8") for edge in edges), "utf-8")
            monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
            configured["public_url"] = PublicUrl(f"http://127.0.0.1:{port}")
            configured["edges"] = tuple(
                EdgeConfig(url=PublicUrl(edge.origin), region=(region,))
                for edge, region in zip(edges, regions, strict=True)
            )
        gateway = await stack.enter_async_context(
            running_gateway({"cam": camera.url}, access=access, access_clock=clock, changes=configured)
        )
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        here = Place(gateway, edges, process)
        if process is not None:
            await process.start()
            server = gateway.neighbour.server
            assert server is not None
            async with asyncio.timeout(10):
                while not server.has("cam"):
                    await server.check()
                    await server.round()
        if gateway.edges is not None:
            await gateway.edges.check()
            assert len(gateway.edges.there()) == len(edges)
        yield here
