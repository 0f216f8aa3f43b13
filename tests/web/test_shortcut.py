"""The shortcut below aiohttp's application: the same answers to the same requests, and everything else left to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.access.cookies import RENEW_AFTER_S
from gateway.access.decision import Asked
from gateway.hls import origin as origins
from gateway.hls.origin import Origin
from gateway.web.gatekeeper import OPEN, Rules, Surroundings
from gateway.web.keys import HLS
from gateway.web.shortcut import SHORTCUT
from gateway.web.site import Site
from tests.web.visitors import API_KEYS, RULES, House, bearer, house
from tests.webrtc.stage import DEADLINE_S, GOP, settled

PAGE = "https://shop.example"
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept": "*/*", "Accept-Encoding": "gzip, deflate", "Connection": "keep-alive"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the headers in lower case, sorted, without the date."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def __getitem__(self, name: str) -> str:
        return ", ".join(value for known, value in self.headers if known == name)


@dataclass(slots=True)
class Visitor:
    """One connection, and nothing between it and the bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, target: str, headers: dict[str, str] | None = None, *, method: str = "GET", rest: str = "") -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in (BROWSER if headers is None else headers).items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n" + rest).encode())

    async def reply(self, *, is_head: bool = False) -> Reply:
        async with asyncio.timeout(DEADLINE_S):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
            assert [name for name, _ in headers].count("date") == 1
            size = 0 if is_head else int(dict(headers).get("content-length", 0))
            body = await self.reader.readexactly(size)
        kept = tuple(sorted(header for header in headers if header[0] != "date"))
        return Reply(int(first.split()[1]), kept, body)

    async def ask(self, target: str, headers: dict[str, str] | None = None, *, method: str = "GET") -> Reply:
        self.send(target, headers, method=method)
        return await self.reply(is_head=method == "HEAD")


@dataclass(slots=True)
class Scene:
    """A house with the listening socket that the gateway has, and a camera that is being packaged."""

    home: House
    runner: web.AppRunner
    port: int
    origin: Origin
    visitors: list[Visitor] = field(default_factory=list)

    async def visitor(self) -> Visitor:
        visitor = Visitor(*await asyncio.open_connection("127.0.0.1", self.port))
        self.visitors.append(visitor)
        return visitor

    @property
    def by_application(self) -> int:
        """How many requests aiohttp has seen."""
        assert self.runner.server is not None
        return self.runner.server.requests_count

    def folder(self, token: str | None = None) -> str:
        below = f"/cam1/_hls/{self.origin.generation}/"
        return below if token is None else f"/g/{token}{below}"

    def pictures(self, count: int) -> None:
        self.home.stage.publisher("cam1").pictures(count)

    async def known(self, folder: str, headers: dict[str, str] | None = None) -> Visitor:
        """Somebody whose headers have been read."""
        visitor = await self.visitor()
        before = self.by_application
        for _ in range(2):
            reply = await visitor.ask(f"{folder}live.m3u8", headers)
            assert reply.status == 200, reply.body
        assert self.by_application == before + 1
        return visitor

    def next_part(self) -> int:
        assert self.origin.packager is not None
        return self.origin.packager.next_part

    def reload(self) -> str:
        """The query that waits for the next part."""
        assert self.origin.packager is not None
        now = self.origin.packager.snapshot()
        return f"live.m3u8?_HLS_msn={now.last_msn}&_HLS_part={now.last_part + 1}"

    async def waiting(self, count: int = 1) -> None:
        await settled(lambda: len(self.origin.waiting) == count, "nobody waits")


