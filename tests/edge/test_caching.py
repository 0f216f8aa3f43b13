"""What the edge keeps and for whom, before an origin that counts what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.access.keyring import new_key, rotate_keys
from tests.support.edge import CDN_SECRET, Answer, CountingOrigin, Edge, Question, counting_origin, running_edge

NOW: Final = 1_790_000_000
VIEWERS: Final = 30
PART: Final = "/cam1/_hls/ab12/p7.m4s"
MTX_PART: Final = "/cam1/0a1b2c_main_part7.mp4"


@dataclass
class Site:
    """An edge, what both its origins were asked, and what they answer beside the last part of the path."""

    edge: Edge
    gateway: CountingOrigin
    mediamtx: CountingOrigin
    headers: dict[str, str]
    statuses: list[int] = field(default_factory=list)
    held: asyncio.Event | None = None

    def token(self, prefix: str = "/cam1/", *, for_s: float = 300) -> str:
        return self.edge.grant(prefix, expires=NOW + for_s)

    async def fetch(self, path: str, *, prefix: str = "/cam1/", **headers: str) -> Answer:
        """With a grant of its own."""
        return await self.edge.get(f"/g/{self.token(prefix)}{path}", **headers)

    async def fetch_mediamtx(self, path: str, *, prefix: str = "/cam1/", method: str = "GET", **headers: str) -> Answer:
        return await self.edge.get(f"/hls/g/{self.token(prefix)}{path}", method=method, **headers)


@pytest_asyncio.fixture(name="site")
async def _site(tmp_path: Path) -> AsyncIterator[Site]:
    found: list[Site] = []

    async def respond(question: Question) -> web.Response:
        (site,) = found
        if site.held is not None:
            await site.held.wait()
        status = site.statuses.pop(0) if site.statuses else 200
        name = question.target.partition("?")[0].partition("/cam")[2]
        return web.Response(status=status, text=f"{name} " * 40, headers=site.headers)

    async with (
        counting_origin(respond) as gateway,
        counting_origin(respond) as mediamtx,
        running_edge(tmp_path, gateway_port=gateway.port, mediamtx_port=mediamtx.port, now=NOW) as edge,
    ):
        found.append(Site(edge, gateway, mediamtx, {"Cache-Control": "max-age=3600, immutable"}))
        yield found[0]


def statuses(answers: list[Answer]) -> Counter[str]:
    return Counter(answer.headers["x-cache-status"] for answer in answers)


@pytest.mark.parametrize("path", [PART, "/cam1/_hls/ab12/s3.m4s", "/cam1/_hls/ab12/init0.mp4"])
async def test_a_part_is_asked_for_once_whatever_the_grants(site: Site, path: str) -> None:
    answers = await asyncio.gather(*(site.fetch(path) for _ in range(VIEWERS)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert site.gateway.asked(path) == 1
    assert statuses(list(answers)) == {"MISS": 1, "HIT": VIEWERS - 1}
    assert answers[0].headers["cache-control"] == "private, max-age=60, immutable"


async def test_a_multivariant_playlist_is_kept_for_a_second_and_its_directives_are_no_part_of_it(site: Site) -> None:
    for query in ("", "?_HLS_msn=7", "?x=1"):
        assert (await site.fetch("/cam1/index.m3u8" + query)).status == 200
    assert site.gateway.asked("/cam1/index.m3u8") == len(site.gateway.questions) == 1
    async with asyncio.timeout(10):
        while (await site.fetch("/cam1/index.m3u8")).headers["x-cache-status"] == "HIT":
            pass
    assert site.gateway.asked("/cam1/index.m3u8") == 2


@pytest.mark.parametrize("folder", ["/g/{}/cam1/_hls/ab12/live.m3u8", "/hls/g/{}/cam1/main_stream.m3u8"])
async def test_a_media_playlist_as_it_is_is_kept_for_a_second_and_never_answers_a_reload(
    site: Site, folder: str
) -> None:
    origin = site.mediamtx if folder.startswith("/hls") else site.gateway
    for _ in range(3):
        answer = await site.edge.get(folder.format(site.token()))
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")
    assert len(origin.questions) == 1
    await site.edge.get(folder.format(site.token()) + "?_HLS_msn=3")
    assert origin.questions[1].target.endswith(".m3u8?_HLS_msn=3")
    assert (await site.edge.get(folder.format(site.token()))).headers["x-cache-status"] in ("HIT", "EXPIRED")
    assert origin.questions[-1].target.endswith(".m3u8") == (len(origin.questions) == 3)


async def test_reloads_pass_with_their_directives_and_the_viewers_own_grant(site: Site) -> None:
    token = site.token()
    path = f"/g/{token}/cam1/_hls/ab12/live.m3u8"
    for _ in range(2):
        answer = await site.edge.get(f"{path}?_HLS_msn=4&utm=1&_HLS_part=2", accept_encoding="gzip")
        assert answer.headers["x-cache-status"] == "BYPASS"
    targets = [question.target for question in site.gateway.questions]
    assert targets == [f"{path}?_HLS_msn=4&_HLS_part=2"] * 2
    assert site.gateway.questions[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("statuses_first", [(), (503,)])
async def test_a_part_that_takes_the_origin_long_is_asked_for_once_all_the_same(
    site: Site, statuses_first: tuple[int, ...]
) -> None:
    site.held, site.statuses = asyncio.Event(), list(statuses_first)
    asking = [asyncio.create_task(site.fetch(PART)) for _ in range(5)]
    await site.gateway.until_asked(PART, 1)
    # Longer than the first who wait look again, shorter than all their patience.
    asyncio.get_running_loop().call_later(0.2, site.held.set)
    answers = await asyncio.gather(*asking)
    asked = 1 + len(statuses_first)
    assert site.gateway.asked(PART) == asked
    assert statuses(list(answers))["MISS"] == asked
    assert Counter(answer.status for answer in answers) == Counter(
        [*statuses_first, *[200] * (5 - len(statuses_first))]
    )


async def test_who_waits_for_a_part_that_takes_long_asks_alone(site: Site) -> None:
    site.held = asyncio.Event()
    asking = [asyncio.create_task(site.fetch(PART)) for _ in range(3)]
    await site.gateway.until_asked(PART, 3)
    site.held.set()
    answers = await asyncio.gather(*asking)
    # Players that ask for hinted parts: each holds a request of its own, and nobody waits for nginx to look again.
    assert [answer.status for answer in answers] == [200] * 3
    assert (await site.fetch(PART)).headers["x-cache-status"] == "HIT"


async def test_one_cameras_parts_are_never_anothers(site: Site) -> None:
    path = "/_hls/ab12/p7.m4s"
    bodies = {
        (await site.fetch(camera + path, prefix=prefix)).body
        for camera, prefix in (("/cam1", "/cam1/"), ("/cam10", "/cam10/"), ("/cam1/yard", "/cam1/"), ("/cam2", "/"))
    }
    assert len(bodies) == 4
    assert (await site.fetch_mediamtx("/cam1/p7.mp4")).body != (await site.fetch("/cam1/_hls/x/p7.mp4")).body


@pytest.mark.parametrize("path", [PART, "/cam1/index.m3u8"])
async def test_what_is_kept_is_for_good_grants_only(site: Site, path: str) -> None:
    assert (await site.fetch(path)).status == 200
    before = len(site.gateway.questions)
    refused = [
        await site.fetch(path, prefix="/cam10/"),
        await site.edge.get(path),
        await site.edge.get(path, cookie="camera_gateway=x"),
        await site.edge.get(path, authorization="Basic dTpw"),
    ]
    # The gateway is asked, in their own words; it would refuse them.
    assert len(site.gateway.questions) == before + len(refused)
    assert "x-cache-status" not in {name for answer in refused for name in answer.headers}
    for target in (f"/g/{site.token()[:-1]}0{path}x", f"/g/broken{path}", f"{path}?grant=", f"{path}?grant=a&grant=b"):
        assert (await site.edge.get(target)).headers.get("x-cache-status") is None
    assert (await site.edge.get(f"/_edge/gateway/media?{path}")).status == 404
    assert (await site.edge.get("/_edge/mediamtx/media")).status == 404


async def test_an_expired_grant_is_refused_in_mid_play_within_the_skew(site: Site) -> None:
    token = site.token(for_s=10)
    for late_s, status in ((0, 200), (39.9, 200), (40.1, 401)):
        site.edge.now = NOW + late_s
        assert (await site.edge.get(f"/g/{token}{PART}")).status == status
        assert (await site.edge.get(f"/g/{token}/cam1/_hls/ab12/live.m3u8")).status == status
        assert (await site.edge.get(f"/hls/g/{token}{MTX_PART}")).status == status


async def test_a_rotation_needs_no_restart(site: Site) -> None:
    old, fresh, newest = site.edge.key, new_key(now=NOW - 10), new_key(now=NOW - 5)
    token = site.token()
    assert (await site.edge.get(f"/g/{token}{PART}")).status == 200
    site.edge.write_keys([fresh, old])
    assert (await site.edge.get(f"/g/{token}{PART}")).status == 200
    signed = site.edge.grant("/cam1/", expires=NOW + 60, key=fresh)
    assert (await site.edge.get(f"/g/{signed}{PART}")).status == 200
    site.edge.write_keys([newest, fresh])
    assert (await site.edge.get(f"/g/{token}{PART}")).status == 401
    assert (await site.edge.get(f"/g/{signed}{PART}")).status == 200


@pytest.mark.parametrize("indent", [None, 2, "\t"])
async def test_keys_count_alike_however_their_file_is_written(site: Site, indent: int | str | None) -> None:
    made = [site.edge.key, *(new_key(now=NOW - age_s) for age_s in (10, 30, 20))]
    entries = [{"created": key.created, "secret": key.secret, "id": key.id} for key in made]
    site.edge.keys_file.write_text(json.dumps(entries, indent=indent), encoding="utf-8")
    found = [
        (await site.edge.get(f"/g/{site.edge.grant('/cam1/', expires=NOW + 60, key=key)}{PART}")).status for key in made
    ]
    # The two created last.
    assert found == [401, 200, 401, 200]


async def test_the_gateways_own_file_is_read(site: Site) -> None:
    site.edge.keys_file.unlink()
    first = rotate_keys(site.edge.keys_file, now=NOW - 20).active
    second = rotate_keys(site.edge.keys_file, now=NOW - 10).active
    tokens = [site.edge.grant("/cam1/", expires=NOW + 60, key=key) for key in (first, second)]
    for token in tokens:
        assert (await site.edge.get(f"/g/{token}{PART}")).status == 200
    assert (await site.fetch(PART)).status == 401
    text = site.edge.keys_file.read_text("utf-8")
    site.edge.keys_file.write_text(text.replace(first.id, second.id), encoding="utf-8")
    token = tokens[1]
    assert (await site.edge.get(f"/g/{token}{PART}")).status == 503


async def test_a_viewers_own_if_range_changes_nothing(site: Site) -> None:
    for if_range in ('"x"', "may wait", ""):
        answer = await site.fetch(PART, if_range=if_range, range="bytes=0-3")
        assert answer.status in (200, 206)
    assert site.gateway.asked(PART) == 1
    assert "if-range" not in site.gateway.questions[0].headers


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{}",
        "- id: a\n",
        "[null]",
        json.dumps([{"id": "a", "secret": "a" * 64}]),
        json.dumps([{"id": "a", "secret": "a" * 64, "created": "1"}]),
        json.dumps([{"id": "a", "secret": "short", "created": 1}]),
        json.dumps([{"id": "a", "secret": "a" * 64, "created": 1}, {"id": "a", "secret": "b" * 64, "created": 2}]),
        json.dumps([{"id": "a", "secret": "a" * 64, "created": 1, "more": 1}]),
        " " * 70_000 + "[]",
    ],
)
async def test_without_a_usable_file_of_keys_nobody_gets_what_is_kept(site: Site, content: str | None) -> None:
    token = site.token()
    assert (await site.edge.get(f"/g/{token}{PART}")).status == 200
    if content is None:
        site.edge.keys_file.unlink()
    else:
        site.edge.keys_file.write_text(content, encoding="utf-8")
    for target in (f"/g/{token}{PART}", f"/hls/g/{token}{MTX_PART}"):
        answer = await site.edge.get(target)
        assert answer.status == 503
        assert answer.json()["error"]["code"] == "edge_keys"
        assert "signing keys" in answer.json()["error"]["message"]
    # What needs no grant goes on.
    assert (await site.edge.get("/healthz")).status == 200


async def test_without_a_time_nobody_is_let_in(site: Site) -> None:
    site.edge.now = None
    assert (await site.fetch(PART)).status == 503


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
async def test_refusals_and_failures_of_the_origin_are_passed_on_and_not_kept(site: Site, status: int) -> None:
    for path in (PART, "/cam1/index.m3u8"):
        site.statuses = [status]
        answer = await site.fetch(path)
        assert answer.status == status
        assert answer.headers["cache-control"] == ("no-store" if path == PART else site.headers["Cache-Control"])
        assert (await site.fetch(path)).headers["x-cache-status"] == "MISS"


async def test_ranges_and_head_come_from_the_whole_that_is_kept(site: Site) -> None:
    site.headers["Accept-Ranges"] = "bytes"
    part = await site.fetch(PART, range="bytes=0-3")
    assert (part.status, len(part.body)) == (206, 4)
    head = await site.edge.get(f"/g/{site.token()}{PART}", method="HEAD")
    whole = await site.fetch(PART)
    assert (head.status, head.body, whole.status) == (200, b"", 200)
    assert whole.body.startswith(part.body)
    assert len(whole.body) > 100
    (question,) = site.gateway.questions
    assert question.method == "GET"
    assert "range" not in question.headers


async def test_what_is_posted_is_neither_kept_nor_answered_from_what_is(site: Site) -> None:
    await site.fetch(PART)
    answer = await site.edge.get(f"/g/{site.token()}{PART}", method="POST", content_length="0")
    assert "x-cache-status" not in answer.headers
    assert site.gateway.questions[-1].method == "POST"
    before = len(site.mediamtx.questions)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await site.fetch_mediamtx(MTX_PART, method=method, content_length="0")).status == 405
    assert len(site.mediamtx.questions) == before


async def test_what_sets_a_cookie_is_not_kept(site: Site) -> None:
    site.headers["Set-Cookie"] = "somebody=else"
    for _ in range(2):
        assert (await site.fetch(PART)).headers["x-cache-status"] == "MISS"
        mediamtx = await site.fetch_mediamtx(MTX_PART)
        assert mediamtx.headers["x-cache-status"] == "MISS"


async def test_each_origin_gets_its_own_cors_and_nobody_another_ones(site: Site) -> None:
    site.headers["Vary"] = "Origin"
    for origin in ("https://a.example.org", "https://b.example.org"):
        site.headers["Access-Control-Allow-Origin"] = origin
        assert (await site.fetch(PART, origin=origin)).headers["access-control-allow-origin"] == origin
    del site.headers["Access-Control-Allow-Origin"]
    assert "access-control-allow-origin" not in (await site.fetch(PART)).headers
    for origin in ("https://a.example.org", "https://b.example.org"):
        answer = await site.fetch(PART, origin=origin)
        assert (answer.headers["access-control-allow-origin"], answer.headers["x-cache-status"]) == (origin, "HIT")
    assert site.gateway.asked(PART) == 3


async def test_the_viewers_own_credentials_reach_no_origin_with_what_is_shared(site: Site) -> None:
    own = {"cookie": "camera_gateway=secret", "authorization": "Bearer cgk_other", "accept_encoding": "gzip"}
    for path in (PART, "/cam1/index.m3u8", "/cam1/_hls/ab12/live.m3u8", "/cam1/_hls/ab12/live.m3u8?_HLS_msn=1"):
        await site.fetch(path, **own)
    for path in (MTX_PART, "/cam1/index.m3u8", "/cam1/main_stream.m3u8", "/cam1/main_stream.m3u8?_HLS_msn=1"):
        await site.fetch_mediamtx(path, **own, origin="https://a.example.org")
    for question in site.gateway.questions:
        assert not {"cookie", "authorization"} & set(question.headers)
        assert question.headers["x-forwarded-for"] == "127.0.0.1"
        assert question.headers["x-forwarded-proto"] == "https"
        assert "accept-encoding" not in question.headers or question.target.endswith("?_HLS_msn=1")
    assert len(site.mediamtx.questions) == len(site.gateway.questions) == 4
    for question in site.mediamtx.questions:
        assert question.headers["authorization"] == f"Bearer {CDN_SECRET}"
        assert not {"cookie", "origin"} & set(question.headers)
        assert question.headers.get("connection", "") != "close"
        assert question.headers["x-forwarded-for"] == "127.0.0.1"


async def test_a_client_cant_say_who_it_is(site: Site) -> None:
    await site.edge.get("/login", x_forwarded_for="203.0.113.9", x_forwarded_proto="http")
    headers = site.gateway.questions[0].headers
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "https")


async def test_mediamtx_is_asked_for_clean_addresses_and_answers_all(site: Site) -> None:
    tokens = [site.token() for _ in range(VIEWERS)]
    moved = await site.edge.get(f"/hls/cam1/index.m3u8?cookieCheck=1&grant={tokens[0]}")
    assert (moved.status, moved.headers["location"]) == (307, f"/hls/g/{tokens[0]}/cam1/index.m3u8")
    assert moved.headers["access-control-allow-origin"] == "*"
    answers = await asyncio.gather(*(site.edge.get(f"/hls/g/{token}{MTX_PART}") for token in tokens))
    assert statuses(list(answers)) == {"MISS": 1, "HIT": VIEWERS - 1}
    await site.fetch_mediamtx("/cam1/index.m3u8?session=x")
    await site.fetch_mediamtx("/cam1/main_stream.m3u8?session=x&_HLS_msn=3&_HLS_skip=YES")
    targets = [question.target for question in site.mediamtx.questions]
    assert targets == [MTX_PART, "/cam1/index.m3u8", "/cam1/main_stream.m3u8?_HLS_msn=3&_HLS_skip=YES"]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"*"}


async def test_mediamtx_is_not_asked_for_what_the_edge_cant_let_in(site: Site) -> None:
    for target, status in (
        (f"/hls{MTX_PART}", 401),
        (f"/hls/g/{site.token('/cam10/')}{MTX_PART}", 401),
        (f"/hls/g/{site.token()}/cam1/", 401),
        (f"/hls/g/{site.token()}/cam1/hls.min.js", 404),
        (f"/hls/g/{site.token()}/index.m3u8", 401),
        (f"/hls/g/{site.token('/')}/index.m3u8", 404),
        (f"/hls/g/{site.token()}/cam1/../cam10/index.m3u8", 400),
        (f"/hls/g/{site.token()}/cam1/%2e%2e/index.m3u8", 400),
        (f"/hls//g/{site.token()}{MTX_PART}", 400),
        (f"/x/../hls/g/{site.token()}{MTX_PART}", 400),
        ("/hls/v3/paths/list", 401),
    ):
        answer = await site.edge.get(target)
        assert answer.status == status, target
        assert answer.json()["error"]["code"] == "edge_refused"
        assert ("www-authenticate" in answer.headers) == (status == 401)
    for authorization in (f"Bearer {CDN_SECRET}", "Basic dTpw", "Bearer cgk_x"):
        assert (await site.edge.get(f"/hls{MTX_PART}", authorization=authorization)).status == 401
    options = await site.edge.get(f"/hls{MTX_PART}", method="OPTIONS", origin="https://a.example.org")
    assert (options.status, options.headers["access-control-allow-headers"]) == (204, "Authorization, Range")
    assert site.mediamtx.questions == []


async def test_an_origin_that_is_away_is_said_to_be_and_what_is_kept_goes_on(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    async with running_edge(folder, gateway_port=9, now=NOW) as edge:
        token = edge.grant("/cam1/", expires=NOW + 60)
        for target in (f"/g/{token}{PART}", f"/hls/g/{token}{MTX_PART}", "/"):
            answer = await edge.get(target)
            assert (answer.status, answer.headers["retry-after"]) == (502, "2")
            assert answer.json()["error"]["code"] == "origin_away"


async def test_a_base_path_is_taken_off_before_anything_is_judged(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "based"
    folder.mkdir()
    async with running_edge(
        folder, gateway_port=site.gateway.port, mediamtx_port=site.mediamtx.port, now=NOW, base_path="/live"
    ) as edge:
        token = edge.grant("/cam1/", expires=NOW + 60)
        for prefix in ("/live", ""):
            assert (await edge.get(f"{prefix}/g/{token}{PART}")).status == 200
        assert site.gateway.asked(PART) == 1
        assert (await edge.get(f"/live/g/{token}/cam1/")).status == 200
        assert site.gateway.questions[-1].target == f"/live/g/{token}/cam1/"
        assert (await edge.get(f"/hls/g/{token}{MTX_PART}")).status == 200
        assert (await edge.get(f"/live/g/{token[:-1]}x{PART}")).status == 401


async def test_nothing_secret_is_written(site: Site) -> None:
    site.statuses = [500]
    token = site.token()
    for target in (
        f"/g/{token}{PART}",
        f"/g/{token}{PART}",
        f"/hls/g/{token}{MTX_PART}",
        f"/hls/cam1/index.m3u8?grant={token}",
        f"/cam1/index.m3u8?grant={token}",
        f"/g/{token}/g/{token}/cam1/",
        f"/live/g/{token}/cam1/",
        f"/{token}",
        f"/g/{token}/../x",
        f"/login?token={token}",
        "/cam1/whep/0123456789secret",
    ):
        await site.edge.get(target)
    await site.edge.get("/cam1/", authorization=f"Bearer a b.{token}")
    site.edge.keys_file.write_text("[" + "{" + site.edge.key.secret, encoding="utf-8")
    await site.edge.get(f"/g/{token}{PART}")
    log = site.edge.log()
    assert log.count("\n") >= 13
    for secret in (token.split(".")[3], site.edge.key.secret, "0123456789secret", CDN_SECRET):
        assert secret not in log
    assert f" GET {PART} 200 " in log
    assert " GET /cam1/whep/* " in log
