"""The command itself, as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re

import aiohttp
import pytest
from aiortc.rtp import RtcpByePacket
from playwright.async_api import Page

from tests.support.browser import open_player
from tests.support.cameras import demo_camera
from tests.support.clients import signalling_socket
from tests.support.gateway import camera_json, end_command, gateway_process, http, start_command
from tests.webrtc.client import client
from tests.webrtc.stage import settled

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ANY_PORT = ("--listen", "127.0.0.1:0")
STOPS_WITHIN_S = 8.0


async def test_demo_has_three_live_cameras_within_ten_seconds_and_stops_at_sigterm() -> None:
    async with gateway_process("demo", *ANY_PORT, "--webrtc-port", "0") as gateway:
        assert gateway.camera_count == 3
        async with asyncio.timeout(10), asyncio.TaskGroup() as waiting:
            for name in ("front-door", "yard", "garage"):
                waiting.create_task(_live(gateway.address, name))
        async with http() as session, session.get(f"{gateway.address}api/cameras") as response:
            cameras = (await response.json())["cameras"]
        assert [(camera["name"], camera["state"]) for camera in cameras] == [
            ("front-door", "live"),
            ("yard", "live"),
            ("garage", "live"),
        ]
        assert await gateway.terminate(within_s=STOPS_WITHIN_S) == 0


async def _live(address: str, camera: str) -> None:
    async with signalling_socket(address, camera) as socket:
        await socket.state("live", within_s=10)


async def test_serve_plays_a_camera_named_on_the_command_line_and_tells_its_viewers_when_it_stops(page: Page) -> None:
    async with (
        demo_camera() as camera,
        gateway_process("serve", *ANY_PORT, f"site1/yard={camera.url}", GATEWAY_WEBRTC__PORT="0") as gateway,
    ):
        player = await open_player(page, gateway.address)
        await player.play("site1/yard")
        async with http() as session:
            for path in ("healthz", "readyz"):
                assert (await session.get(gateway.address + path)).status == 200
        assert (await camera_json(gateway.address, "site1/yard"))["viewers"] == {"webrtc": 1}
        assert await gateway.terminate(within_s=STOPS_WITHIN_S) == 0
        # The browser learns it at once by DTLS, long before its checks go unanswered.
        await player.until("p => p.connection.getReceivers()[0].transport.state === 'closed'", within_s=10)


async def test_sigterm_ends_it_while_cameras_hang() -> None:
    async with demo_camera() as silent, demo_camera() as frozen:
        silent.silence()
        frozen.freeze()
        cameras = (f"silent={silent.url}", f"frozen={frozen.url}")
        async with gateway_process("serve", *ANY_PORT, *cameras, GATEWAY_WEBRTC__PORT="0") as gateway:
            async with signalling_socket(gateway.address, "silent") as socket:
                await socket.state("offline", within_s=10)
            assert await gateway.terminate(within_s=STOPS_WITHIN_S) == 0
        silent.speak()


async def _deaf_socket(address: str, camera: str) -> asyncio.StreamWriter:
    """A WebSocket whose client never reads and never answers, to be closed by the caller."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"GET /api/ws?src={camera} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    writer.write((head + key).encode())
    await reader.readuntil(b"\r\n\r\n")
    return writer