@asynccontextmanager
async def scene(
    folder: Path, *, rules: Rules = RULES, surroundings: Surroundings | None = None, keepalive_s: float = 30.0
) -> AsyncIterator[Scene]:
    async with house(folder, rules=rules, surroundings=surroundings) as home:
        server = home.http.server
        assert isinstance(server, TestServer)
        runner = server.runner
        assert isinstance(runner, web.AppRunner)
        assert runner.server is not None
        runner.server._kwargs["keepalive_timeout"] = keepalive_s
        app = server.app
        hls = app[HLS]
        assert hls is not None
        origin = hls.origin(home.stage.camera("cam1"))
        await origin.start()
        site = Site(runner, "127.0.0.1", 0, tls=None, shortcut=app[SHORTCUT])
        await site.start()
        running = Scene(home, runner, runner.addresses[-1][1], origin)
        running.pictures(3 * GOP)
        try:
            yield running
        finally:
            for visitor in running.visitors:
                visitor.writer.transport.abort()
            await site.stop()


@pytest_asyncio.fixture(name="here")
async def _here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as running:
        yield running


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[Scene]:
    surroundings = Surroundings(base_path="/live", origins=frozenset({PAGE}))
    async with scene(folder, rules=OPEN, surroundings=surroundings) as running:
        yield running


