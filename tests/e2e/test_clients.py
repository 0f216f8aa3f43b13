"""Viewers that are no browser, and the clock that all share."""

from __future__ import annotations

import time
from itertools import pairwise

import aiohttp
import pytest
from playwright.async_api import Page

from gateway.demo.spec import AudioChoice
from gateway.source.status import CameraState
from tests.support.browser import open_player
from tests.support.cameras import clock_age_ms, demo_camera
from tests.support.clients import AiortcViewer, connect_by_whep, plain_offer, signalling_socket
from tests.support.gateway import camera_json, http, reached_state, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def _assert_it_sees_the_clock_run(viewer: AiortcViewer) -> None:
    clocks = [await viewer.clock(within_s=10)] + [await viewer.clock(within_s=10) for _ in range(15)]
    assert all(later > earlier for earlier, later in pairwise(clocks))
    assert 0 <= clock_age_ms(clocks[-1], now_s=time.time()) < 2000


async def test_aiortc_sees_the_clock_run_by_whep_and_ends_with_delete() -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway, http() as session:
        async with AiortcViewer() as viewer:
            location = await connect_by_whep(viewer, session, f"{gateway.address}cam/whep")
            await _assert_it_sees_the_clock_run(viewer)
            assert (await camera_json(gateway.address, "cam"))["viewers"] == {"webrtc": 1}
            assert (await session.get(location)).status == 204
            assert (await session.delete(location)).status == 200
            assert (await session.delete(location)).status == 404
        assert gateway.sessions is not None
        assert (len(gateway.sessions), gateway.port.agent_count, gateway.port.path_count) == (0, 0, 0)


@pytest.mark.parametrize("version", [1, 2])
async def test_a_websocket_client_in_go2rtcs_dialect_sees_the_clock_run(version: int) -> None:
    async with (
        demo_camera(audio=AudioChoice.OPUS) as camera,
        running_gateway({"cam": camera.url}) as gateway,
        AiortcViewer(audio=True) as viewer,
        signalling_socket(gateway.address, "cam") as socket,
    ):
        # Such clients ask for go2rtc's other protocols too; that must neither end the socket nor look like a bad offer.
        await socket.send("mjpeg", "")
        refusal = await socket.next("error", within_s=10)
        assert refusal.startswith("mjpeg: ")
        assert "webrtc/offer" not in refusal
        await socket.send("mse", "avc1.640029,mp4a.40.2")
        assert str(await socket.next("mse", within_s=10)).startswith('video/mp4; codecs="avc1.')
        await viewer.accept(await socket.offer(await viewer.offer(), version=version, within_s=10))
        await _assert_it_sees_the_clock_run(viewer)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "sdp"])
async def test_aiortc_sees_the_clock_run_by_go2rtcs_http_offer(*, as_json: bool) -> None:
    async with (
        demo_camera() as camera,
        running_gateway({"cam": camera.url}) as gateway,
        http() as session,
        AiortcViewer() as viewer,
    ):
        url, offer = f"{gateway.address}api/webrtc?src=cam", await viewer.offer()
        if as_json:
            async with session.post(url, json={"type": "offer", "sdp": offer}) as response:
                body = await response.json()
                assert (response.status, body["type"]) == (200, "answer")
                answer = body["sdp"]
        else:
            async with session.post(url, data=offer, headers={"Content-Type": "application/sdp"}) as response:
                assert response.status == 201
                answer = await response.text()
        await viewer.accept(answer)
        await _assert_it_sees_the_clock_run(viewer)


async def test_a_refused_offer_leaves_the_socket_open_for_the_next() -> None:
    async with (
        demo_camera() as camera,
        running_gateway({"cam": camera.url}) as gateway,
        AiortcViewer() as viewer,
        signalling_socket(gateway.address, "cam") as socket,
    ):
        await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        await socket.send("webrtc/offer", "nonsense")
        assert (await socket.next("error", within_s=10)).startswith("webrtc/offer: ")
        await socket.send("webrtc", {"type": "offer", "sdp": plain_offer(codec="VP8/90000")})
        assert "H.264" in await socket.next("error", within_s=10)
        await viewer.accept(await socket.offer(await viewer.offer(), version=2, within_s=10))
        await _assert_it_sees_the_clock_run(viewer)


async def test_a_socket_that_only_listens_hears_every_state() -> None:
    async with (
        demo_camera() as camera,
        running_gateway({"cam": camera.url}) as gateway,
        signalling_socket(gateway.address, "cam") as socket,
    ):
        live = await socket.state("live", within_s=10)
        assert (live["name"], live["reason"], live["video"]["width"]) == ("cam", None, 320)
        await camera.die()
        offline = await socket.state("offline", within_s=10)
        assert offline["reason"]["code"] == "refused"
        assert "127.0.0.1" not in str(offline)
        await camera.revive()
        assert (await socket.state("live", within_s=10))["since"] > live["since"]


async def test_an_unknown_camera_has_no_socket() -> None:
    async with running_gateway({}) as gateway:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with signalling_socket(gateway.address, "nobody"):
                pass
        assert refused.value.status == 404


async def test_clock_messages_map_rtp_time_to_the_burned_in_clock(page: Page) -> None:
    async with (
        demo_camera(report_interval_s=1.0) as camera,
        running_gateway({"cam": camera.url}) as gateway,
        signalling_socket(gateway.address, "cam") as socket,
    ):
        player = await open_player(page, gateway.address)
        await player.play("cam")
        pictures = await player.more_pictures(10, within_s=10)
        sent_at = time.time()
        await socket.send("clock", {"t0": sent_at})
        clock = await socket.next("clock", within_s=10)
        assert clock["t0"] == sent_at
        assert sent_at <= clock["t1"] <= clock["t2"] <= time.time()
        for picture in pictures:
            assert picture.clock is not None
            ticks = (picture.rtp - clock["rtp_timestamp"] + 2**31) % 2**32 - 2**31
            captured_at = clock["captured_at"] + ticks / clock["clock_rate"]
            assert abs(clock_age_ms(picture.clock, now_s=captured_at)) <= 150
