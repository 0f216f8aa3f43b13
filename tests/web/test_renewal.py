"""Who is watching goes on while what let them in is good, and no longer; everything driven by a clock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSCloseCode, WSMsgType

from gateway.access.carriers import COOKIE_NAME
from gateway.access.cookies import RENEW_AFTER_S, SESSION_AGE_S
from gateway.access.grants import Grant, verify_grant
from gateway.access.keyring import rotate_keys
from gateway.access.permit import CHECK_INTERVAL_S
from gateway.access.refusal import Refusal
from gateway.access.throttle import GRANTS_PER_SOCKET
from gateway.webrtc.renewals import MAX_TOO_SOON
from gateway.webrtc.session import Session
from tests.web.visitors import House, basic, bearer, house
from tests.webrtc.client import Client, client
from tests.webrtc.stage import DEADLINE_S, offer, settled

LIFETIME_S = 300
END_WITHIN_S = 60
PROMPT_S = 1.0
OFFER = offer("chromium-video")
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as running:
        yield running


async def pass_time(home: House, seconds: float) -> None:
    """Lets time pass as the gateway sees it, in the rounds in which it looks at permits."""
    while seconds > 0:
        step = min(seconds, CHECK_INTERVAL_S)
        home.clock.advance(step)
        seconds -= step
        await home.keeper.tend()


async def received(socket: aiohttp.ClientWebSocketResponse, kind: str) -> Any:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            message = json.loads(await socket.receive_str())
            if message["type"] == kind:
                return message["value"]


async def closed(socket: aiohttp.ClientWebSocketResponse) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not socket.closed:
            await socket.receive()


def only_session(home: House) -> Session:
    (session,) = home.stage.sessions
    return session


async def post(home: House, viewer: Client, path: str, headers: dict[str, str] | None = None) -> str:
    """A WHEP session that is connected; its address."""
    response = await home.http.post(path, data=await viewer.offer(), headers=SDP | (headers or {}))
    assert response.status == 201
    await viewer.accept(await response.text())
    session = only_session(home)
    await settled(lambda: session.connected, "the viewer does not connect")
    return path.rpartition("/")[0] + "/" + response.headers["Location"]


class TestGrants:
    async def test_a_session_ends_within_a_minute_after_its_grant(self, home: House) -> None:
        async with client() as viewer:
            await post(home, viewer, f"/g/{home.grant('/cam1/')}/cam1/whep")
            await pass_time(home, LIFETIME_S)
            assert len(home.stage.sessions) == 1
            await pass_time(home, END_WITHIN_S)
            await settled(lambda: len(home.stage.sessions) == 0, "the session goes on")
            await settled(lambda: viewer.pc.connectionState == "closed", "the viewer was not told")

    async def test_a_fresh_bearer_on_patch_keeps_a_whep_session(self, home: House) -> None:
        async with client() as viewer:
            address = await post(home, viewer, "/cam1/whep", bearer(home.grant("/cam1/")))
            for _ in range(3):
                await pass_time(home, LIFETIME_S - 20)
                fresh = bearer(home.grant("/cam1/"))
                renewed = await home.http.patch(
                    address,
                    data="a=end-of-candidates",
                    headers=FRAGMENT | fresh | {"If-Match": only_session(home).etag},
                )
                assert renewed.status == 204
            other = await home.http.patch(address, data="", headers=FRAGMENT | bearer(home.grant("/site1/")))
            assert other.status == 403
            await pass_time(home, LIFETIME_S - 10)
            assert len(home.stage.sessions) == 1
            await pass_time(home, 10 + END_WITHIN_S)
            await settled(lambda: len(home.stage.sessions) == 0, "the session goes on")

    async def test_a_grant_message_keeps_a_socket_and_the_session_opened_on_it(self, home: House) -> None:
        async with client() as viewer, home.http.ws_connect(f"/g/{home.grant('/')}/api/ws?src=cam1") as socket:
            await socket.send_json({"type": "webrtc/offer", "value": await viewer.offer()})
            await viewer.accept(await received(socket, "webrtc/answer"))
            await settled(lambda: only_session(home).connected, "the viewer does not connect")
            for _ in range(3):
                await pass_time(home, LIFETIME_S - 20)
                await socket.send_json({"type": "grant", "value": home.grant("/cam1/")})
                assert await received(socket, "grant") == {"expires_at": home.clock.now() + LIFETIME_S}
            session = only_session(home)
            assert (session.peer.connectionState, session.generation) == ("connected", 1)
            await pass_time(home, LIFETIME_S + END_WITHIN_S)
            assert "you may watch no longer" in await received(socket, "error")
            await closed(socket)
            await settled(lambda: len(home.stage.sessions) == 0, "the session goes on")

    @pytest.mark.parametrize("kind", ["forged", "other", "expired", "shorter", "text", "number", "key"])
    async def test_a_grant_that_is_no_good_changes_nothing(self, home: House, kind: str) -> None:
        values: dict[str, object] = {
            "forged": home.grant("/")[:-4] + "0000",
            "other": home.grant("/cam10/"),
            "expired": home.grant("/", lasts_s=-31),
            "shorter": home.grant("/", lasts_s=10),
            "text": "x",
            "number": 5,
            "key": "cgk_" + "m" * 43,
        }
        async with home.http.ws_connect(f"/g/{home.grant('/')}/api/ws?src=cam1") as socket:
            await socket.send_json({"type": "grant", "value": values[kind]})
            if kind == "shorter":
                assert await received(socket, "grant") == {"expires_at": home.clock.now() + LIFETIME_S}
            else:
                message = await received(socket, "error")
                assert message.startswith("grant: ")
                assert str(values[kind]) not in message or kind in ("text", "number")
            await socket.send_json({"type": "clock", "value": {"t0": 1}})
            await received(socket, "clock")
            await pass_time(home, LIFETIME_S + END_WITHIN_S)
            await closed(socket)

    async def test_a_flood_of_forged_grants_costs_little_holds_up_nobody_and_ends_the_socket(
        self, home: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verified: list[str] = []

        def counted(token: str, **options: Any) -> Grant | Refusal:
            verified.append(token)
            return verify_grant(token, **options)

        forged = json.dumps({"type": "grant", "value": home.grant("/")[:-4] + "0000"})
        path = f"/g/{home.grant('/')}/api/ws?src=cam1"
        async with home.http.ws_connect(path) as socket, home.http.ws_connect(path) as neighbour:
            monkeypatch.setattr("gateway.access.decision.verify_grant", counted)

            async def flood() -> None:
                with contextlib.suppress(ConnectionError):
                    for _ in range(1000):
                        await socket.send_str(forged)

            async def answers() -> list[str]:
                return [message.data async for message in socket if message.type is WSMsgType.TEXT]

            flooding, answering = asyncio.create_task(flood()), asyncio.create_task(answers())
            for _ in range(10):
                asked_at = time.perf_counter()
                await neighbour.send_json({"type": "clock", "value": {"t0": 1}})
                await received(neighbour, "clock")
                assert time.perf_counter() - asked_at < PROMPT_S
            async with asyncio.timeout(DEADLINE_S):
                await flooding
                errors = [text for text in await answering if "error" in text]
            assert socket.close_code == WSCloseCode.POLICY_VIOLATION
            # Time stands still, so nothing becomes possible meanwhile.
            assert len(verified) == GRANTS_PER_SOCKET.burst
            assert len(errors) == GRANTS_PER_SOCKET.burst + MAX_TOO_SOON + 1
            assert "send the next one in 1.0 s" in errors[-1]
            await neighbour.send_json({"type": "grant", "value": home.grant("/cam1/")})
            assert "expires_at" in await received(neighbour, "grant")

    async def test_who_waits_as_told_may_try_again(self, home: House) -> None:
        async with home.http.ws_connect(f"/g/{home.grant('/')}/api/ws?src=cam1") as socket:
            for _ in range(GRANTS_PER_SOCKET.burst):
                await socket.send_json({"type": "grant", "value": "x"})
                await received(socket, "error")
            await socket.send_json({"type": "grant", "value": home.grant("/cam1/", lasts_s=400)})
            assert "too many at once" in await received(socket, "error")
            home.clock.advance(GRANTS_PER_SOCKET.interval_s)
            await socket.send_json({"type": "grant", "value": home.grant("/cam1/", lasts_s=400)})
            assert await received(socket, "grant") == {"expires_at": home.clock.now() + 400}

    async def test_a_session_adopted_on_another_socket_lasts_as_long_as_that_one(self, home: House) -> None:
        async with client() as viewer:
            async with home.http.ws_connect(f"/g/{home.grant('/')}/api/ws?src=cam1") as socket:
                sdp = await viewer.offer()
                await socket.send_json({"type": "webrtc/offer", "value": sdp})
                await viewer.accept(await received(socket, "webrtc/answer"))
                await settled(lambda: only_session(home).connected, "the viewer does not connect")
            await pass_time(home, LIFETIME_S - 20)
            async with home.http.ws_connect(f"/g/{home.grant('/')}/api/ws?src=cam1") as socket:
                await socket.send_json({"type": "webrtc/offer", "value": sdp})
                await received(socket, "webrtc/answer")
                await pass_time(home, 120)
                assert len(home.stage.sessions) == 1
                await pass_time(home, LIFETIME_S)
                await settled(lambda: len(home.stage.sessions) == 0, "the session goes on")

    async def test_keys_rotated_out_end_what_they_signed(self, home: House) -> None:
        async with home.http.ws_connect(f"/g/{home.grant('/')}/api/ws?src=cam1") as socket:
            for _ in range(2):
                assert not socket.closed
                rotate_keys(home.keys_file, now=home.clock.now())
                await pass_time(home, CHECK_INTERVAL_S + 1)
            await closed(socket)


class TestPeople:
    async def test_signing_out_ends_the_pictures_at_once(self, home: House) -> None:
        cookie = home.cookie("ann")
        async with client() as viewer, home.http.ws_connect("/api/ws?src=cam1", headers=cookie) as socket:
            await post(home, viewer, "/cam1/whep", cookie)
            await home.http.post("/login/out", headers=cookie)
            await closed(socket)
            await settled(lambda: len(home.stage.sessions) == 0, "the session goes on")

    async def test_somebody_elses_signing_out_ends_nothing(self, home: House) -> None:
        async with home.http.ws_connect("/api/ws?src=cam1", headers=home.cookie("ann")) as socket:
            await home.http.post("/login/out", headers=home.cookie("ann"))
            await socket.send_json({"type": "clock", "value": {"t0": 1}})
            await received(socket, "clock")

    async def test_who_keeps_the_page_open_watches_on_with_each_renewed_cookie(self, home: House) -> None:
        cookie = home.cookie("ann")
        async with home.http.ws_connect("/api/ws?src=cam1", headers=cookie) as socket:
            for _ in range(9):
                home.clock.advance(RENEW_AFTER_S)
                listed = await home.http.get("/api/cameras", headers=cookie)
                cookie = {"Cookie": f"{COOKIE_NAME}={listed.cookies[COOKIE_NAME].value}"}
                await home.keeper.tend()
                await socket.send_json({"type": "clock", "value": {"t0": 1}})
                await received(socket, "clock")
            home.clock.advance(SESSION_AGE_S)
            await home.keeper.tend()
            await closed(socket)

    async def test_an_account_that_is_gone_and_a_camera_that_is_gone_end_it(self, home: House) -> None:
        async with (
            home.http.ws_connect("/api/ws?src=cam1", headers=home.cookie("ann")) as ann,
            home.http.ws_connect("/api/ws?src=cam10", headers=basic("admin")) as admin,
        ):
            policy = home.keeper.policy
            home.keeper.policy = replace(policy, users={"admin": policy.users["admin"]})
            await pass_time(home, CHECK_INTERVAL_S)
            await closed(ann)
            await admin.send_json({"type": "clock", "value": {"t0": 1}})
            await received(admin, "clock")
            home.keeper.set_cameras(["cam1"], configured=["cam1"])
            await pass_time(home, CHECK_INTERVAL_S)
            await closed(admin)

    async def test_a_password_is_good_as_long_as_the_gateway_runs(self, home: House) -> None:
        async with home.http.ws_connect("/api/ws?src=cam1", headers=basic("ann")) as socket:
            await pass_time(home, 600)
            await socket.send_json({"type": "clock", "value": {"t0": 1}})
            await received(socket, "clock")


class TestKicking:
    async def test_an_administrator_of_some_cameras_sees_and_ends_sessions_of_those_only(self, home: House) -> None:
        async with client() as yard, client() as cam1:
            await post(home, yard, "/site1/yard/whep", basic("bob"))
            theirs = only_session(home)
            await cam1.accept(
                await (await home.http.post("/cam1/whep", data=await cam1.offer(), headers=SDP | basic("ann"))).text()
            )
            (other,) = set(home.stage.sessions) - {theirs}
            listed = (await (await home.http.get("/api/sessions", headers=basic("sue"))).json())["sessions"]
            assert [session["id"] for session in listed] == [theirs.id]
            of_other = await home.http.get("/api/sessions?camera=cam1", headers=basic("sue"))
            assert (await of_other.json()) == {"sessions": [], "reports": {}}
            for method in ("GET", "DELETE"):
                refused = await home.http.request(method, f"/api/sessions/{other.id}", headers=basic("sue"))
                unknown = await home.http.request(method, "/api/sessions/none", headers=basic("sue"))
                assert (refused.status, await refused.text()) == (404, await unknown.text())
            assert (await home.http.get(f"/api/sessions/{theirs.id}", headers=basic("sue"))).status == 200
            assert (await home.http.delete(f"/api/sessions/{theirs.id}", headers=basic("sue"))).status == 204
            assert list(home.stage.sessions) == [other]
            every = (await (await home.http.get("/api/sessions", headers=basic("admin"))).json())["sessions"]
            assert [session["id"] for session in every] == [other.id]

    async def test_the_grant_of_whoever_is_sent_away_opens_nothing_any_more(self, home: House) -> None:
        grant = home.grant("/cam1/")
        async with client() as viewer, home.http.ws_connect(f"/g/{grant}/api/ws?src=cam1") as socket:
            await post(home, viewer, f"/g/{grant}/cam1/whep")
            path = f"/api/sessions/{only_session(home).id}"
            assert (await home.http.delete(path, headers=basic("admin"))).status == 204
            await closed(socket)
            assert len(home.stage.sessions) == 0
            again = await home.http.get(f"/g/{grant}/api/cameras/cam1")
            assert (again.status, (await again.json())["error"]["code"]) == (401, "grant_withdrawn")
            assert (await home.http.get(f"/g/{home.grant('/cam1/')}/api/cameras/cam1")).status == 200

    async def test_whoever_signed_in_may_come_back(self, home: House) -> None:
        cookie = home.cookie("ann")
        async with client() as viewer:
            await post(home, viewer, "/cam1/whep", cookie)
            path = f"/api/sessions/{only_session(home).id}"
            assert (await home.http.delete(path, headers=basic("admin"))).status == 204
            assert (await home.http.get("/api/cameras/cam1", headers=cookie)).status == 200


async def test_nothing_is_remembered_of_who_has_left(home: House) -> None:
    async with client() as viewer, home.http.ws_connect(f"/g/{home.grant('/')}/api/ws?src=cam1"):
        address = await post(home, viewer, f"/g/{home.grant('/cam1/')}/cam1/whep")
        assert len(home.keeper.permits) == 2
        assert (await home.http.delete(address)).status == 200
        assert len(home.keeper.permits) == 1
    await settled(lambda: len(home.keeper.permits) == 0, "a permit is kept")


async def test_the_gateway_looks_at_permits_by_itself(home: House) -> None:
    home.keeper.start()
    async with home.http.ws_connect(f"/g/{home.grant('/', lasts_s=1)}/api/ws?src=cam1") as socket:
        home.clock.advance(CHECK_INTERVAL_S + 31)
        await closed(socket)