class TestSameAnswers:
    @pytest.mark.parametrize(
        "headers",
        [
            BROWSER,
            {},
            {"Accept-Encoding": "gzip;q=0"},
            {**BROWSER, "Origin": PAGE},
            {**BROWSER, "Origin": "http://127.0.0.1"},
            {"If-None-Match": '"x"', "If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
        ],
    )
    async def test_whoever_asks(self, tmp_path: Path, headers: dict[str, str]) -> None:
        async with open_house(tmp_path) as here:
            await self.compare(here, "/live" + here.folder(), headers)
            await self.compare(here, here.folder(), headers)

    @pytest.mark.parametrize("lasts_s", [3, 300])
    async def test_by_a_grant(self, here: Scene, lasts_s: float) -> None:
        token = here.home.grant("/cam1/", lasts_s=lasts_s)
        await self.compare(here, here.folder(token), BROWSER)
        await self.compare(here, here.folder(), bearer(token))

    async def test_by_a_key_or_a_session(self, here: Scene) -> None:
        await self.compare(here, here.folder(), bearer(API_KEYS["viewer"]))
        await self.compare(here, here.folder(), here.home.cookie("ann"))

    async def compare(self, here: Scene, folder: str, headers: dict[str, str]) -> None:
        visitor, other = await here.known(folder, headers), await here.visitor()
        newest = here.next_part() - 1
        assert here.origin.packager is not None
        last = here.origin.packager.snapshot()
        named = f"live.m3u8?_HLS_msn={last.last_msn}&_HLS_part={max(0, last.last_part)}"
        for name in (
            "live.m3u8",
            named,
            f"{named}&_HLS_skip=YES",
            f"p{newest}.m4s",
            f"s{last.segments[-1].start.msn}.m4s",
            "init1.mp4",
        ):
            before = here.by_application
            short = await visitor.ask(folder + name, headers)
            assert here.by_application == before, name
            # Headers that have not been read before are the application's.
            long = await other.ask(folder + name, {**headers, "X-Other": name})
            assert here.by_application == before + 1
            assert short == long
            assert short.status == 200


class TestLeftToTheApplication:
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("p99.m4s", 404),
            ("x.m4s", 404),
            ("live.m3u8?_HLS_msn=99", 400),
            ("live.m3u8?_HLS_part=0", 400),
            ("live.m3u8?_HLS_msn=%31", 200),
            ("live.m3u8?other=1", 200),
            ("p%31.m4s", 400),
            ("../live.m3u8", 400),
            ("../0/live.m3u8", 400),
            ("x/live.m3u8", 404),
            (f"{'x' * 1100}/live.m3u8", 404),
            ("live.m3u8?grant=x", 401),
        ],
    )
    async def test_other_addresses(self, here: Scene, name: str, status: int) -> None:
        folder, headers = here.folder(), bearer(API_KEYS["viewer"])
        if "grant" in name:
            headers = here.home.cookie("ann")
        visitor = await here.known(folder, headers)
        await self.left(here, visitor, folder + name, headers, status=status)

    async def left(
        self, here: Scene, visitor: Visitor, target: str, headers: dict[str, str], *, status: int, method: str = "GET"
    ) -> Reply:
        before = here.by_application
        reply = await visitor.ask(target, headers, method=method)
        assert (reply.status, here.by_application) == (status, before + 1)
        # And what comes next is short again.
        return reply

    async def test_what_breaks(self, here: Scene, caplog: pytest.LogCaptureFixture) -> None:
        folder, headers = here.folder(), bearer(API_KEYS["viewer"])
        visitor = await here.known(folder, headers)
        with patch.object(here.origin, "look", side_effect=RuntimeError("what broke")):
            reply = await self.left(here, visitor, f"{folder}p0.m4s", headers, status=500)
        assert b"what broke" not in reply.body
        assert "what broke" in caplog.text
        # The connection goes on.
        assert (await visitor.ask(f"{folder}live.m3u8", headers)).status == 200

    @pytest.mark.parametrize("target", ["/live.m3u8", "/cam1/live.m3u8", "/_hls/0/live.m3u8", "/api/live.m3u8"])
    async def test_addresses_that_are_no_cameras(self, here: Scene, target: str) -> None:
        headers = bearer(API_KEYS["master"])
        visitor = await here.visitor()
        # So that its headers are known.
        assert (await visitor.ask(f"{here.folder()}live.m3u8", headers)).status in (200, 403)
        for number in range(2, 4):
            assert (await visitor.ask(target, headers)).status in (403, 404)
            assert here.by_application == number

    async def test_another_generation(self, here: Scene) -> None:
        headers = bearer(API_KEYS["viewer"])
        visitor = await here.known(here.folder(), headers)
        for _ in range(2):
            await self.left(here, visitor, "/cam1/_hls/00/live.m3u8", headers, status=404)

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            ({"Range": "bytes=0-9"}, 206),
            ({"If-Range": "x", "Range": "bytes=0-9"}, 200),
            ({"Expect": "100-continue"}, 100),
            ({"Upgrade": "h2c", "Connection": "Upgrade"}, 200),
            ({"Origin": "https://evil.example"}, 403),
        ],
    )
    async def test_other_headers(self, here: Scene, header: dict[str, str], status: int) -> None:
        visitor, headers = await here.visitor(), {**bearer(API_KEYS["viewer"]), **header}
        target = f"{here.folder()}p{here.next_part() - 1}.m4s"
        for number in range(1, 3):
            visitor.send(target, headers)
            first = (await visitor.reader.readuntil(b"\r\n")).decode()
            assert int(first.split()[1]) == status
            if status != 100:
                head = (await visitor.reader.readuntil(b"\r\n\r\n")).decode().lower()
                await visitor.reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
                assert here.by_application == number
            else:
                visitor = await here.visitor()

    async def test_other_methods(self, here: Scene) -> None:
        headers = bearer(API_KEYS["viewer"])
        visitor = await here.known(here.folder(), headers)
        target = f"{here.folder()}live.m3u8"
        assert (await self.left(here, visitor, target, headers, status=200, method="HEAD")).body == b""
        await self.left(here, visitor, target, headers, status=405, method="POST")

    async def test_the_end_of_a_connection(self, here: Scene) -> None:
        headers = {**bearer(API_KEYS["viewer"]), "Connection": "close"}
        visitor = await here.visitor()
        assert (await visitor.ask(f"{here.folder()}live.m3u8", headers)).status == 200
        assert await visitor.reader.read() == b""

    async def test_a_name_that_a_foreign_page_could_have(self, tmp_path: Path) -> None:
        async with open_house(tmp_path) as here:
            visitor = await here.visitor()
            for number in range(1, 3):
                head = f"GET {here.folder()}live.m3u8 HTTP/1.1\r\nHost: evil.example\r\n\r\n"
                visitor.writer.write(head.encode())
                assert ((await visitor.reply()).status, here.by_application) == (403, number)

    async def test_headers_in_pieces_and_bodies_and_then_none_again(self, here: Scene) -> None:
        headers = bearer(API_KEYS["viewer"])
        visitor, target = await here.known(here.folder(), headers), f"{here.folder()}live.m3u8"
        whole = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {headers['Authorization']}\r\n\r\n"
        for cut in (1, 10, len(whole) - 3, len(whole) - 1):
            visitor.writer.write(whole[:cut].encode())
            before = here.by_application
            # What follows would be a request by itself.
            await settled(lambda: not between(here), "the piece has not come")
            visitor.writer.write(whole[cut:].encode())
            assert (await visitor.reply()).status == 200
            assert here.by_application == before + 1
            assert (await visitor.ask(target, headers)).status == 200
        visitor.send(target, {**headers, "Content-Length": str(len(whole))}, method="POST")
        await settled(lambda: not between(here), "the head has not come")
        # Hidden in a body: nobody asked for it.
        visitor.writer.write(whole.encode())
        assert (await visitor.reply()).status == 405
        for _ in range(3):
            assert (await visitor.ask(target, headers)).status == 200
        before = here.by_application
        assert (await visitor.ask(target, headers)).status == 200
        assert here.by_application == before


