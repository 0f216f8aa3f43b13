"""The description of the HTTP API against the API itself."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.web.test_matrix import OFFER, SDP
from tests.web.visitors import House, house

NOT_DESCRIBED: Final = {
    # Answers 405, for what is described.
    "* /{camera}/whep",
    # Both are /static/{file}.
    "GET /static",
    "GET /static/{module}",
}
STATIC: Final = "GET /static/{file}"
INTEGRATORS: Final = Path(__file__).resolve().parents[2] / "docs" / "integrators.md"
METHODS: Final = ("get", "put", "post", "patch", "delete", "options")


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as running:
        yield running


async def described(home: House) -> dict[str, Any]:
    response = await home.http.get("/api/openapi.json", headers=home.cookie("ann"))
    assert response.status == 200
    document: dict[str, Any] = await response.json()
    return document


async def test_it_is_a_description_by_the_rules(home: House) -> None:
    OpenAPIV31SpecValidator(await described(home)).validate()


async def test_every_route_is_described_and_all_that_is_described_is_there(home: House) -> None:
    app = home.http.server.app  # type: ignore[attr-defined]
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    document = await described(home)
    words = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in METHODS if method in item
    }
    assert words == routes - NOT_DESCRIBED | {STATIC}


async def test_every_error_that_can_be_told_has_its_shape(home: House) -> None:
    document = await described(home)
    for path, item in document["paths"].items():
        for method in METHODS:
            for status, response in item.get(method, {"responses": {}})["responses"].items():
                if int(status) >= 400 and (path, status) not in {("/readyz", "503"), ("/api/mediamtx/auth", "403")}:
                    assert response["$ref"].startswith("#/components/responses/"), (path, method, status)


def schema_of(document: dict[str, Any], *, path: str, method: str, status: int) -> OAS31Validator:
    response = document["paths"][path][method]["responses"][str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"]
    return OAS31Validator(closed({**schema, "components": document["components"]}))


def closed(schema: Any) -> Any:
    """The same, and nothing more than is described."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {key: closed(value) for key, value in schema.items()}
    if isinstance(shut.get("properties"), dict) and shut.get("type") == "object":
        shut.setdefault("additionalProperties", False)
    return shut


WISHES: Final = {"version": 1, "webrtc": ["h264/42e01f"], "failures": [{"rung": "mse", "reason": "x", "age_s": 4}]}
REPORT: Final = {"camera": "cam1", "session": "0123456789", "start_s": 0.1, "rungs": [{"rung": "webrtc", "at_s": 0}]}


@pytest.mark.parametrize(
    ("method", "path", "asked", "body", "status"),
    [
        ("get", "/api", "/api", None, 200),
        ("get", "/api/cameras", "/api/cameras", None, 200),
        ("get", "/api/cameras", "/api/cameras?state=wrong", None, 400),
        ("get", "/api/cameras/{camera}", "/api/cameras/site1/yard", None, 200),
        ("get", "/api/cameras/{camera}", "/api/cameras/none", None, 404),
        ("put", "/api/cameras/{camera}", "/api/cameras/new", {"source": "rtsp://192.0.2.1/s"}, 201),
        ("put", "/api/cameras/{camera}", "/api/cameras/new", {}, 422),
        ("post", "/api/cameras/{camera}/negotiate", "/api/cameras/cam1/negotiate", WISHES, 200),
        ("post", "/api/cameras/{camera}/negotiate", "/api/cameras/cam1/negotiate", {"version": 2}, 400),
        ("post", "/api/cameras/{camera}/sign", "/api/cameras/cam1/sign", {"expires_in": 60}, 200),
        ("post", "/api/webrtc", "/api/webrtc?src=cam1", {"type": "offer", "sdp": OFFER}, 200),
        ("get", "/api/streams", "/api/streams", None, 200),
        ("get", "/api/schemes", "/api/schemes", None, 200),
        ("get", "/api/preload", "/api/preload", None, 200),
        ("get", "/healthz", "/healthz", None, 200),
        ("get", "/readyz", "/readyz", None, 200),
    ],
)
async def test_what_is_answered_is_as_described_and_no_more(
    home: House, method: str, path: str, asked: str, body: object, status: int
) -> None:
    document = await described(home)
    response = await home.http.request(method.upper(), asked, json=body, headers=home.cookie("admin"))
    assert response.status == status
    schema_of(document, path=path, method=method, status=status).validate(await response.json())


async def test_sessions_are_as_described_with_what_their_viewers_reported(home: House) -> None:
    document, admin = await described(home), home.cookie("admin")
    opened = await home.http.post("/cam1/whep", data=OFFER, headers={**SDP, **admin})
    secret = opened.headers["Location"].rpartition("/")[2]
    assert (await home.http.post("/api/report", json={**REPORT, "session": secret}, headers=admin)).status == 204
    answer = await (await home.http.get("/api/sessions", headers=admin)).json()
    assert answer["sessions"]
    assert answer["reports"]
    schema_of(document, path="/api/sessions", method="get", status=200).validate(answer)
    one = await home.http.get(f"/api/sessions/{answer['sessions'][0]['id']}", headers=admin)
    schema_of(document, path="/api/sessions/{session}", method="get", status=200).validate(await one.json())


async def test_the_examples_for_integrators_are_as_described(home: House) -> None:
    document = await described(home)
    text = await asyncio.to_thread(INTEGRATORS.read_text, encoding="utf-8")
    for name, schema in (("negotiate", "Wishes"), ("report", "Report")):
        found = re.search(rf"<!-- example: {name} -->\n```json\n(.*?)```", text, re.DOTALL)
        assert found is not None
        validator = OAS31Validator(
            closed({**document["components"]["schemas"][schema], "components": document["components"]})
        )
        validator.validate(json.loads(found[1]))