async def test_sigterm_says_bye_at_once_and_ends_in_time_whatever_hangs() -> None:
    async with demo_camera() as silent, demo_camera() as watched, client() as viewer, http() as session:
        silent.silence()
        cameras = (f"silent={silent.url}", f"watched={watched.url}")
        async with gateway_process("serve", *ANY_PORT, *cameras, GATEWAY_WEBRTC__PORT="0") as gateway:
            await _live(gateway.address, "watched")
            headers = {"Content-Type": "application/sdp"}
            offer = await viewer.offer()
            async with session.post(f"{gateway.address}watched/whep", data=offer, headers=headers) as response:
                await viewer.accept(await response.text())
            await settled(lambda: viewer.heard and viewer.video.pictures(), "there are no pictures")
            watched.freeze()
            deaf = await _deaf_socket(gateway.address, "watched")
            # An answer that waits for a camera that never plays.
            waiting = asyncio.create_task(session.post(f"{gateway.address}silent/whep", data=offer, headers=headers))
            async with signalling_socket(gateway.address, "silent"):
                await settled(lambda: not waiting.done(), "nobody waits")
                ending = asyncio.create_task(gateway.terminate(within_s=STOPS_WITHIN_S))
                await settled(
                    lambda: any(isinstance(packet, RtcpByePacket) for packet in viewer.video.control),
                    "the viewer is not told",
                    deadline_s=3,
                )
                assert await ending == 0
            deaf.close()
            with contextlib.suppress(aiohttp.ClientError):
                (await waiting).close()
        silent.speak()


# As slow as a resolver whose servers are gone: its thread can't be cancelled, and asyncio would wait for it.
_HANGING_LOOKUP = """
import socket, sys, threading
real = socket.getaddrinfo
def hanging(host, *arguments, **options):
    if host == "hangs.invalid":
        print("looking up", flush=True)
        threading.Event().wait()
    return real(host, *arguments, **options)
socket.getaddrinfo = hanging
from gateway.cli import main
sys.exit(main(sys.argv[1:]))
"""


async def test_sigterm_ends_it_while_a_name_is_looked_up() -> None:
    process = await start_command(
        "serve",
        *ANY_PORT,
        program=("-c", _HANGING_LOOKUP),
        GATEWAY_WEBRTC__PORT="0",
        GATEWAY_WEBRTC__ADVERTISE="hangs.invalid",
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(STOPS_WITHIN_S * 2):
            while b"looking up" not in await process.stdout.readline():
                pass
        process.terminate()
        async with asyncio.timeout(STOPS_WITHIN_S):
            await process.wait()
    finally:
        output = await end_command(process)
    assert process.returncode == 0, output


async def _assert_one_line_and_exit_2(*arguments: str, words: str, **environment: str) -> None:
    process = await start_command(*arguments, **environment)
    try:
        async with asyncio.timeout(15):
            code = await process.wait()
    finally:
        output = await end_command(process)
    assert code == 2, output
    assert len(output.splitlines()) == 1, output
    assert re.search(words, output), output


async def test_ports_in_use_are_one_line_and_exit_2() -> None:
    async with gateway_process("serve", *ANY_PORT, GATEWAY_WEBRTC__PORT="0") as gateway:
        taken = gateway.address.removeprefix("http://").rstrip("/")
        await _assert_one_line_and_exit_2(
            "serve", "--listen", taken, words=f"listen: .*{taken}", GATEWAY_WEBRTC__PORT="0"
        )
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("0.0.0.0", 0))
    try:
        number = str(transport.get_extra_info("sockname")[1])
        await _assert_one_line_and_exit_2(
            "serve", *ANY_PORT, words=f"webrtc.port: .*{number}", GATEWAY_WEBRTC__PORT=number
        )
        await _assert_one_line_and_exit_2("demo", *ANY_PORT, "--webrtc-port", number, words=f"webrtc.port: .*{number}")
    finally:
        transport.close()


async def test_a_dead_camera_delays_neither_the_start_nor_the_others(page: Page) -> None:
    async with demo_camera() as dead, demo_camera() as camera:
        await dead.die()
        cameras = (f"dead={dead.url_with('admin', 'canary-secret')}", f"cam={camera.url}")
        async with gateway_process("serve", *ANY_PORT, *cameras, GATEWAY_WEBRTC__PORT="0") as gateway:
            await (await open_player(page, gateway.address)).play("cam")
            async with http() as session:
                assert (await session.get(f"{gateway.address}readyz")).status == 200
            shown = await camera_json(gateway.address, "dead")
            assert (shown["state"], shown["reason"]["code"]) == ("offline", "refused")
            assert "canary" not in str(shown)
