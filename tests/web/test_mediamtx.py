"""MediaMTX beside a whole gateway, as a double that keeps docs/mediamtx.md: who watches there, and until when."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from gateway.access.decision import Asked
from gateway.access.grants import SKEW_S, new_grant_id, sign_grant
from gateway.app import Gateway
from gateway.config import AccessConfig, AccessMode, CameraConfig, CameraUrl, Listen, SourcesConfig, UserConfig
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.model import HlsConfig, HlsMode
from gateway.config.public_url import PublicUrl
from gateway.demo.digest import Credentials
from gateway.mediamtx.server import MediaMtx
from gateway.source.status import CameraState, ReasonCode
from gateway.web.added_cameras import FILE, write_added
from tests.support.cameras import DemoCamera, demo_camera
from tests.support.gateway import http, reached_state, running_gateway
from tests.support.mediamtx_double import Double, ListedAs, Session, mediamtx_double
from tests.support.nginx import free_port
from tests.web.visitors import PASSWORD, RULES, basic
from tests.webrtc.stage import HandClock

SECRET = "cAnArY-hook-secret-0123456789"
ACCESS = AccessConfig(
    users={
        "ann": UserConfig(hash=RULES.users["ann"].secret_hash, cameras=("cam", "site1/*")),
        "admin": UserConfig(hash=RULES.users["admin"].secret_hash, cameras=("*",)),
    },
    writes_per_s=1,
)
OPEN = AccessConfig(mode=AccessMode.OPEN)


@dataclass(slots=True)
class Both:
    """A gateway and MediaMTX's double, and somebody who asks them."""

    gateway: Gateway
    double: Double
    client: aiohttp.ClientSession
    clock: HandClock
    camera: DemoCamera

    def grant(self, prefix: str = "/cam/", *, lasts_s: float = 300) -> str:
        return sign_grant(
            self.gateway.gatekeeper.policy.keys.active,
            prefix=prefix,
            expires=int(self.clock.now() + lasts_s),
            grant_id=new_grant_id(),
        )

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status, and where it leads or what it says, of the gateway's answer."""
        url = URL(self.gateway.address.rstrip("/") + path, encoded=True)
        async with self.client.get(url, headers=headers, allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()

    async def watch(self, path: str, **headers: str) -> tuple[int, URL, str]:
        """What a player gets for a multivariant playlist: status, where in the end, the child's address or the body."""
        url = URL(path if "://" in path else self.gateway.address.rstrip("/") + path, encoded=True)
        async with self.client.get(url, headers=headers) as response:
            text = await response.text()
            return response.status, response.url, text.split()[-1] if response.status == 200 else text

    async def child_status(self, at: URL, child: str) -> int:
        async with self.client.get(at.join(URL(child, encoded=True))) as response:
            return response.status

    @property
    def server(self) -> MediaMtx:
        server = self.gateway.neighbour.server
        assert server is not None
        return server

    async def looked(self) -> None:
        """What happens every two seconds happens now, as often as it takes to believe it."""
        for _ in range(2):
            await self.server.check()
        await self.server.round()


@asynccontextmanager
async def both(
    *,
    access: AccessConfig = ACCESS,
    cameras: Mapping[str, str] | None = None,
    started: bool = True,
    changes: Mapping[str, object] | None = None,
    **section: object,
) -> AsyncIterator[Both]:
    """A gateway that reads `cam`; `section` goes into the configuration's `mediamtx`."""
    port, clock = free_port(), HandClock()
    async with (
        demo_camera() as camera,
        mediamtx_double(gateway_port=port, secret=SECRET) as double,
    ):
        double.paths["cam"] = ListedAs()
        if started:
            await double.start()
        base = PublicUrl(double.address)
        # As if the camera's own server were MediaMTX's.
        rtsp = CameraUrl(camera.url.rpartition("/")[0])
        mediamtx = MediaMtxConfig(hls=base, public_hls=base, api=base, hook_secret=SECRET, rtsp=rtsp)
        configured = {
            "listen": Listen("127.0.0.1", port),
            "hls": HlsConfig(mode=HlsMode.MEDIAMTX),
            "mediamtx": mediamtx.model_copy(update=section),
            **(changes or {}),
        }
        known = {"cam": camera.url} if cameras is None else cameras
        async with (
            running_gateway(known, access=access, access_clock=clock, changes=configured) as gateway,
            http() as client,
        ):
            yield Both(gateway, double, client, clock, camera)


@pytest_asyncio.fixture(name="pair")
async def _pair() -> AsyncIterator[Both]:
    async with both() as running:
        await running.looked()
        yield running


async def test_a_viewer_with_a_grant_is_sent_there_with_it_and_let_in(pair: Both) -> None:
    token = pair.grant()
    for path, headers in (
        (f"/g/{token}/cam/index.m3u8", {}),
        ("/cam/index.m3u8", {"Authorization": f"Bearer {token}"}),
    ):
        assert await pair.get(path, **headers) == (307, f"{pair.double.address}/cam/index.m3u8?grant={token}")
    status, at, child = await pair.watch(f"/cam/index.m3u8?grant={token}")
    assert (status, at.query["grant"], at.query["cookieCheck"]) == (200, token, "1")
    assert await pair.child_status(at, child) == 200
    reads = [question for question in pair.double.asked if question["action"] == "read"]
    assert [question["query"] for question in reads] == [f"grant={token}"]


async def test_the_redirect_is_kept_by_nobody(pair: Both) -> None:
    url = f"{pair.gateway.address}g/{pair.grant()}/cam/index.m3u8"
    async with pair.client.get(url, allow_redirects=False) as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_whoever_signed_in_gets_a_grant_for_that_camera_only(pair: Both) -> None:
    status, location = await pair.get("/cam/index.m3u8", **basic("ann"))
    assert status == 307
    status, at, child = await pair.watch(location)
    assert status == 200
    assert await pair.child_status(at, child) == 200
    pair.double.paths["site1/yard"] = ListedAs()
    assert (await pair.watch(location.replace("/cam/", "/site1/yard/")))[0] == 401


async def test_who_may_not_watch_is_sent_nowhere(pair: Both) -> None:
    assert (await pair.get("/cam/index.m3u8"))[0] == 401
    assert (await pair.get(f"/g/{pair.grant('/other/')}/cam/index.m3u8"))[0] == 401
    assert (await pair.get("/nosuch/index.m3u8", **basic("admin")))[0] == 404


@pytest.mark.parametrize("query", ["", "?grant=", "?grant={forged}", "?grant={expired}", "?grant={good}&grant={good}"])
async def test_mediamtx_lets_nobody_in_whom_the_gateway_would_not(pair: Both, query: str) -> None:
    good = pair.grant()
    forged = good[:-1] + ("0" if good[-1] != "0" else "1")
    expired = pair.grant(lasts_s=-SKEW_S - 1)
    asked = query.format(good=good, forged=forged, expired=expired)
    assert (await pair.watch(f"{pair.double.address}/cam/index.m3u8{asked}"))[0] == 401
    assert (await pair.watch(f"{pair.double.address}/cam/index.m3u8?grant={good}"))[0] == 200


async def test_nobody_else_can_ask_what_mediamtx_asks(pair: Both, caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps({"action": "api", "user": "gateway", "password": SECRET})
    with caplog.at_level(logging.WARNING):
        for headers in ({}, basic("mediamtx", "wrong"), basic("other", SECRET), basic("admin"), basic("ann", PASSWORD)):
            async with pair.client.post(pair.double.hook, data=body, headers=headers) as response:
                assert response.status == 401
    assert len([line for line in caplog.messages if "authHTTPAddress" in line]) == 1
    assert "cAnArY" not in caplog.text
    for text in ("", "[]", '{"path": 7}', "x" * 40_000):
        async with pair.client.post(pair.double.hook, data=text, headers=basic("mediamtx", SECRET)) as response:
            assert response.status in (400, 413)


async def test_many_viewers_and_many_refusals_do_not_lock_mediamtx_out(pair: Both) -> None:
    for _ in range(150):
        assert (await pair.watch(f"{pair.double.address}/cam/index.m3u8?grant=none"))[0] == 401
    assert (await pair.watch(f"{pair.double.address}/cam/index.m3u8?grant={pair.grant()}"))[0] == 200


async def test_signed_addresses_lead_there_too(pair: Both) -> None:
    url = f"{pair.gateway.address}api/cameras/cam/sign"
    async with pair.client.post(url, headers=basic("ann")) as response:
        signed = await response.json()
    assert signed["urls"]["hls"] == f"{pair.double.address}/cam/index.m3u8?grant={signed['token']}"
    assert (await pair.watch(signed["urls"]["hls"]))[0] == 200
    await pair.double.die()
    await pair.looked()
    async with pair.client.post(url, headers=basic("admin")) as response:
        signed = await response.json()
    assert signed["urls"]["hls"] == f"{pair.gateway.address}g/{signed['token']}/cam/index.m3u8"


async def test_while_it_is_away_the_gateway_itself_makes_hls_and_goes_on_with_who_began_there(pair: Both) -> None:
    token = pair.grant()
    status, at, child = await pair.watch(f"/g/{token}/cam/index.m3u8")
    assert at.port == pair.double.port
    await pair.double.die()
    await pair.looked()
    await reached_state(pair.gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
    status, here, playlist = await pair.watch(f"/g/{token}/cam/index.m3u8")
    assert (status, here.port) == (200, pair.gateway.http_port)
    await pair.double.start()
    # What it knew is gone: who was there begins again.
    assert await pair.child_status(at, child) == 401
    await pair.looked()
    assert (await pair.watch(f"/g/{token}/cam/index.m3u8"))[1].port == pair.double.port
    assert await pair.child_status(here, playlist) == 200


async def test_after_30_idle_seconds_the_same_address_begins_a_new_session(pair: Both) -> None:
    token = pair.grant()
    _, at, child = await pair.watch(f"/g/{token}/cam/index.m3u8")
    pair.double.idle()
    assert await pair.child_status(at, child) == 401
    status, at, child = await pair.watch(f"/g/{token}/cam/index.m3u8")
    assert (status, await pair.child_status(at, child)) == (200, 200)


async def test_a_camera_without_pictures_there_is_watched_here(pair: Both) -> None:
    pair.double.paths["cam"].ready = False
    await pair.looked()
    await reached_state(pair.gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
    assert (await pair.watch(f"/g/{pair.grant()}/cam/index.m3u8"))[1].port == pair.gateway.http_port


async def test_a_session_ends_with_its_grant_and_a_fresh_grant_begins_another(pair: Both) -> None:
    _, at, child = await pair.watch(f"/g/{pair.grant(lasts_s=60)}/cam/index.m3u8")
    _, other, its_child = await pair.watch(f"/g/{pair.grant(lasts_s=600)}/cam/index.m3u8")
    pair.clock.advance(60 + SKEW_S)
    await pair.looked()
    assert pair.double.kicked == []
    pair.clock.advance(1)
    await pair.looked()
    assert len(pair.double.sessions) == 1
    assert await pair.child_status(at, child) == 401
    assert await pair.child_status(other, its_child) == 200
    assert (await pair.watch(f"/g/{pair.grant()}/cam/index.m3u8"))[0] == 200


async def test_sessions_from_before_a_restart_of_the_gateway_end_too(pair: Both) -> None:
    query = f"grant={pair.grant(lasts_s=60)}"
    pair.double.sessions["unheard of"] = Session("a29843d0-dd44-4915-bcbe-f9cf1c388672", "cam", query)
    await pair.looked()
    assert pair.server.viewers("cam") == 1
    pair.clock.advance(61 + SKEW_S)
    await pair.looked()
    assert not pair.double.sessions


async def test_a_withdrawn_grant_ends_what_is_watched_with_it(pair: Both) -> None:
    token = pair.grant()
    await pair.watch(f"/g/{token}/cam/index.m3u8")
    keeper = pair.gateway.gatekeeper
    keeper.policy.revocations.withdraw(token.split(".")[2], expires=pair.clock.now() + 300, now=pair.clock.now())
    await pair.looked()
    assert not pair.double.sessions
    assert (await pair.watch(f"{pair.double.address}/cam/index.m3u8?grant={token}"))[0] == 401


async def test_whoever_is_signed_in_watches_on_until_they_sign_out(pair: Both) -> None:
    keeper = pair.gateway.gatekeeper
    cookie = {"Cookie": f"camera_gateway={keeper.cookie_for('ann')}"}
    _, location = await pair.get("/cam/index.m3u8", **cookie)
    _, at, child = await pair.watch(location)
    # Their page's grant is long over, their right is not.
    pair.clock.advance(2000)
    await pair.looked()
    assert await pair.child_status(at, child) == 200
    session = keeper.session_of(Asked("GET", "/", cookie=(cookie["Cookie"],)))
    assert session is not None
    await keeper.sign_out(session)
    await pair.looked()
    assert not pair.double.sessions
    assert await pair.child_status(at, child) == 401


async def test_the_edges_session_is_nobodys_and_stays(pair: Both) -> None:
    await pair.watch(f"/g/{pair.grant(lasts_s=60)}/cam/index.m3u8")
    (session,) = pair.double.sessions.values()
    session.is_cdn = True
    pair.clock.advance(61 + SKEW_S)
    await pair.looked()
    assert len(pair.double.sessions) == 1


async def test_viewers_there_are_counted(pair: Both) -> None:
    for _ in range(3):
        await pair.watch(f"/g/{pair.grant()}/cam/index.m3u8")
    await pair.looked()
    camera = json.loads((await pair.get("/api/cameras/cam", **basic("ann")))[1])
    assert camera["viewers"] == {"ll-hls": 3}
    assert camera["rungs"] == {} or camera["rungs"]["ll-hls"]["ok"]


async def test_pages_may_load_hls_from_there(pair: Both) -> None:
    async with pair.client.get(pair.gateway.address, headers=basic("ann")) as response:
        policy = response.headers["Content-Security-Policy"]
    assert f"connect-src 'self' {pair.double.address};" in policy
    assert f"media-src 'self' blob: {pair.double.address};" in policy


async def test_in_open_mode_everybody_watches_what_there_is() -> None:
    async with both(access=OPEN) as pair:
        await pair.looked()
        assert await pair.get("/cam/index.m3u8") == (307, f"{pair.double.address}/cam/index.m3u8")
        assert (await pair.watch("/cam/index.m3u8"))[0] == 200
        pair.double.paths["other"] = ListedAs()
        assert (await pair.watch(f"{pair.double.address}/other/index.m3u8"))[0] == 401


async def test_a_camera_that_has_another_name_there_is_watched_here_only() -> None:
    nowhere = "rtsp://127.0.0.1:9"
    async with both(access=OPEN, cameras={"cam": f"{nowhere}/elsewhere"}, rtsp=CameraUrl(nowhere)) as pair:
        await pair.looked()
        assert pair.server.has("cam")
        assert (await pair.get("/cam/index.m3u8"))[0] == 409
        assert (await pair.watch(f"{pair.double.address}/cam/index.m3u8"))[0] == 401


async def test_cameras_come_and_go_with_its_paths_and_rights_apply() -> None:
    async with both(cameras={}, discover=True, on_demand=True) as pair:
        await pair.looked()
        pair.double.paths |= {
            "site1/yard": ListedAs(ready=False),
            "~bad": ListedAs(),
            "asked": ListedAs(ready=False, source=None),
        }
        await pair.looked()
        shown = json.loads((await pair.get("/api/cameras", **basic("ann")))[1])["cameras"]
        assert [(camera["name"], camera["state"]) for camera in shown] == [("cam", "idle"), ("site1/yard", "idle")]
        assert (await pair.get("/api/cameras/cam", Authorization=f"Bearer {pair.grant('/site1/')}"))[0] == 403
        assert (await pair.get("/api/cameras/cam", Authorization=f"Bearer {pair.grant('/cam/')}"))[0] == 200


async def test_a_dead_api_keeps_what_is_known(caplog: pytest.LogCaptureFixture) -> None:
    async with both(cameras={}, discover=True) as pair:
        await pair.looked()
        with caplog.at_level(logging.INFO):
            pair.double.api_status = 500
            await pair.looked()
            assert "MediaMTX's API answers 500" in caplog.messages
            pair.double.api_status = 200
            await pair.looked()
            assert "MediaMTX's API answers" in caplog.messages
        assert len(pair.gateway.registry) == 1


async def test_a_camera_found_there_is_read_once_whoever_watches_and_changed_there_only() -> None:
    by_api = {"sources": SourcesConfig(by_api=True)}
    async with both(cameras={}, discover=True, on_demand=False, changes=by_api) as pair:
        await pair.looked()
        await reached_state(pair.gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
        await pair.camera.until_clients(1)
        url = f"{pair.gateway.address}api/cameras/cam"
        async with pair.client.put(url, json="rtsp://192.0.2.1/x", headers=basic("admin")) as response:
            assert (response.status, "MediaMTX" in await response.text()) == (403, True)
        async with pair.client.put(f"{url}/below", json="rtsp://192.0.2.1/x", headers=basic("admin")) as response:
            assert response.status == 422


async def test_cameras_added_over_the_api_are_not_read_at_mediamtx_with_the_gateways_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    by_api = {"sources": SourcesConfig(by_api=True)}
    credentials = Credentials("gateway", SECRET)
    async with demo_camera(credentials=credentials) as camera:
        write_added(tmp_path / FILE, {"mine": CameraConfig(source=CameraUrl(camera.url))})
        rtsp = CameraUrl(camera.url.rpartition("/")[0])
        async with both(cameras={}, discover=True, on_demand=False, changes=by_api, rtsp=rtsp) as pair:
            await pair.looked()
            await reached_state(pair.gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
            status = await reached_state(pair.gateway.registry.find("mine"), CameraState.OFFLINE, within_s=10)
            assert status.reason is not None
            assert status.reason.code is ReasonCode.AUTH_FAILED
