"""Signing in and out, programs with passwords and keys, and what slows down guessing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from gateway.access.carriers import COOKIE_NAME
from gateway.access.cookies import RENEW_AFTER_S, SESSION_AGE_S
from gateway.access.keyring import rotate_keys
from gateway.web.gatekeeper import Surroundings
from tests.web.visitors import API_KEYS, PASSWORD, House, basic, bearer, house

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as running:
        yield running


async def sign_in(home: House, **fields: str) -> aiohttp.ClientResponse:
    return await home.http.post("/login", data=fields, allow_redirects=False)


async def code(response: aiohttp.ClientResponse) -> tuple[int, str]:
    return response.status, (await response.json())["error"]["code"]


class TestPeople:
    async def test_somebody_signs_in_watches_and_signs_out(self, home: House) -> None:
        page = await home.http.get("/", headers=BROWSER)
        assert page.status == 401
        assert '<form method="post" action="login">' in await page.text()
        assert page.headers["Cache-Control"] == "no-store"
        entered = await sign_in(home, user="ann", password=PASSWORD)
        assert (entered.status, entered.headers["Location"]) == (303, "./")
        cookie = entered.cookies[COOKIE_NAME]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")
        assert int(cookie["max-age"]) == SESSION_AGE_S
        assert (await home.http.get("/cam1/", headers=BROWSER)).status == 200
        listed = await (await home.http.get("/api/cameras")).json()
        assert [camera["name"] for camera in listed["cameras"]] == ["cam1"]
        account = await (await home.http.get("/login")).text()
        assert "Signed in as ann" in account
        left = await home.http.post("/login/out", allow_redirects=False)
        assert (left.status, left.headers["Location"]) == (303, "../login")
        assert (await home.http.get("/api/cameras")).status == 401
        # The cookie itself is no good any more, wherever it was copied to.
        copied = {"Cookie": f"{COOKIE_NAME}={cookie.value}"}
        assert await code(await home.http.get("/api/cameras", headers=copied)) == (401, "signed_out")

    async def test_a_wrong_password_and_an_unknown_name_are_told_alike(self, home: House) -> None:
        texts = []
        for user in ("ann", "nobody"):
            response = await sign_in(home, user=user, password="wrong-password")
            assert response.status == 401
            assert COOKIE_NAME not in response.cookies
            texts.append((await response.text()).replace(user, ""))
        assert "Wrong name or password" in texts[0]
        assert texts[0] == texts[1]

    @pytest.mark.parametrize(
        ("wish", "location"),
        [
            ("cam1/", "./cam1/"),
            ("site1/yard/", "./site1/yard/"),
            ("", "./"),
            ("//evil.example/", "./"),
            ("https://evil.example/", "./"),
            ("../x", "./"),
            ("\\evil", "./"),
            ("api/cameras", "./"),
            ("g/token/cam1/", "./"),
            ("cam1/\r\nX: y", "./"),
        ],
    )
    async def test_afterwards_they_are_where_they_wanted_to_be_and_nowhere_else(
        self, home: House, wish: str, location: str
    ) -> None:
        response = await sign_in(home, user="ann", password=PASSWORD, next=wish)
        assert response.headers["Location"] == location

    async def test_the_page_of_a_camera_is_remembered_by_the_form(self, home: House) -> None:
        page = await (await home.http.get("/site1/yard/", headers=BROWSER)).text()
        assert '<base href="../../" />' in page
        assert 'name="next" value="site1/yard/"' in page

    async def test_out_of_a_grant_that_expired_the_form_leads_to_the_gateway_itself(self, home: House) -> None:
        token = home.grant("/cam1/")
        home.clock.advance(331)
        page = await home.http.get(f"/g/{token}/cam1/", headers=BROWSER)
        text = await page.text()
        assert page.status == 401
        assert "The time this address was signed for is over" in text
        assert '<base href="../../../" />' in text
        assert token not in text

    async def test_what_was_typed_is_shown_as_text(self, home: House) -> None:
        response = await sign_in(home, user='"><script>alert(1)</script>', password="wrong-password")
        text = await response.text()
        assert "<script" not in text
        assert "wrong-password" not in text

    @pytest.mark.parametrize("fields", [{}, {"user": "ann"}, {"password": PASSWORD}])
    async def test_a_form_that_is_not_filled_in_says_so(self, home: House, fields: dict[str, str]) -> None:
        response = await sign_in(home, **fields)
        assert response.status == 400
        assert "Fill in name and password" in await response.text()

    async def test_nothing_else_than_the_form_is_taken(self, home: House) -> None:
        assert (await home.http.post("/login", json={"user": "ann"})).status == 400
        assert (await home.http.post("/login", data={"user": "x" * 9000})).status == 413
        assert (await home.http.post("/login", data={str(number): "" for number in range(9)})).status == 400

    async def test_the_page_works_without_scripts_and_no_other_site_may_use_the_form(self, home: House) -> None:
        page = await home.http.get("/login")
        assert "<script" not in await page.text()
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert "form-action 'self'" in page.headers["Content-Security-Policy"]
        # Else browsers would send the form with Origin: null.
        assert page.headers["Referrer-Policy"] == "same-origin"
        response = await home.http.post(
            "/login", data={"user": "ann", "password": PASSWORD}, headers={"Origin": "https://evil.example"}
        )
        assert await code(response) == (403, "foreign_origin")

    async def test_a_session_in_use_is_renewed_and_one_left_alone_ends(self, home: House) -> None:
        cookie = home.cookie("ann")
        assert COOKIE_NAME not in (await home.http.get("/api/cameras", headers=cookie)).cookies
        home.clock.advance(RENEW_AFTER_S)
        fresh = (await home.http.get("/api/cameras", headers=cookie)).cookies[COOKIE_NAME]
        assert (fresh["httponly"], fresh["samesite"]) == (True, "Lax")
        home.clock.advance(SESSION_AGE_S - RENEW_AFTER_S)
        home.http.session.cookie_jar.clear()
        assert (await home.http.get("/api/cameras", headers=cookie)).status == 401
        renewed = {"Cookie": f"{COOKIE_NAME}={fresh.value}"}
        assert (await home.http.get("/api/cameras", headers=renewed)).status == 200


class TestLinks:
    async def test_a_link_signs_in_once_and_not_by_being_looked_at(self, home: House) -> None:
        token = home.keeper.links.issue("admin", now=home.clock.monotonic())
        for _ in range(2):
            page = await home.http.get(f"/login?token={token}")
            assert page.status == 200
            assert COOKIE_NAME not in page.cookies
        assert (await sign_in(home, token=token)).status == 303
        assert (await home.http.get("/api/sessions")).status == 200
        home.http.session.cookie_jar.clear()
        again = await sign_in(home, token=token)
        assert again.status == 401
        assert "has been used" in await again.text()


class TestPrograms:
    async def test_a_password_is_good_for_programs_and_checked_once_a_minute(self, home: House) -> None:
        for _ in range(30):  # more than the throttle lets anybody try
            assert (await home.http.get("/api/streams", headers=basic("ann"))).status == 200
        home.clock.advance(61)
        assert (await home.http.get("/api/streams", headers=basic("ann"))).status == 200
        assert await code(await home.http.get("/api", headers=basic("ann", "wrong"))) == (401, "credentials_invalid")

    async def test_only_programs_are_asked_for_basic(self, home: House) -> None:
        challenges = (await home.http.get("/api/cameras")).headers.getall("WWW-Authenticate")
        assert [challenge.split()[0] for challenge in challenges] == ["Bearer", "Basic"]
        for browser in ({"Sec-Fetch-Mode": "cors"}, {"User-Agent": "Mozilla/5.0"}):
            challenges = (await home.http.get("/api/cameras", headers=browser)).headers.getall("WWW-Authenticate")
            assert [challenge.split()[0] for challenge in challenges] == ["Bearer"]

    async def test_an_api_key_signs_addresses_that_open_one_camera_for_a_while(self, home: House) -> None:
        response = await home.http.post("/api/cameras/site1/yard/sign", headers=bearer(API_KEYS["signer"]))
        assert response.headers["Cache-Control"] == "no-store"
        body = await response.json()
        assert body["expires_at"] == home.clock.now() + 300
        assert list(body["urls"]) == ["page", "whep", "ws", "hls", "snapshot"]
        page = body["urls"]["page"]
        async with home.http.session.get(page) as shown:
            assert shown.status == 200
        async with home.http.session.ws_connect(body["urls"]["ws"]) as socket:
            assert (await socket.receive_json())["type"] == "state"
        async with home.http.session.get(page.replace("site1/yard", "cam1")) as shown:
            assert shown.status == 403
        home.clock.advance(331)
        async with home.http.session.get(page) as shown:
            assert shown.status == 401

    @pytest.mark.parametrize(
        ("body", "status", "lasts_s"),
        [
            ('{"expires_in": 3600}', 200, 3600),
            ('{"expires_in": 1}', 200, 1),
            ("{}", 200, 300),
            ('{"expires_in": 3601}', 400, 0),
            ('{"expires_in": 0}', 400, 0),
            ('{"expires_in": true}', 400, 0),
            ('{"expires_in": "1h"}', 400, 0),
            ('{"expires_in": NaN}', 400, 0),
            ("[]", 400, 0),
            ("{", 400, 0),
            ("x" * 1025, 413, 0),
        ],
    )
    async def test_how_long_is_the_programs_choice_within_limits(
        self, home: House, body: str, status: int, lasts_s: int
    ) -> None:
        response = await home.http.post("/api/cameras/cam1/sign", data=body, headers=basic("ann"))
        assert response.status == status
        if status == 200:
            assert (await response.json())["expires_at"] == home.clock.now() + lasts_s

    async def test_signed_addresses_are_the_public_ones(self, tmp_path: Path) -> None:
        surroundings = Surroundings(base_url="https://cams.example.org/live", base_path="/live")
        async with house(tmp_path, surroundings=surroundings) as home:
            response = await home.http.post("/live/api/cameras/cam1/sign", headers=basic("ann"))
            body = await response.json()
            assert body["urls"]["page"] == f"https://cams.example.org/live/g/{body['token']}/cam1/"
            assert body["urls"]["ws"] == f"wss://cams.example.org/live/g/{body['token']}/api/ws?src=cam1"
            entered = await home.http.post(
                "/live/login", data={"user": "ann", "password": PASSWORD}, allow_redirects=False
            )
            assert (entered.cookies[COOKIE_NAME]["path"], entered.cookies[COOKIE_NAME]["secure"]) == ("/live", True)

    async def test_signing_is_limited_for_each_account(self, home: House) -> None:
        statuses = [(await home.http.post("/api/cameras/cam1/sign", headers=basic("ann"))).status for _ in range(61)]
        assert statuses == [200] * 60 + [429]
        assert (await home.http.post("/api/cameras/cam1/sign", headers=basic("admin"))).status == 200


class TestGuessing:
    async def test_an_address_that_guesses_is_slowed_down(self, home: House) -> None:
        statuses = [(await sign_in(home, user=f"user{n}", password="guess-it-9")).status for n in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        refused = await home.http.get("/api", headers=basic("ann", "guess"))
        assert await code(refused) == (429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) <= 7
        home.clock.advance(6)
        assert (await sign_in(home, user="ann", password=PASSWORD)).status == 303

    async def test_an_own_account_does_not_pay_for_guesses_at_others(self, home: House) -> None:
        statuses = []
        for number in range(12):
            statuses.append((await sign_in(home, user=f"user{number}", password="guess-it-9")).status)
            if number == 8:
                assert (await sign_in(home, user="bob", password=PASSWORD)).status == 303
        assert statuses == [401] * 10 + [429] * 2

    async def test_an_account_is_slowed_down_from_wherever_it_is_tried(self, tmp_path: Path) -> None:
        trusted = Surroundings(trusted_proxies=(ip_network("127.0.0.0/8"),))
        async with house(tmp_path, surroundings=trusted) as home:
            statuses = []
            for number in range(21):
                headers = {"X-Forwarded-For": f"198.51.100.{number}"}
                response = await home.http.post("/login", data={"user": "ann", "password": "guess"}, headers=headers)
                statuses.append(response.status)
            assert statuses == [401] * 20 + [429]
            headers = {"X-Forwarded-For": "203.0.113.9"}
            other = await home.http.post(
                "/login", data={"user": "bob", "password": PASSWORD}, headers=headers, allow_redirects=False
            )
            assert other.status == 303

    async def test_who_is_refused_too_often_is_not_looked_at_any_more(self, home: House) -> None:
        statuses = [(await home.http.get("/cam1/", headers=bearer("a.1.b.c"))).status for _ in range(101)]
        assert statuses == [401] * 100 + [429]
        # What needs nothing is still there, signing in too.
        assert (await home.http.get("/login")).status == 200
        assert (await home.http.get("/static/style.css")).status == 200
        home.clock.advance(0.5)
        assert (await home.http.get("/api/cameras", headers=basic("ann"))).status == 200


class TestKeys:
    async def test_rotated_keys_are_taken_up_and_two_rotations_end_what_was_signed(self, home: House) -> None:
        page = f"/g/{home.grant('/cam1/')}/cam1/"
        cookie = home.cookie("ann")
        for good in (True, False):
            rotate_keys(home.keys_file, now=home.clock.now())
            home.clock.advance(1)
            await home.keeper.tend()
            assert (await home.http.get(page)).status == (200 if good else 401)
            assert (await home.http.get("/cam1/", headers=cookie)).status == (200 if good else 401)

    async def test_an_old_key_is_mentioned_once_a_day(self, home: House, caplog: pytest.LogCaptureFixture) -> None:
        home.clock.advance(36 * 86400)
        for _ in range(3):
            await home.keeper.tend()
        assert len(re.findall("is 36 days old", caplog.text)) == 1
        home.clock.advance(86400)
        await home.keeper.tend()
        assert "is 37 days old" in caplog.text
