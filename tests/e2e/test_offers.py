"""Offers of every real shape: answered so that Chromium plays, or refused with the right status and words."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest
from playwright.async_api import Page
from yarl import URL

from gateway.config import CameraConfig, CameraUrl
from gateway.demo.digest import Credentials
from gateway.demo.spec import AudioChoice
from gateway.relay.camera import Camera
from gateway.source.status import CameraState
from tests.support.browser import open_player
from tests.support.cameras import demo_camera
from tests.support.clients import plain_offer
from tests.support.gateway import http, reached_state, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SDP = {"Content-Type": "application/sdp"}


async def _live(camera: Camera) -> None:
    await reached_state(camera, CameraState.LIVE, within_s=10)


async def _refusal(response: aiohttp.ClientResponse) -> str:
    """The code of a JSON error that has words."""
    assert response.content_type == "application/json"
    error = json.loads(await response.text())["error"]
    assert error["message"].strip()
    return str(error["code"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], ["data"]),
        (["data"], ["audio"]),
        (["audio"], []),
        ([], ["audio", "audio", "video"]),
        (["inactive-audio"], ["inactive-video", "data"]),
        (["inactive-video", "inactive-audio", "data", "audio"], ["video", "inactive-audio"]),
    ],
    ids=lambda sections: "+".join(sections) or "none",
)
@pytest.mark.parametrize("audio", [AudioChoice.NONE, AudioChoice.OPUS])
@pytest.mark.parametrize("bundle_policy", ["balanced", "max-bundle"])
async def test_whatever_stands_beside_the_picture_chromium_takes_the_answer_and_plays(
    page: Page, before: list[str], after: list[str], audio: AudioChoice, bundle_policy: str
) -> None:
    async with demo_camera(audio=audio) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address, bundle_policy=bundle_policy)
        reply = await player.play("cam", before=before, after=after)
        assert re.findall("^m=([a-z]+)", reply.body, re.MULTILINE) == re.findall(
            "^m=([a-z]+)", reply.offer, re.MULTILINE
        )
        sent = re.findall("^m=([a-z]+)(?:(?!^m=).)*^a=sendonly", reply.body, re.MULTILINE | re.DOTALL)
        heard = audio is AudioChoice.OPUS and "audio" in before + after
        assert sorted(sent) == (["audio", "video"] if heard else ["video"])


@pytest.mark.parametrize("profile", ["42001f", "42e01f", "4d001f"], ids=["baseline", "constrained baseline", "main"])
async def test_an_offer_of_one_profile_only_is_answered_with_it(page: Page, profile: str) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        reply = await player.play("cam", codecs=[f"h264.*packetization-mode=1.*profile-level-id={profile}"])
        assert re.findall("profile-level-id=([0-9a-f]+)", reply.body) == [profile]


@pytest.mark.parametrize("profile", ["64001f", "640c1f"], ids=["high", "constrained high"])
async def test_an_offer_of_the_high_profile_only_is_answered_with_it(page: Page, profile: str) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        # This Chromium offers High only with a hardware decoder; it plays what comes just the same.
        main = "h264.*packetization-mode=1.*profile-level-id=4d001f"
        reply = await player.play("cam", codecs=[main], renamed=["4d001f", profile])
        assert re.findall("profile-level-id=([0-9a-f]+)", reply.offer) == [profile]
        assert re.findall("profile-level-id=([0-9a-f]+)", reply.body) == [profile]


@pytest.mark.parametrize("profile", ["main", "high"])
async def test_a_camera_of_a_higher_profile_plays(page: Page, profile: str) -> None:
    async with demo_camera(profile=profile) as camera, running_gateway({"cam": camera.url}) as gateway:
        player = await open_player(page, gateway.address)
        await player.play("cam")
        assert all(picture.clock is not None for picture in await player.more_pictures(10, within_s=10))


async def test_h264_behind_vp8_is_found(page: Page) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        reply = await (await open_player(page, gateway.address)).play("cam", codecs=["^video/vp[89]", "^video/"])
        assert re.search("^m=video .*\r\n", reply.offer, re.MULTILINE)
        assert "VP8" not in reply.body


async def test_an_offer_without_h264_is_refused_and_nothing_is_left(page: Page) -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
        await _live(gateway.registry.find("cam"))
        player = await open_player(page, gateway.address)
        reply = await player.start("cam", codecs=["^video/(vp8|vp9|av1|rtx)"])
        assert reply.status == 422
        assert json.loads(reply.body)["error"]["code"] == "no_h264"
        assert "H.264" in reply.body
        assert gateway.sessions is not None
        assert (len(gateway.sessions), gateway.port.agent_count) == (0, 0)


async def test_refusals_of_the_endpoint() -> None:
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway, http() as session:
        await _live(gateway.registry.find("cam"))
        endpoint, offer = f"{gateway.address}cam/whep", plain_offer()
        refusals: list[tuple[str, str | bytes, dict[str, str], int, str]] = [
            (f"{gateway.address}nobody/whep", offer, SDP, 404, "camera_not_found"),
            (endpoint, offer, {"Content-Type": "application/json"}, 415, "unsupported_media_type"),
            (endpoint, offer + "a=x\r\n" * 10_000, SDP, 413, "too_large"),
            (endpoint, "", SDP, 400, "bad_sdp"),
            (endpoint, b"\xff\xfe", SDP, 400, "bad_request"),
            (endpoint, "v=0\r\n", SDP, 400, "bad_sdp"),
            (endpoint, offer.replace("m=video 9", "m=video x"), SDP, 400, "bad_sdp"),
            (endpoint, offer.replace("a=rtpmap:96", "a=rtpmap:wide"), SDP, 400, "bad_sdp"),
            (endpoint, offer.replace("m=video", "v=0\r\n" * 2000 + "m=video"), SDP, 400, "bad_sdp"),
            (endpoint, offer.replace("H264", "VP8"), SDP, 422, "no_h264"),
            (endpoint, offer.replace("packetization-mode=1", "packetization-mode=0"), SDP, 422, "no_h264"),
            (endpoint, offer.replace("recvonly", "sendonly"), SDP, 422, "nothing_to_send"),
            (endpoint, offer.replace("recvonly", "inactive"), SDP, 422, "nothing_to_send"),
            (endpoint, offer.replace("a=mid:0\r\n", "a=mid:0\r\na=ice-lite\r\n"), SDP, 422, "ice_lite"),
            (endpoint, offer, SDP | {"Origin": "https://elsewhere.example"}, 403, "foreign_origin"),
        ]
        for url, body, headers, status, code in refusals:
            async with session.post(url, data=body, headers=headers) as response:
                assert (response.status, await _refusal(response)) == (status, code), body[:80]
        assert gateway.sessions is not None
        assert (len(gateway.sessions), gateway.port.agent_count) == (0, 0)


async def test_every_line_of_an_offer_may_be_missing_or_broken() -> None:
    """The answer is 201 or a 4xx with words, never a 500, and sessions can all be ended."""
    async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway, http() as session:
        await _live(gateway.registry.find("cam"))
        lines = plain_offer().splitlines()
        for place, line in enumerate(lines):
            for other in (
                [],
                [line, line],
                [line[: len(line) // 2]],
                [line.replace("0", "-1")],
                [f"{line} {'9' * 40}"],
            ):
                offer = "\r\n".join(lines[:place] + other + lines[place + 1 :]) + "\r\n"
                async with session.post(f"{gateway.address}cam/whep", data=offer, headers=SDP) as response:
                    assert response.status in (201, 400, 422), (line, other, await response.text())
                    if response.status == 201:
                        location = response.url.join(URL(response.headers["Location"]))
                        assert (await session.delete(location)).status == 200
                    else:
                        await _refusal(response)
        assert gateway.sessions is not None
        assert (len(gateway.sessions), gateway.port.agent_count) == (0, 0)


@pytest.mark.parametrize("on_demand", [False, True], ids=["always on", "on demand"])
async def test_an_offline_camera_is_a_409_that_says_why_and_when_to_try_again(*, on_demand: bool) -> None:
    async with demo_camera() as camera:
        await camera.die()
        config = CameraConfig(source=CameraUrl(camera.url), on_demand=on_demand)
        async with (
            running_gateway({"cam": config}) as gateway,
            http() as session,
            session.post(f"{gateway.address}cam/whep", data=plain_offer(), headers=SDP) as response,
        ):
            assert (response.status, await _refusal(response)) == (409, "camera_offline")
            assert int(response.headers["Retry-After"]) > 0
            assert "refuses the connection" in await response.text()


async def test_a_wrong_password_is_a_409_that_says_so_and_does_not_say_the_password() -> None:
    async with demo_camera(credentials=Credentials("viewer", "right")) as camera:
        url = camera.url_with("viewer", "canary-secret")
        async with (
            running_gateway({"cam": url}) as gateway,
            http() as session,
            session.post(f"{gateway.address}cam/whep", data=plain_offer(), headers=SDP) as response,
        ):
            assert response.status == 409
            text = await response.text()
            assert "Wrong user name or password" in text
            assert "canary" not in text
