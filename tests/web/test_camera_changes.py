"""Cameras added, changed and removed over the API, by administrators, where it is switched on."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from gateway.access.passwords import hash_password
from gateway.access.scopes import Scope
from gateway.app import Gateway
from gateway.clock import SYSTEM_CLOCK
from gateway.config import AccessConfig, CameraConfig, CameraUrl, SourcesConfig, UserConfig
from gateway.config.model import HlsConfig
from gateway.errors import ConfigError
from gateway.relay.camera import Camera
from gateway.source.status import CameraState
from gateway.source.supervisor import Supervisor
from gateway.web.added_cameras import FILE, read_added
from tests.support.gateway import http, reached_state, running_gateway
from tests.web.visitors import PASSWORD, basic
from tests.webrtc.stage import DEADLINE_S, GOP, Publisher, settled

CANARY = "cAnArY5ecret"
# An address of nobody: such a camera never answers.
SOURCE = f"rtsp://user:{CANARY}@192.0.2.77/main"
_HASH = hash_password(PASSWORD)


@dataclass(slots=True)
class Office:
    gateway: Gateway
    http: aiohttp.ClientSession

    async def ask(
        self, method: str, name: str, body: object = None, *, user: str = "admin", expect: int
    ) -> dict[str, Any]:
        data = body if body in ("{", None) else json.dumps(body)
        url = f"{self.gateway.address}api/cameras/{name}"
        async with self.http.request(method, url, data=data, headers=basic(user)) as response:
            text = await response.text()
            assert response.status == expect, text
            assert CANARY not in text
            found: dict[str, Any] = json.loads(text) if text else {}
            return found

    def names(self) -> list[str]:
        return [camera.name for camera in self.gateway.registry]


@asynccontextmanager
async def office(folder: Path, sources: SourcesConfig) -> AsyncIterator[Office]:
    users = {name: UserConfig(hash=_HASH, cameras=("*",)) for name in ("admin", "ann")}
    access = AccessConfig(users=users, keys_file=folder / "keys.yml", writes_per_s=0)
    cameras = {"fixed": CameraConfig(source=CameraUrl("rtsp://192.0.2.9/s"), enabled=False)}
    async with (
        running_gateway(cameras, access=access, changes={"sources": sources}) as gateway,
        http() as session,
    ):
        yield Office(gateway, session)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))


@pytest_asyncio.fixture(name="at")
async def _at(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, SourcesConfig(by_api=True)) as running:
        yield running


async def test_a_camera_comes_changes_and_goes_and_survives_a_restart(tmp_path: Path) -> None:
    rules = SourcesConfig(by_api=True)
    async with office(tmp_path, rules) as at:
        made = await at.ask("PUT", "site1/yard", {"source": SOURCE, "on_demand": True}, expect=201)
        assert made["source"] == "rtsp://user:***@192.0.2.77/main"
        assert at.names() == ["site1/yard"]
        assert (await at.ask("GET", "site1/yard", expect=200))["state"] == "idle"
        await at.ask("GET", "site1/yard", user="ann", expect=200)
        changed = await at.ask("PATCH", "site1/yard", {"transport": "udp"}, expect=200)
        assert (changed["transport"], changed["on_demand"]) == ("udp", True)
        await at.ask("PUT", "hall", SOURCE, expect=201)
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    async with office(tmp_path, rules) as at:
        assert at.names() == ["site1/yard", "hall"]
        await at.ask("DELETE", "hall", expect=204)
        await at.ask("DELETE", "hall", expect=404)
        await at.ask("GET", "hall", expect=404)
        await at.ask("PATCH", "site1/yard", {"enabled": False}, expect=200)
        assert at.names() == []
        await at.ask("PATCH", "site1/yard", {"enabled": True}, expect=200)
    assert list(json.loads(file.read_text())) == ["site1/yard"]


async def test_it_is_the_administrators_and_off_unless_switched_on(tmp_path: Path, at: Office) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        await at.ask(method, "new", SOURCE, user="ann", expect=403)
    async with office(tmp_path / "..", SourcesConfig()) as closed:
        for method in ("PUT", "PATCH", "DELETE"):
            refused = await closed.ask(method, "new", SOURCE, expect=403)
            assert refused["error"]["code"] == "read_only"


async def test_an_administrator_of_some_cameras_changes_those_and_learns_of_no_other(tmp_path: Path) -> None:
    users = {
        "admin": UserConfig(hash=_HASH, cameras=("*",)),
        "sue": UserConfig(hash=_HASH, cameras=("site1/*", "yard"), scopes=frozenset({Scope.ADMIN})),
    }
    access = AccessConfig(users=users, keys_file=tmp_path / "keys.yml", writes_per_s=0)
    changes = {"sources": SourcesConfig(by_api=True)}
    source = {"source": SOURCE, "on_demand": True}
    async with running_gateway({}, access=access, changes=changes) as gateway, http() as session:
        at = Office(gateway, session)
        await at.ask("PUT", "site1/a", source, user="sue", expect=201)
        for name in ("hall", "site1", "site10/a"):
            await at.ask("PUT", name, source, user="sue", expect=403)
        await at.ask("PUT", "yard/secret", source, expect=201)
        for method in ("PATCH", "DELETE"):
            await at.ask(method, "yard/secret", {}, user="sue", expect=403)
        collides = await at.ask("PUT", "yard", source, user="sue", expect=422)
        assert "secret" not in collides["error"]["message"]
        assert "yard/secret" in (await at.ask("PUT", "yard", source, expect=422))["error"]["message"]
        await at.ask("DELETE", "site1/a", user="sue", expect=204)


async def test_cameras_of_the_configuration_stay_as_they_are(at: Office) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        assert "change it there" in (await at.ask(method, "fixed", SOURCE, expect=403))["error"]["message"]
    await at.ask("PUT", "fixed/below", SOURCE, expect=422)


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        ("new", "{", 400, "not JSON"),
        ("new", [], 400, "must be an address"),
        ("new", {}, 422, "source"),
        ("new", {"source": f"http://u:{CANARY}@192.0.2.1/"}, 422, "begins with a scheme"),
        ("new", {"source": SOURCE, "transport": "quic"}, 422, "transport"),
        ("new", {"source": SOURCE, "other": CANARY}, 422, "other"),
        ("new", {"source": SOURCE, "substream": f"rtsp://u:{CANARY}@127.0.0.1/"}, 422, "own machine"),
        ("new", f"rtsp://u:{CANARY}@127.0.0.1/s", 422, "own machine"),
        ("new", {"source": f"rtsp://u:{CANARY}@127.0.0.1/s"}, 422, "own machine"),
        ("new", {"source": "rtsp://localhost/s"}, 422, "own machine"),
        ("new", {"source": "rtsp://2130706433/s"}, 422, "own machine"),
        ("new", {"source": "rtsp://0x7f.1/s"}, 422, "own machine"),
        ("new", {"source": "rtsp://[::ffff:127.0.0.1]/s"}, 422, "own machine"),
        ("new", {"source": "rtsp://169.254.169.254/latest"}, 422, "link-local"),
        ("new", {"source": "rtsp://[fe80::1]/s"}, 422, "link-local"),
        ("api/x", {"source": SOURCE}, 422, "can't begin with 'api'"),
        ("-new", {"source": SOURCE}, 422, "made of letters"),
        ("new", {"source": SOURCE, "x": "y" * 20_000}, 413, "at most"),
    ],
)
async def test_what_can_not_be_added_is_said(at: Office, name: str, body: object, status: int, words: str) -> None:
    refused = await at.ask("PUT", name, body, expect=status)
    assert words in refused["error"]["message"]
    assert at.names() == []


async def test_only_configured_schemes_and_networks_are_taken(tmp_path: Path) -> None:
    rules = SourcesConfig(by_api=True, schemes=("rtsps",), networks=(ip_network("198.51.100.0/24"),))
    async with office(tmp_path, rules) as at:
        await at.ask("PUT", "a", {"source": "rtsp://198.51.100.1/s"}, expect=422)
        await at.ask("PUT", "a", {"source": "rtsps://192.0.2.1/s"}, expect=422)
        await at.ask("PUT", "a", {"source": "rtsps://198.51.100.1/s", "on_demand": True}, expect=201)


async def test_a_name_is_resolved_once_and_what_it_led_to_is_kept(at: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"cam.example": ["192.0.2.5"], "rebound.example": ["192.0.2.5", "127.0.0.1"]}
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def resolve(host: Any, port: Any, **options: Any) -> Any:
        if host not in answers:
            return await real(host, port, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in answers[host]]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    made = await at.ask("PUT", "a", {"source": f"rtsp://u:{CANARY}@cam.example:8554/s", "on_demand": True}, expect=201)
    assert made["source"] == "rtsp://u:***@192.0.2.5:8554/s"
    await at.ask("PUT", "b", {"source": "rtsp://rebound.example/s"}, expect=422)


async def test_removing_a_camera_ends_what_is_watched(at: Office) -> None:
    await at.ask("PUT", "a", {"source": SOURCE, "on_demand": True}, expect=201)
    async with at.http.ws_connect(f"{at.gateway.address}api/ws?src=a", headers=basic("ann")) as viewer:
        assert (await viewer.receive_json())["type"] == "state"
        await at.ask("DELETE", "a", expect=204)
        async with asyncio.timeout(DEADLINE_S):
            while not viewer.closed:
                await viewer.receive()


async def test_who_waits_for_a_camera_that_is_removed_is_told_that_there_is_none(at: Office) -> None:
    await at.ask("PUT", "a", {"source": SOURCE, "on_demand": True}, expect=201)
    camera = at.gateway.registry.find("a")

    async def watch() -> int:
        async with at.http.get(f"{at.gateway.address}a/index.m3u8", headers=basic("ann")) as response:
            return response.status

    waiting = asyncio.create_task(watch())
    await reached_state(camera, CameraState.CONNECTING, within_s=10)
    await at.ask("DELETE", "a", expect=204)
    assert await waiting == 404


async def test_a_camera_that_is_being_removed_is_found_by_nobody_and_nothing_of_it_is_kept(
    at: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, may_close = asyncio.Event(), asyncio.Event()
    close = Camera.close

    async def slow(camera: Camera) -> None:
        closing.set()
        await may_close.wait()
        await close(camera)

    monkeypatch.setattr(Camera, "close", slow)
    await at.ask("PUT", "a", {"source": SOURCE, "on_demand": True}, expect=201)
    camera = at.gateway.registry.find("a")
    sessions = at.gateway.sessions
    assert sessions is not None
    await at.ask("GET", "a", expect=200)
    assert len(sessions.broadcasts) == 1
    removal = asyncio.create_task(at.ask("DELETE", "a", expect=204))
    await closing.wait()
    await at.ask("GET", "a", expect=404)
    assert sessions.broadcasts.of(camera.hub).hub is camera.hub, "who still holds it is answered"
    assert len(sessions.broadcasts) == 0
    may_close.set()
    await removal


async def test_a_change_is_made_to_its_end_though_nobody_waits_for_the_answer(
    at: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    closing, may_close = asyncio.Event(), asyncio.Event()
    close = Camera.close

    async def slow(camera: Camera) -> None:
        closing.set()
        await may_close.wait()
        await close(camera)

    await at.ask("PUT", "a", {"source": SOURCE, "on_demand": True}, expect=201)
    before = at.gateway.registry.find("a")
    monkeypatch.setattr(Camera, "close", slow)
    caplog.set_level("INFO", "gateway.web.camera_changes")
    change = asyncio.create_task(at.ask("PATCH", "a", {"transport": "udp"}, expect=200))
    await closing.wait()
    change.cancel()
    with pytest.raises(asyncio.CancelledError):
        await change
    # The next one waits for it, as for any other.
    following = asyncio.create_task(at.ask("PATCH", "a", {"clock": "camera"}, expect=200))
    may_close.set()
    assert (await following)["transport"] == "udp"
    assert at.names() == ["a"]
    assert at.gateway.registry.find("a") is not before
    await settled(lambda: "did not wait for the answer" in caplog.text, "nothing in the log")


async def test_removing_a_camera_ends_its_hls(at: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    # The test plays the camera: nobody asks the network.
    monkeypatch.setattr(Supervisor, "set_watched", lambda *_, **__: None)
    await at.ask("PUT", "a", {"source": SOURCE, "on_demand": True}, expect=201)
    camera = at.gateway.registry.find("a")
    publisher = Publisher(camera, SYSTEM_CLOCK)

    async def ask(path: str, **headers: str) -> tuple[int, str]:
        async with at.http.get(f"{at.gateway.address}a/{path}", headers=basic("ann") | headers) as response:
            return response.status, await response.text()

    publisher.live()
    publisher.pictures(2 * GOP)
    status, text = await ask("index.m3u8")
    assert status == 200
    child = text.split()[-1]
    status, text = await ask(child)
    assert status == 200
    # The segment after next is waited for, for seconds; a camera that is gone is known at once.
    coming = int(text.partition("#EXT-X-MEDIA-SEQUENCE:")[2].split()[0]) + text.count("#EXTINF")
    waiting = asyncio.create_task(ask(f"{child}?_HLS_msn={coming + 1}", **{"User-Agent": "another"}))
    hls = at.gateway.hls
    assert hls is not None
    await settled(lambda: hls.viewers(camera) == 2, "nobody waits for the next segment")
    await at.ask("DELETE", "a", expect=204)
    assert (await waiting)[0] == 404
    assert camera.hub.sink_count == 0


async def test_a_camera_that_is_added_is_always_packaged_where_all_are(tmp_path: Path) -> None:
    users = {"admin": UserConfig(hash=_HASH, cameras=("*",))}
    access = AccessConfig(users=users, keys_file=tmp_path / "keys.yml", writes_per_s=0)
    changes = {"sources": SourcesConfig(by_api=True), "hls": HlsConfig(always=True)}
    async with running_gateway({}, access=access, changes=changes) as gateway, http() as session:
        at = Office(gateway, session)
        await at.ask("PUT", "a", {"source": SOURCE, "on_demand": True}, expect=201)
        # Nobody watches, and yet it is opened.
        await reached_state(gateway.registry.find("a"), CameraState.CONNECTING, within_s=10)
        await at.ask("DELETE", "a", expect=204)


def test_a_damaged_file_is_said_and_a_name_taken_meanwhile_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "cameras.json"
    for text in ("{", "[]", '{"a": 5}', '{"a": {"source": "x"}}', '{"-": {"source": "rtsp://192.0.2.1/"}}'):
        file.write_text(text)
        with pytest.raises(ConfigError, match="restore or delete it"):
            read_added(file, configured={})
    camera = CameraConfig(source=CameraUrl("rtsp://192.0.2.1/"))
    file.write_text('{"a": {"source": "rtsp://192.0.2.2/"}, "b/c": {"source": "rtsp://192.0.2.3/"}}')
    assert read_added(file, configured={"a": camera, "b": camera}) == {}
    assert caplog.text.count("is left out") == 2
    assert list(read_added(file, configured={})) == ["a", "b/c"]
