"""A camera on demand: nothing is read while nobody watches."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page

from gateway.config import CameraConfig, CameraUrl
from gateway.source.status import CameraState
from gateway.source.supervision import LINGER_S
from tests.support.browser import open_player
from tests.support.cameras import demo_camera
from tests.support.clients import plain_offer
from tests.support.gateway import camera_json, http, reached_state, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_the_first_viewer_opens_it_and_it_closes_after_the_last(page: Page) -> None:
    async with demo_camera() as camera:
        config = CameraConfig(source=CameraUrl(camera.url), on_demand=True)
        async with running_gateway({"cam": config}) as gateway, http() as session:
            watched = gateway.registry.find("cam")
            assert (await camera_json(gateway.address, "cam"))["state"] == "idle"
            assert camera.server.connection_count == 0

            player = await open_player(page, gateway.address)
            reply = await player.play("cam")
            assert camera.server.connection_count == 1
            # A second viewer shares what the first opened.
            other = await open_player(page, gateway.address)
            await other.play("cam")
            assert camera.server.connection_count == 1

            url = f"{gateway.address}cam/{reply.headers['location']}"
            assert (await session.delete(url)).status == 200
            assert watched.status.state is CameraState.LIVE
            loop = asyncio.get_running_loop()
            await other.close()
            # Closing a peer connection says goodbye through DTLS, so that the gateway knows at once.
            left_at = loop.time()
            await reached_state(watched, CameraState.IDLE, within_s=LINGER_S + 8)
            assert loop.time() - left_at > LINGER_S - 1
            assert gateway.sessions is not None
            assert len(gateway.sessions) == 0


async def test_a_camera_that_does_not_answer_keeps_its_viewer_waiting_ten_seconds_at_most() -> None:
    async with demo_camera() as camera:
        camera.silence()
        config = CameraConfig(source=CameraUrl(camera.url), on_demand=True)
        async with running_gateway({"cam": config}) as gateway, http() as session:
            headers = {"Content-Type": "application/sdp"}
            async with (
                asyncio.timeout(11),
                session.post(f"{gateway.address}cam/whep", data=plain_offer(), headers=headers) as response,
            ):
                assert response.status == 409
                assert "No answer from the camera" in await response.text()
            camera.speak()
