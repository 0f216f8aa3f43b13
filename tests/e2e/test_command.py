"""The command itself, as a process of its own."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page

from tests.support.browser import open_player
from tests.support.cameras import demo_camera
from tests.support.clients import signalling_socket
from tests.support.gateway import camera_json, end_command, gateway_process, http, start_command

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
        await player.until("p => p.connection.getReceivers()[0].transport.state === 'closed'", within_s=2)


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