def asked_with(cookie: dict[str, str]) -> Asked:
    return Asked("GET", "/", cookie=(cookie["Cookie"],))


def between(here: Scene) -> bool:
    assert here.runner.server is not None
    (connection,) = here.runner.server.connections
    return bool(connection._between)  # type: ignore[attr-defined]


class TestTheRightToWatch:
    async def test_a_grant_that_is_over_is_refused_at_once(self, here: Scene) -> None:
        folder = here.folder(here.home.grant("/cam1/", lasts_s=300))
        visitor = await here.known(folder)
        here.home.clock.wall_s += 330
        assert (await visitor.ask(f"{folder}p0.m4s")).status == 200
        here.home.clock.wall_s += 0.001
        reply = await visitor.ask(f"{folder}p0.m4s")
        assert reply.status == 401
        assert b"grant_expired" in reply.body

    async def test_and_one_that_was_withdrawn(self, here: Scene) -> None:
        token = here.home.grant("/cam1/")
        folder, other = here.folder(token), here.folder(here.home.grant("/cam1/"))
        visitor = await here.known(folder)
        assert (await visitor.ask(f"{other}live.m3u8")).status == 200
        here.home.keeper.policy.revocations.withdraw(
            token.split(".")[2], expires=float(token.split(".")[1]), now=here.home.clock.now()
        )
        assert (await visitor.ask(f"{folder}live.m3u8")).status == 401
        assert (await visitor.ask(f"{other}live.m3u8")).status == 200

    async def test_and_one_for_another_camera(self, here: Scene) -> None:
        visitor = await here.known(here.folder(here.home.grant("/cam1/")))
        assert (await visitor.ask(f"{here.folder(here.home.grant('/cam10/'))}live.m3u8")).status == 403

    async def test_who_signs_out(self, here: Scene) -> None:
        cookie = here.home.cookie("ann")
        visitor = await here.known(here.folder(), cookie)
        session = here.home.keeper.session_of(asked_with(cookie))
        assert session is not None
        here.home.keeper.policy.revocations.revoke(session, now=here.home.clock.now())
        assert (await visitor.ask(f"{here.folder()}live.m3u8", cookie)).status == 401

    async def test_a_camera_that_is_gone(self, here: Scene) -> None:
        visitor = await here.known(here.folder(here.home.grant("/")))
        here.home.keeper.set_cameras(["cam10"], configured=["cam10"])
        assert (await visitor.ask(f"{here.folder(here.home.grant('/'))}live.m3u8")).status == 404

    async def test_a_session_to_be_renewed_gets_its_cookie(self, here: Scene) -> None:
        cookie = here.home.cookie("ann")
        visitor = await here.known(here.folder(), cookie)
        here.home.clock.wall_s += RENEW_AFTER_S
        reply = await visitor.ask(f"{here.folder()}live.m3u8", cookie)
        assert (reply.status, bool(reply["set-cookie"])) == (200, True)

    async def test_who_was_refused_too_often_waits_here_too(self, here: Scene) -> None:
        headers = bearer(API_KEYS["viewer"])
        visitor = await here.known(here.folder(), headers)
        for _ in range(200):
            here.home.keeper.limits.note_refused("127.0.0.1")
        assert (await visitor.ask(f"{here.folder()}live.m3u8", headers)).status == 429

    async def test_viewers_are_told_apart_by_grant(self, here: Scene) -> None:
        visitor = await here.visitor()
        folders = [here.folder(here.home.grant("/cam1/")) for _ in range(3)]
        for folder in [*folders, *folders]:
            assert (await visitor.ask(f"{folder}live.m3u8")).status == 200
        assert len(here.origin.viewers) == 3
        assert here.by_application == 1

    async def test_a_connection_remembers_no_more_than_a_few(self, here: Scene) -> None:
        visitor = await here.visitor()
        for number in range(20):
            folder = here.folder(here.home.grant("/cam1/"))
            for _ in range(2):
                assert (await visitor.ask(f"{folder}live.m3u8", {"X-Number": str(number % 10)})).status == 200
        assert here.runner.server is not None
        (connection,) = here.runner.server.connections
        heads = connection._heads  # type: ignore[attr-defined]
        assert len(heads) <= 4
        assert all(len(head.places) <= 8 for head in heads.values())


