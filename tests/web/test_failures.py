"""Errors have one shape, say nothing unforeseen, and foreign pages get nothing."""

from __future__ import annotations

import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.errors import CameraOffline, NotFound, Unavailable
from gateway.observe.health import READY, healthz, readyz
from gateway.source.status import CameraState
from gateway.web.failures import failures
from gateway.web.origin import same_origin
from tests.web.conftest import Site


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "camera_not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("POST", "/api", 405, "method_not_allowed"),
        ("POST", "/api/cameras", 405, "method_not_allowed"),
        ("GET", "/api/ws", 400, "bad_query"),
        ("POST", "/", 405, "method_not_allowed"),
        ("PUT", "/yard/", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("PROPFIND", "/yard", 405, "method_not_allowed"),
        ("GET", "/static/nothing.js", 404, "not_found"),
        ("GET", "/api/sessions/none", 404, "session_not_found"),
    ],
)
async def test_every_error_is_json_with_a_code_and_words(
    site: Site, method: str, path: str, status: int, code: str
) -> None:
    response = await site.http.request(method, path)
    assert response.status == status
    assert response.content_type == "application/json"
    body = await response.json()
    assert list(body) == ["error"]
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    if status == 405:
        assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        "http://[",
        "http://[::1",
        "",
        "file://",
        "http://{host}.evil.example",
        "http://evil.example/{host}",
        "http://user@{host}@evil.example",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/cameras"), ("GET", "/"), ("POST", "/yard/whep")])
async def test_a_foreign_page_gets_nothing(site: Site, origin: str, method: str, path: str) -> None:
    host = f"{site.http.host}:{site.http.port}"
    response = await site.http.request(method, path, headers={"Origin": origin.replace("{host}", host)})
    assert (response.status, (await response.json())["error"]["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_our_own_page_is_served_whatever_the_scheme_in_front_of_a_proxy(site: Site, scheme: str) -> None:
    origin = f"{scheme}://{site.http.host}:{site.http.port}"
    assert (await site.http.get("/api/cameras", headers={"Origin": origin})).status == 200


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://cams.example.org", "cams.example.org", True),
        ("https://CAMS.example.org", "cams.example.org", True),
        ("https://cams.example.org:8443", "cams.example.org:8443", True),
        ("https://cams.example.org", "cams.example.org:8443", False),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("null", "", False),
        ("http://[", "x", False),
    ],
)
def test_an_origin_is_ours_when_it_names_the_same_host(origin: str, host: str, same: object) -> None:
    assert same_origin(origin, host) is same


async def test_the_gateway_says_that_it_lives_and_is_ready(site: Site) -> None:
    for path in ("/healthz", "/readyz"):
        response = await site.http.get(path)
        assert (response.status, await response.json()) == (200, {"status": "ok"})
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_dead_camera_makes_the_gateway_neither_dead_nor_unready(site: Site) -> None:
    for name in site.stage.publishers:
        site.stage.publisher(name).state(CameraState.OFFLINE, "The camera does not answer")
    assert [(await site.http.get(path)).status for path in ("/healthz", "/readyz")] == [200, 200]


async def _ask(handler: object, *, ready: object = True) -> tuple[int, dict[str, object], dict[str, str]]:
    app = web.Application(middlewares=[failures])
    app[READY] = [True] if ready else []
    app.add_routes([web.get("/", handler), web.get("/readyz", readyz), web.get("/healthz", healthz)])  # type: ignore[arg-type]
    async with TestClient(TestServer(app)) as http:
        response = await http.get("/" if ready else "/readyz", allow_redirects=False)
        body = await response.json() if response.content_type == "application/json" else {}
        return response.status, body, dict(response.headers)


async def test_a_gateway_that_starts_or_stops_is_not_ready() -> None:
    status, body, _ = await _ask(healthz, ready=False)
    assert (status, body) == (503, {"status": "starting"})


async def test_nothing_unforeseen_reaches_the_client_in_words(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: web.Request) -> web.Response:
        raise RuntimeError("rtsp://user:canary@192.0.2.10")

    with caplog.at_level(logging.ERROR):
        status, body, _ = await _ask(broken)
    assert status == 500
    assert "canary" not in str(body)
    assert body["error"]["code"] == "internal"  # type: ignore[index]
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (NotFound.camera("x"), 404, None),
        (CameraOffline("The camera does not answer", retry_after_s=2), 409, "2"),
        (Unavailable("Full", retry_after_s=10), 503, "10"),
    ],
)
async def test_errors_say_when_to_try_again(error: Exception, status: int, retry: str | None) -> None:
    async def refusing(_: web.Request) -> web.Response:
        raise error

    answered, body, headers = await _ask(refusing)
    assert (answered, headers.get("Retry-After")) == (status, retry)
    assert body["error"]["message"] == str(error)  # type: ignore[index]


async def test_redirects_are_no_errors() -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("there")

    status, _, headers = await _ask(elsewhere)
    assert (status, headers["Location"]) == (307, "there")
