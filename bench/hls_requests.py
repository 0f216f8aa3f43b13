"""CPU per HLS request, in the gateway's process alone: python -m bench.hls_requests"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from itertools import islice

from aiohttp import web

from bench.made_up_camera import FPS, STREAM, made_up_pictures
from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.prefixes import prefix_of
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.clock import SYSTEM_CLOCK
from gateway.hls.children import Child, Kind
from gateway.hls.packager import Lengths
from gateway.hls.routes import Hls
from gateway.relay.registry import Registry
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, CameraStatus
from gateway.web.gatekeeper import Gatekeeper, Rules
from gateway.web.shortcut import SHORTCUT
from gateway.web.site import Site
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.port import MediaPort
from gateway.webrtc.room import Caps
from gateway.webrtc.sessions import Sessions

_VIEWERS = 20
_REQUESTS = 4000
_ROUNDS = 5
_BITRATE_BPS = 4_000_000


@dataclass(frozen=True, slots=True)
class _Asked:
    label: str
    path: str
    headers: str = ""


class _StillClock:
    """Else the camera would be away, and gaps would take the place of what is asked for."""

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0


async def _serve() -> None:
    port = MediaPort(clock=SYSTEM_CLOCK)
    await port.open(0)
    registry = Registry({"cam": SourceSettings("rtsp://192.0.2.10/x")}, clock=SYSTEM_CLOCK)
    addresses = Addresses(port, ("127.0.0.1",))
    await addresses.start()
    sessions = Sessions(port, addresses, Caps(1, 1), clock=SYSTEM_CLOCK)
    keeper = Gatekeeper(Rules())
    keeper.set_cameras(["cam"], configured=["cam"])
    hub = registry.find("cam").hub
    hls = Hls(registry.find, Lengths(), clock=_StillClock(), always=tuple(registry))
    app = build_app(registry, sessions, keeper, clock=SYSTEM_CLOCK, folder=static_dir(), hls=hls)
    hub.status_changed(CameraStatus(CameraState.LIVE, time.time()))
    hub.stream_changed(STREAM)
    begun = time.time()
    made_up = made_up_pictures(_BITRATE_BPS, captured_at=lambda number: begun + number / FPS)
    pictures = list(islice(made_up, 8 * FPS))
    hub.deliver(pictures[:60])
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = Site(runner, "127.0.0.1", 0, tls=None, shortcut=app[SHORTCUT])
    await site.start()
    token = sign_grant(
        keeper.policy.keys.live[0],
        prefix=prefix_of("cam"),
        expires=int(time.time()) + 600,
        grant_id=new_grant_id(),
    )
    try:
        origin = hls.origin(registry.find("cam"))
        packager = await origin.start()
        hub.deliver(pictures[60:])
        child = origin.multivariant(f"_hls/{origin.generation}/live.m3u8").split()[-1]
        folder = f"/g/{token}/cam/{child.rpartition('/')[0]}"
        newest = packager.next_part - 1
        last = packager.snapshot()
        blocked = f"_HLS_msn={last.last_msn}&_HLS_part={last.last_part}"
        browser = "User-Agent: Mozilla/5.0\r\nAccept-Encoding: gzip, deflate, br\r\nAccept: */*\r\n"
        for asked in (
            _Asked(
                f"part of {len((await origin.answer(Child(Kind.PART, newest))).body) >> 10} KiB",
                f"{folder}/p{newest}.m4s",
                browser,
            ),
            _Asked("playlist with directives", f"{folder}/live.m3u8?{blocked}", browser),
            _Asked("delta update", f"{folder}/live.m3u8?{blocked}&_HLS_skip=YES", browser),
            _Asked("initialization section", f"{folder}/init1.mp4", browser),
            _Asked("healthz, for comparison", "/healthz", browser),
        ):
            await _measure(asked, runner.addresses[0][1])
    finally:
        hls.close()
        await runner.cleanup()
        await sessions.close()
        await port.close()
        await addresses.close()
        await registry.close()


async def _measure(asked: _Asked, port: int) -> None:
    costs = []
    for _ in range(_ROUNDS):
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.hls_requests", str(port), asked.path, asked.headers),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if client.stdin is None or client.stdout is None:
            raise RuntimeError("the client has no pipes")
        # It has connected, and answers once it has read everything.
        await client.stdout.readline()
        before = time.process_time()
        client.stdin.write(b"go\n")
        answer = (await client.stdout.readline()).decode().strip()
        costs.append((time.process_time() - before) / _REQUESTS)
        if answer != "200":
            raise RuntimeError(f"{asked.path} was answered {answer}")
        await client.wait()
    costs.sort()
    print(f"{asked.label:<28}{costs[0] * 1e6:>8.0f} µs at best, {costs[len(costs) // 2] * 1e6:.0f} median")


async def _ask(port: int, path: str, headers: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()
    connections = [await asyncio.open_connection("127.0.0.1", port, limit=1 << 22) for _ in range(_VIEWERS)]
    print("ready", flush=True)
    sys.stdin.readline()
    statuses = await asyncio.gather(*(_keep_asking(*connection, request) for connection in connections))
    print(*set(statuses), flush=True)


async def _keep_asking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> str:
    statuses = set()
    for _ in range(_REQUESTS // _VIEWERS):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        statuses.add(head.split()[1])
        length = int(head.partition("content-length: ")[2].split()[0])
        await reader.readexactly(length)
    writer.close()
    return ",".join(sorted(statuses))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(_ask(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
    else:
        asyncio.run(_serve())
