"""The signature matrix over a real connection, and what the middleware does besides deciding."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from yarl import URL

from gateway.access.keyring import KeysFile
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.web.gatekeeper import Gatekeeper, Rules, Surroundings
from tests.web.visitors import House, house
from tests.webrtc.stage import DEADLINE_S, HandClock, stage

TABLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "access" / "vectors.json").read_text("utf-8"))


async def status_of(port: int, vector: dict[str, Any]) -> int:
    """What a request line gets that no library has touched."""
    repeated = vector.get("append", {"text": "", "times": 0})
    target = vector["raw_target"] + repeated["text"] * repeated["times"]
    lines = [f"{vector.get('method', 'GET')} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    for name, values in vector.get("headers", {}).items():
        lines += [f"{name}: {value}" for value in values]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(DEADLINE_S):
            return int((await reader.readline()).split()[1])
    finally:
        writer.transport.abort()


async def test_the_signature_matrix_holds_over_http(tmp_path: Path) -> None:
    clock = HandClock()
    keys_file = tmp_path / "keys.yml"
    wrong = []
    async with stage(TABLE["cameras"], clock=clock) as running:
        for live in {tuple(vector.get("live", TABLE["live"])) for vector in TABLE["vectors"]}:
            entries = [{"id": key, **TABLE["keys"][key]} for key in live]
            keys_file.write_text(json.dumps(entries), "utf-8")
            keys_file.chmod(0o600)
            keeper = Gatekeeper(Rules(writes_per_s=0), keys=KeysFile(keys_file), clock=clock)
            keeper.set_cameras(TABLE["cameras"], configured=[*TABLE["cameras"], *TABLE["disabled"]])
            app = build_app(running.registry, running.sessions, keeper, clock=clock, folder=static_dir())
            async with TestServer(app) as server:
                assert server.port is not None
                for vector in TABLE["vectors"]:
                    # A line end ends the request line: no server ever sees one in a target.
                    if tuple(vector.get("live", TABLE["live"])) != live or "\n" in vector["raw_target"]:
                        continue
                    clock.wall_s = vector.get("now", TABLE["now"])
                    clock.elapsed_s += 60
                    status, right = await status_of(server.port, vector), vector["expect"]
                    # Let in means that a handler answered, if only that this route, body or session isn't there;
                    # the server's own limit for a request line is smaller than a megabyte.
                    fits = {200: status not in (401, 403, 414, 429, 500), 414: status in (400, 414)}
                    if not fits.get(right, status == right):
                        wrong.append((vector["name"], status, right))
            await keeper.close()
    assert not wrong


@pytest_asyncio.fixture(name="home")
async def _home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, surroundings=Surroundings(base_path="/live")) as running:
        yield running


@pytest.mark.parametrize("base", ["", "/live"])
async def test_paths_work_with_and_without_the_base_path(home: House, base: str) -> None:
    token = home.grant("/cam1/")
    root = f"{base}/g/{token}"
    assert (await home.http.get(f"{root}/cam1/")).status == 200
    module = await home.http.get(f"{root}/static/main.js")
    assert (module.status, module.headers["Cache-Control"]) == (200, "no-cache")
    assert (await home.http.get(f"{root}/static/nothing.js")).status == 404
    redirect = await home.http.get(f"{root}?x=1", allow_redirects=False)
    assert redirect.status == 307
    assert redirect.url.join(URL(redirect.headers["Location"], encoded=True)).raw_path_qs == f"{root}/?x=1"
    camera = await home.http.get(f"{root}/cam1", allow_redirects=False)
    assert redirect.url.join(URL(f"{root}/cam1")).join(URL(camera.headers["Location"])).path == f"{root}/cam1/"


async def test_a_playlist_asked_for_with_a_query_moves_to_the_path(home: House) -> None:
    token = home.grant("/site1/")
    asked = URL(f"/live/site1/yard/index.m3u8?_HLS_msn=5&grant={token}", encoded=True)
    answer = await home.http.get(asked, allow_redirects=False)
    assert answer.status == 307
    target = answer.url.join(URL(answer.headers["Location"], encoded=True))
    assert target.raw_path_qs == f"/live/g/{token}/site1/yard/index.m3u8?_HLS_msn=5"


@pytest.mark.parametrize("carrier", ["path", "bearer", "query"])
async def test_a_grant_is_as_good_in_every_carrier(home: House, carrier: str) -> None:
    token = home.grant("/cam1/")
    path = "/live/api/cameras/cam1"
    headers = {"Authorization": f"Bearer {token}"} if carrier == "bearer" else {}
    if carrier == "path":
        path = f"/live/g/{token}/api/cameras/cam1"
    if carrier == "query":
        path += f"?grant={token}"
    answer = await home.http.get(path, headers=headers)
    assert (answer.status, (await answer.json())["name"]) == (200, "cam1")


async def test_only_what_has_its_grant_in_the_address_may_be_kept_for_others(home: House) -> None:
    path = "/site1/yard/index.m3u8"
    shared = await home.http.get(f"/live/g/{home.grant('/site1/')}{path}")
    assert (shared.status, shared.headers["Cache-Control"]) == (200, "max-age=1")
    for headers in (home.cookie("bob"), {"Authorization": f"Bearer {home.grant('/site1/')}"}):
        own = await home.http.get(f"/live{path}", headers=headers)
        assert (own.status, own.headers["Cache-Control"]) == (200, "private, max-age=1")


async def test_what_a_grant_opened_is_cached_no_longer_than_the_grant_is_good(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        signed = f"/g/{home.grant('/cam1/', lasts_s=100)}/cam1"
        multivariant = await home.http.get(f"{signed}/index.m3u8")
        media = f"{signed}/{(await multivariant.text()).splitlines()[-1]}"
        init = re.search(r'URI="(init[0-9]+\.mp4)"', await (await home.http.get(media)).text())
        assert init is not None

        async def caching(path: str, **headers: str) -> str:
            response = await home.http.get(path, headers=headers)
            assert response.status == 200
            return response.headers["Cache-Control"]

        section = f"{media.rpartition('/')[0]}/{init[1]}"
        unsigned = f"/cam1/{section.partition('/cam1/')[2]}"
        bearer = f"Bearer {home.grant('/cam1/', lasts_s=50)}"
        assert await caching(f"{signed}/index.m3u8") == "max-age=1"
        assert await caching(section) == "max-age=100, immutable"
        assert await caching(unsigned, Authorization=bearer) == "private, max-age=50, immutable"
        assert await caching(unsigned, **home.cookie("admin")) == "private, max-age=3600, immutable"
        home.clock.advance(0.5)
        assert await caching(section) == "max-age=99, immutable"
        # Let in by the clocks' tolerance, and not to be kept at all.
        home.clock.advance(110)
        assert await caching(f"{signed}/index.m3u8") == "max-age=0"