class TestWaiting:
    async def test_the_hinted_part_and_the_reload_come_with_the_part(self, here: Scene) -> None:
        folder = here.folder(here.home.grant("/cam1/"))
        visitors = [await here.known(folder) for _ in range(2)]
        before = here.by_application
        part = here.next_part()
        visitors[0].send(folder + here.reload())
        visitors[1].send(f"{folder}p{part}.m4s")
        await here.waiting(2)
        here.pictures(6)
        playlist, media = [await visitor.reply() for visitor in visitors]
        assert (playlist.status, media.status) == (200, 200)
        assert playlist["content-encoding"] == "gzip"
        assert media == await visitors[0].ask(f"{folder}p{part}.m4s")
        assert (here.by_application, len(here.origin.waiting)) == (before, 0)

    async def test_who_does_not_wait_for_answers_gets_them_in_turn(self, here: Scene) -> None:
        folder = here.folder(here.home.grant("/cam1/"))
        visitor = await here.known(folder)
        visitor.send(folder + here.reload())
        await here.waiting()
        visitor.send(f"{folder}p0.m4s")
        visitor.send("/healthz")
        assert here.runner.server is not None
        (connection,) = here.runner.server.connections
        await settled(lambda: connection._behind, "it has not come")  # type: ignore[attr-defined]
        assert connection.transport is not None
        assert not connection.transport.is_reading()
        here.pictures(6)
        replies = [await visitor.reply() for _ in range(3)]
        assert [reply["content-type"].partition(";")[0] for reply in replies] == [
            "application/vnd.apple.mpegurl",
            "video/mp4",
            "application/json",
        ]
        assert (await visitor.ask(f"{folder}live.m3u8")).status == 200
        assert connection.transport.is_reading()

    async def test_who_leaves_waits_no_more(self, here: Scene) -> None:
        folder = here.folder(here.home.grant("/cam1/"))
        visitor = await here.known(folder)
        visitor.send(folder + here.reload())
        await here.waiting()
        visitor.writer.transport.abort()
        await here.waiting(0)
        here.pictures(6)

    async def test_what_does_not_come_is_told_in_time(self, here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(origins, "BLOCK_TARGETS", 0)
        folder = here.folder(here.home.grant("/cam1/"))
        visitor = await here.known(folder)
        visitor.send(folder + here.reload())
        reply = await visitor.reply()
        assert (reply.status, reply["retry-after"], reply["cache-control"]) == (503, "1", "no-store")
        assert (reply["content-type"], reply["server"]) == ("application/json; charset=utf-8", "camera-gateway")
        # The application says the same.
        visitor.send(folder + here.reload(), {**BROWSER, "X-Other": "1"})
        assert await visitor.reply() == reply

    async def test_when_packaging_ends_so_does_the_waiting(self, here: Scene) -> None:
        folder = here.folder(here.home.grant("/cam1/"))
        visitor = await here.known(folder)
        visitor.send(folder + here.reload())
        await here.waiting()
        here.origin.stop()
        assert (await visitor.reply()).status == 404
        assert len(here.origin.waiting) == 0

    async def test_what_breaks_is_logged_and_told_to_one_only(
        self, here: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        token = here.home.grant("/cam1/")
        folder = here.folder(token)
        visitors: Sequence[Visitor] = [await here.known(folder) for _ in range(2)]
        visitors[0].send(folder + here.reload())
        await here.waiting()
        visitors[1].send(f"{folder}p{here.next_part()}.m4s")
        await here.waiting(2)
        broken = [RuntimeError("what broke")]
        look = here.origin.look

        def once(child: object) -> object:
            if broken:
                raise broken.pop()
            return look(child)  # type: ignore[arg-type]

        with patch.object(here.origin, "look", once):
            here.pictures(6)
            replies = [await visitor.reply() for visitor in visitors]
        assert [reply.status for reply in replies] == [500, 200]
        assert b"what broke" not in replies[0].body
        assert "what broke" in caplog.text
        assert token not in caplog.text

    async def test_keeping_a_connection_alive_is_neither_cut_short_nor_endless(self, tmp_path: Path) -> None:
        async with scene(tmp_path, keepalive_s=0.1) as here:
            folder = here.folder(here.home.grant("/cam1/"))
            waits = await here.known(folder)
            waits.send(folder + here.reload())
            await here.waiting()
            for _ in range(3):
                idle = await here.known(folder)
                async with asyncio.timeout(DEADLINE_S):
                    assert await idle.reader.read() == b""
            here.pictures(6)
            assert (await waits.reply()).status == 200
            async with asyncio.timeout(DEADLINE_S):
                assert await waits.reader.read() == b""


async def test_who_reads_nothing_is_the_applications_to_wait_for(here: Scene) -> None:
    folder = here.folder(here.home.grant("/cam1/"))
    visitor = await here.known(folder)
    assert here.runner.server is not None
    (connection,) = here.runner.server.connections
    before = here.by_application
    connection.pause_writing()
    assert (await visitor.ask(f"{folder}p0.m4s")).status == 200
    assert here.by_application == before + 1
    visitor.send(f"{folder}p0.m4s")
    await settled(lambda: connection._messages, "aiohttp goes on without anybody who reads")
    connection.resume_writing()
    assert (await visitor.reply()).status == 200
    # The next one is read by aiohttp, too, and then there is nothing left before what comes.
    for _ in range(3):
        assert (await visitor.ask(f"{folder}p0.m4s")).status == 200
    assert here.by_application == before + 3


@pytest.mark.parametrize(
    "name",
    [
        "_buffer_paused",
        "_close",
        "_force_close",
        "_keepalive_timeout",
        "_loop",
        "_messages",
        "_next_keepalive_close_time",
        "_paused",
        "_reading_paused",
        "_request_count",
        "_upgraded",
        "_waiter",
        "_pause_transport_reading",
        "_process_keepalive",
        "_resume_transport_reading",
        "data_received",
        "connection_lost",
        "peername",
        "ssl_context",
    ],
)
def test_aiohttp_still_has_what_the_connection_relies_on(name: str) -> None:
    assert hasattr(web.RequestHandler, name), (
        f"aiohttp has no RequestHandler.{name} any more: look at web/connection.py"
    )
