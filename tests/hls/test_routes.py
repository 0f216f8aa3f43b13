"""The HLS routes over real hubs: what is answered, what waits, who counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.principal import everybody
from gateway.access.scopes import Scope
from gateway.app import build_app
from gateway.assets import static_dir
from gateway.hls.children import Child, Kind
from gateway.hls.generations import MAX_OLDER
from gateway.hls.origin import Origin
from gateway.hls.packager import Lengths
from gateway.hls.routes import Hls
from gateway.hls.viewers import Visitor
from gateway.media.annexb import START_CODE
from gateway.media.units import StreamInfo, VideoCodec
from gateway.relay.camera import Camera
from gateway.relay.gop import GopCache
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, ReasonCode
from gateway.web.gatekeeper import Gatekeeper, Rules, Surroundings
from tests.hls.checker import MediaPlaylist, parse
from tests.hls.mp4 import find, track_runs
from tests.relay.units import SILENT_STREAM, VIDEO
from tests.web.conftest import open_gatekeeper
from tests.webrtc.stage import GOP, HandClock, Stage, settled, stage

PARTS_OF_GOP = 3
"""15 pictures at 30 fps, five to a part."""


@dataclass
class Site:
    """A gateway with HLS."""

    stage: Stage
    hls: Hls
    clock: HandClock
    http: TestClient[web.Request, web.Application]

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        return await self.http.get(path, headers=headers)

    async def media_url(self, camera: str = "yard") -> str:
        response = await self.get(f"/{camera}/index.m3u8")
        text = await response.text()
        assert response.status == 200, text
        return f"/{camera}/{text.splitlines()[-1]}"

    async def playlist(self, query: str = "", *, camera: str = "yard") -> MediaPlaylist:
        response = await self.get(await self.media_url(camera) + query)
        text = await response.text()
        assert response.status == 200, text
        return parse(text)

    def pictures(self, count: int) -> None:
        """So many pictures pass, and their time with them."""
        publisher = self.stage.publisher()
        for _ in range(count):
            self.clock.advance(1 / 30)
            publisher.pictures(1)


@asynccontextmanager
async def hls_site(*, always: bool = False) -> AsyncIterator[Site]:
    clock = HandClock()
    async with stage(("yard", "site1/gate"), clock=clock) as running:
        cameras = tuple(running.registry) if always else ()
        hls = Hls(running.registry.find, Lengths(), clock=clock, always=cameras)
        gatekeeper = open_gatekeeper(running.registry)
        app = build_app(running.registry, running.sessions, gatekeeper, clock=clock, folder=static_dir(), hls=hls)
        async with TestClient(TestServer(app)) as client:
            yield Site(running, hls, clock, client)


@pytest_asyncio.fixture(name="site")
async def _site() -> AsyncIterator[Site]:
    async with hls_site() as site:
        yield site


async def refused(response: aiohttp.ClientResponse) -> tuple[int, str]:
    error = (await response.json())["error"]
    assert error["message"]
    return response.status, error["code"]


@pytest.mark.parametrize("camera", ["yard", "site1/gate"])
async def test_the_first_playlist_is_the_group_of_pictures_so_far(site: Site, camera: str) -> None:
    response = await site.get(f"/{camera}/index.m3u8")
    assert response.content_type == "application/vnd.apple.mpegurl"
    assert response.headers["Cache-Control"] == "max-age=1"
    lines = (await response.text()).splitlines()
    assert f'CODECS="{VIDEO.codec_string}",RESOLUTION=320x240,FRAME-RATE=30.000' in lines[2]
    playlist = await site.playlist(camera=camera)
    assert sum(part.duration_s for part in playlist.parts) == pytest.approx(1 / 3, abs=0.001)
    assert playlist.parts[0].independent


async def test_every_child_can_be_had_and_is_what_it_says(site: Site) -> None:
    url = await site.media_url()
    base = url.rpartition("/")[0]
    site.pictures(3 * GOP)
    playlist = parse(await (await site.get(url)).text())
    init = await site.get(f"{base}/{playlist.segments[0].map_uri}")
    assert init.status == 200
    assert find(await init.read(), "moov/trak/tkhd")
    for segment in playlist.segments:
        response = await site.get(f"{base}/{segment.uri}")
        whole = await response.read()
        parts = [await (await site.get(f"{base}/{part.uri}")).read() for part in segment.parts]
        assert whole == b"".join(parts)
        assert response.headers["Cache-Control"] == "max-age=3600, immutable"
        assert response.content_type == "video/mp4"
        for part, data in zip(segment.parts, parts, strict=True):
            assert sum(track_runs(data)[1].durations) / 90_000 == pytest.approx(part.duration_s, abs=2e-5)


async def test_a_blocked_reload_is_answered_with_the_part_it_names(site: Site) -> None:
    url = await site.media_url()
    known = await site.playlist()
    waiting = asyncio.create_task(site.get(f"{url}?_HLS_msn={known.segments[-1].msn + 1}&_HLS_part=0"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    site.pictures(5)
    response = await waiting
    fresh = parse(await response.text())
    assert (fresh.segments[-1].msn, len(fresh.segments[-1].parts)) == (known.segments[-1].msn + 1, 1)
    assert response.headers["Cache-Control"] == "max-age=24"


async def test_the_hinted_part_is_answered_as_soon_as_it_exists(site: Site) -> None:
    url = await site.media_url()
    hint = (await site.playlist()).hints[0]
    waiting = asyncio.create_task(site.get(f"{url.rpartition('/')[0]}/{hint}"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    site.pictures(5)
    response = await waiting
    assert response.status == 200
    assert len(track_runs(await response.read())[1].data) == 5


async def test_a_first_playlist_is_held_for_a_part_that_comes_soon(site: Site) -> None:
    begun = await site.playlist()
    origin, whatever_there_is = site.hls.origin(site.stage.camera()), Child(Kind.PLAYLIST)
    assert origin.look(whatever_there_is) is not None
    site.pictures(3)
    assert origin.look(whatever_there_is) is None
    site.pictures(2)
    fresh = origin.look(whatever_there_is)
    assert fresh is not None
    assert len(parse(fresh.body.decode()).parts) == len(begun.parts) + 1


async def test_a_first_playlist_is_answered_with_what_there_is_when_no_part_comes(site: Site) -> None:
    begun = await site.playlist()
    site.pictures(3)
    assert len((await site.playlist()).parts) == len(begun.parts)


async def test_a_playlist_begins_with_a_picture_that_came_after_it_was_asked_for(site: Site) -> None:
    origin = site.hls.origin(site.stage.camera())
    packager = await origin.start()
    # By then a browser is ready to load.
    while not packager.ready:
        site.pictures(1)
    pictures = sum(part.duration for segment in packager.window.segments for part in segment.parts) // 3000
    assert pictures == 10 + 1
    origin.close()


async def test_a_playlist_begins_without_one_when_none_comes(site: Site) -> None:
    origin = site.hls.origin(site.stage.camera())
    packager = await origin.start()
    assert packager.can_start_well
    assert not packager.ready
    await settled(lambda: packager.ready, "the playlist does not begin")
    origin.close()


async def test_all_who_wait_are_given_the_same_bytes(site: Site) -> None:
    url = await site.media_url()
    msn = (await site.playlist()).segments[-1].msn + 1
    waiting = [asyncio.create_task(site.get(f"{url}?_HLS_msn={msn}&_HLS_part=0")) for _ in range(20)]
    await settled(lambda: len(site.hls.origin(site.stage.camera()).viewers) == 1, "nobody is seen")
    site.pictures(5)
    bodies = {await (await task).read() for task in waiting}
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?_HLS_part=0", "bad_request"),
        ("?_HLS_msn=x", "bad_request"),
        ("?_HLS_msn=99", "too_far_ahead"),
        ("?_HLS_msn=2&_HLS_part=99", "too_far_ahead"),
    ],
)
async def test_directives_that_make_no_sense_are_refused(site: Site, query: str, code: str) -> None:
    response = await site.get(await site.media_url() + query)
    assert await refused(response) == (400, code)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("p99.m4s", 404),
        ("s99.m4s", 404),
        ("init9.mp4", 404),
        ("p01.m4s", 404),
        ("p0.mp4", 404),
        ("init1.m4s", 404),
        ("x.m4s", 404),
        ("live.m3u", 404),
        ("p%00.m4s", 400),
    ],
)
async def test_what_does_not_exist_is_not_found(site: Site, name: str, status: int) -> None:
    base = (await site.media_url()).rpartition("/")[0]
    assert (await refused(await site.get(f"{base}/{name}")))[0] == status


async def test_what_another_run_of_the_gateway_made_is_not_found(site: Site) -> None:
    await site.media_url()
    assert (await refused(await site.get("/yard/_hls/00/live.m3u8")))[0] == 404
    assert (await refused(await site.get("/yard/_hls/00/p0.m4s")))[0] == 404


async def test_unknown_cameras_are_not_found(site: Site) -> None:
    assert await refused(await site.get("/nobody/index.m3u8")) == (404, "camera_not_found")
    assert await refused(await site.get("/nobody/_hls/00/p0.m4s")) == (404, "camera_not_found")


async def test_an_offline_camera_says_why_and_when_to_ask_again(site: Site) -> None:
    site.stage.publisher().state(CameraState.OFFLINE, "Wrong user name or password", ReasonCode.AUTH_FAILED)
    response = await site.get("/yard/index.m3u8")
    assert await refused(response) == (409, "camera_offline")
    assert int(response.headers["Retry-After"]) > 0


async def test_a_codec_that_browsers_lack_is_told_in_words(site: Site) -> None:
    h265 = StreamInfo(replace(VIDEO, codec=VideoCodec.H265, codec_name="H.265"))
    site.stage.publisher().live(h265)
    response = await site.get("/yard/index.m3u8")
    assert await refused(response) == (422, "codec")
    assert "H.265" in (await response.json())["error"]["message"]


async def test_a_camera_that_changes_to_such_a_codec_is_no_longer_packaged(site: Site) -> None:
    url = await site.media_url()
    site.stage.publisher().live(StreamInfo(replace(VIDEO, codec=VideoCodec.H265, codec_name="H.265")))
    assert not site.hls.origin(site.stage.camera()).packaging
    assert (await refused(await site.get(url)))[0] == 422


class TestHttp:
    async def test_head_is_answered_without_a_body(self, site: Site) -> None:
        url = await site.media_url()
        for path in ("/yard/index.m3u8", url, url.replace("live.m3u8", "p0.m4s")):
            response = await site.http.head(path)
            assert response.status == 200
            assert await response.read() == b""

    async def test_playlists_are_compressed_for_those_who_can(self, site: Site) -> None:
        url = await site.media_url()
        async with site.http.session.get(site.http.make_url(url), headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert response.headers["Vary"] == "Accept-Encoding"
        plain = await site.get(url, **{"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        origin = site.hls.origin(site.stage.camera())
        packager = origin.packager
        assert packager is not None
        assert (await plain.text()).startswith("#EXTM3U")

    @pytest.mark.parametrize(
        ("wanted", "status", "first", "last"),
        [
            ("bytes=0-9", 206, 0, 9),
            ("bytes=5-", 206, 5, -1),
            ("bytes=-4", 206, -4, -1),
            ("bytes=0-999999999", 206, 0, -1),
            ("bytes=-999999999", 206, 0, -1),
            ("bytes=1-2,4-5", 200, 0, -1),
            ("items=0-9", 200, 0, -1),
            ("bytes=-", 200, 0, -1),
        ],
    )
    async def test_ranges_of_parts(self, site: Site, wanted: str, status: int, first: int, last: int) -> None:
        url = (await site.media_url()).replace("live.m3u8", "p0.m4s")
        whole = await (await site.get(url)).read()
        response = await site.get(url, Range=wanted)
        first, last = first % len(whole), last % len(whole)
        assert response.status == status
        assert await response.read() == whole[first : last + 1]
        if status == 206:
            assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"

    async def test_a_range_beyond_the_end_cannot_be_had(self, site: Site) -> None:
        url = (await site.media_url()).replace("live.m3u8", "p0.m4s")
        response = await site.get(url, Range="bytes=99999999-")
        assert await refused(response) == (416, "range_not_satisfiable")
        assert response.headers["Content-Range"].startswith("bytes */")

    async def test_head_knows_no_ranges(self, site: Site) -> None:
        url = (await site.media_url()).replace("live.m3u8", "p0.m4s")
        whole = await (await site.get(url)).read()
        for wanted in ("bytes=0-9", "bytes=99999999-"):
            response = await site.http.head(url, headers={"Range": wanted})
            assert (response.status, response.headers["Content-Length"]) == (200, str(len(whole)))

    @pytest.mark.parametrize(
        ("accepted", "encoding"),
        [("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("gzip; q=0.000, br", None), ("br", None)],
    )
    async def test_a_weight_of_nothing_refuses_gzip(self, site: Site, accepted: str, encoding: str | None) -> None:
        response = await site.get(await site.media_url(), **{"Accept-Encoding": accepted})
        assert response.headers.get("Content-Encoding") == encoding

    async def test_no_cache_keeps_that_something_was_not_there_yet(self, site: Site) -> None:
        url = await site.media_url()
        for path in (url.replace("live.m3u8", "p99.m4s"), url + "?_HLS_part=0", "/nobody/index.m3u8"):
            assert (await site.get(path)).headers["Cache-Control"] == "no-store"

    async def test_a_foreign_page_is_refused(self, site: Site) -> None:
        assert (await site.get("/yard/index.m3u8", Origin="https://evil.example")).status == 403

    async def test_an_allowed_page_may_read_every_answer_errors_too(self) -> None:
        origin = {"Origin": "https://shop.example"}
        async with stage(clock=HandClock()) as running:
            surroundings = Surroundings(origins=frozenset({"https://shop.example"}))
            keeper = Gatekeeper(Rules(everybody=everybody([Scope.VIEW])), surroundings=surroundings)
            keeper.set_cameras(["yard"], configured=["yard"])
            hls = Hls(running.registry.find, Lengths(), clock=HandClock())
            app = build_app(running.registry, running.sessions, keeper, clock=HandClock(), folder=static_dir(), hls=hls)
            async with TestClient(TestServer(app)) as client:
                first = await client.get("/yard/index.m3u8", headers=origin)
                media = f"/yard/{(await first.text()).split()[-1]}"
                folder = media.rpartition("/")[0]
                found = [("", 200), ("?_HLS_part=0", 400)]
                asked = [(media + query, status) for query, status in found]
                asked += [(f"{folder}/{name}", status) for name, status in (("p0.m4s", 200), ("p999.m4s", 404))]
                asked += [(f"{folder}/init1.mp4", 200), ("/nowhere/index.m3u8", 404)]
                for address, status in asked:
                    response = await client.get(address, headers=origin)
                    assert response.status == status, address
                    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
                    assert "Origin" in response.headers.getall("Vary")[-1]

    async def test_other_methods_are_refused(self, site: Site) -> None:
        assert (await site.http.post("/yard/index.m3u8")).status == 405


class TestWatching:
    async def viewers(self, site: Site) -> dict[str, Any]:
        body = await (await site.get("/api/cameras/yard")).json()
        viewers: dict[str, Any] = body["viewers"]
        return viewers

    async def test_packaging_starts_with_the_first_viewer_and_ends_after_the_last(self, site: Site) -> None:
        origin = site.hls.origin(site.stage.camera())
        hub = site.stage.camera().hub
        assert (origin.packaging, hub.sink_count) == (False, 0)
        await site.media_url()
        assert (origin.packaging, hub.sink_count) == (True, 1)
        site.clock.advance(100)
        await settled(lambda: not origin.packaging, "it goes on without a viewer")
        assert hub.sink_count == 0

    async def test_viewers_are_told_apart_and_counted_while_they_ask(self, site: Site) -> None:
        assert await self.viewers(site) == {}
        await site.get("/yard/index.m3u8", **{"User-Agent": "one"})
        await site.get("/yard/index.m3u8", **{"User-Agent": "two"})
        await site.get("/yard/index.m3u8", **{"User-Agent": "two"})
        assert await self.viewers(site) == {"ll-hls": 2}

    async def test_who_asks_after_packaging_ended_watches_nothing(self, site: Site) -> None:
        part = (await site.media_url()).replace("live.m3u8", "p0.m4s")
        site.stage.publisher().live(StreamInfo(replace(VIDEO, codec=VideoCodec.H265, codec_name="H.265")))
        assert await self.viewers(site) == {}
        assert (await refused(await site.get(part)))[0] == 404
        assert await self.viewers(site) == {}

    async def test_a_camera_whose_clock_is_behind_is_not_taken_for_away(self, site: Site) -> None:
        publisher = site.stage.publisher()
        publisher.clock = HandClock(wall_s=site.clock.now() - 600)
        publisher.until_keyframe()
        publisher.pictures(14)
        await site.media_url()
        packager = site.hls.origin(site.stage.camera()).packager
        assert packager is not None
        looked = 0
        absent = packager.absent

        def noted(at: float) -> None:
            nonlocal looked
            looked += 1
            absent(at)

        with patch.object(packager, "absent", noted):
            await settled(lambda: looked > 0, "nobody looks around")
            assert packager.counters.gaps == 0
            # And when it is away, that is told in time.
            site.clock.advance(packager.target_duration_s + 1)
            site.hls.origin(site.stage.camera()).seen(Visitor("somebody", "somewhere"))
            looked = 0
            await settled(lambda: looked > 0, "nobody looks around")
            assert packager.counters.gaps == 1

    async def test_another_camera_of_the_same_name_has_other_addresses(self, site: Site) -> None:
        before = await site.media_url()
        part = before.replace("live.m3u8", "p0.m4s")
        # What was said to be immutable must never be had from another camera.
        site.hls.remove("yard")
        after = await site.media_url()
        assert after != before
        assert (await refused(await site.get(before)))[0] == 404
        assert (await refused(await site.get(part)))[0] == 404

    async def test_who_comes_while_the_last_keyframe_is_far_begins_with_a_playlist_of_their_own(
        self, site: Site
    ) -> None:
        first = await site.media_url()
        begun = parse(await (await site.get(first)).text())
        # As near as the first.
        assert await site.media_url() == first
        site.pictures(2 * GOP - 1)
        second = await site.media_url()
        assert second != first
        playlist = parse(await (await site.get(second)).text())
        assert playlist.start_offset_s is None
        assert playlist.parts[0].independent
        # Who loaded the page again is no second viewer.
        assert await self.viewers(site) == {"ll-hls": 1}
        # Both go on, and both are counted.
        going_on = parse(await (await site.get(first, **{"User-Agent": "another"})).text())
        assert going_on.segments[0] == begun.segments[0]
        assert await self.viewers(site) == {"ll-hls": 2}
        assert site.stage.camera().hub.sink_count == 2

    async def test_who_comes_while_the_camera_is_away_gets_the_playlist_there_is(self, site: Site) -> None:
        first = await site.media_url()
        assert (await site.get(first)).status == 200
        site.pictures(2 * GOP - 1)
        site.stage.publisher().state(CameraState.OFFLINE, "The camera does not answer")
        assert await site.media_url() == first

    async def test_who_comes_in_a_group_too_long_to_be_cached_gets_the_playlist_there_is(self, site: Site) -> None:
        first = await site.media_url()
        assert (await site.get(first)).status == 200
        hub = site.stage.camera().hub
        hub.gop = GopCache(max_seconds=0.3)
        site.pictures(2 * GOP - 1)
        # A playlist of their own would not begin before the next keyframe.
        assert not hub.gop.usable
        assert await site.media_url() == first
        assert parse(await (await site.get(first)).text()).start_offset_s is not None

    async def test_there_are_not_as_many_playlists_as_viewers(self, site: Site) -> None:
        urls = set()
        for _ in range(5):
            urls.add(url := await site.media_url())
            assert (await site.get(url)).status == 200
            site.pictures(2 * GOP - 1)
        assert len(urls) == 1 + MAX_OLDER

    async def test_who_comes_back_to_an_older_playlist_that_nobody_watched_goes_on_with_it(self, site: Site) -> None:
        first = await site.media_url()
        before = parse(await (await site.get(first)).text())
        site.pictures(2 * GOP - 1)
        second = await site.media_url()
        assert (await site.get(second)).status == 200
        site.clock.advance(100)
        camera = site.stage.camera()
        await settled(lambda: camera.hub.sink_count == 0, "it goes on without a viewer")
        # A newcomer takes none of the places.
        assert await site.media_url() == second
        after = parse(await (await site.get(first)).text())
        assert after.media_sequence > before.segments[-1].msn
        assert after.segments[0].discontinuity
        assert camera.hub.sink_count == 2

    async def test_a_playlist_that_nobody_watches_makes_room_for_another(self, site: Site) -> None:
        urls = []
        for _ in range(1 + MAX_OLDER):
            urls.append(await site.media_url())
            assert (await site.get(urls[-1])).status == 200
            site.pictures(2 * GOP - 1)
        site.clock.advance(100)
        camera = site.stage.camera()
        await settled(lambda: camera.hub.sink_count == 0, "it goes on without a viewer")
        assert await site.media_url() == urls[-1]
        assert (await site.get(urls[-1])).status == 200
        site.pictures(2 * GOP - 1)
        assert await site.media_url() not in urls
        statuses = [(await site.get(url)).status for url in urls]
        assert statuses == [404, *[200] * MAX_OLDER]
        assert camera.hub.sink_count == 1 + MAX_OLDER

    async def test_who_has_a_grant_is_counted_by_it(self) -> None:
        async with stage(clock=HandClock()) as running:
            keeper = Gatekeeper(Rules(), clock=HandClock())
            keeper.set_cameras(["yard"], configured=["yard"])
            clock = HandClock()
            hls = Hls(running.registry.find, Lengths(), clock=clock)
            app = build_app(running.registry, running.sessions, keeper, clock=HandClock(), folder=static_dir(), hls=hls)
            tokens = [
                sign_grant(
                    keeper.policy.keys.live[0],
                    prefix="/yard/",
                    expires=int(HandClock().now()) + 300,
                    grant_id=new_grant_id(),
                )
                for _ in range(3)
            ]
            async with TestClient(TestServer(app)) as client:
                for token, agent in zip([*tokens[:2], tokens[0]], ["one", "one", "two"], strict=True):
                    response = await client.get(f"/g/{token}/yard/index.m3u8", headers={"User-Agent": agent})
                    assert response.status == 200
                assert hls.viewers(running.camera()) == 2
                clock.advance(0.5)
                response = await client.get(f"/g/{tokens[2]}/yard/index.m3u8", headers={"User-Agent": "two"})
                assert response.status == 200
                # That is one of the two, whose grant was renewed.
                assert hls.viewers(running.camera()) == 2

    async def test_a_viewer_who_comes_back_finds_numbers_that_went_on(self, site: Site) -> None:
        before = await site.playlist()
        origin = site.hls.origin(site.stage.camera())
        site.clock.advance(100)
        await settled(lambda: not origin.packaging, "it goes on without a viewer")
        site.stage.publisher().until_keyframe()
        site.pictures(14)
        after = await site.playlist()
        assert after.media_sequence > before.segments[-1].msn
        assert after.segments[0].discontinuity
        assert int(after.parts[0].uri[1:-4]) >= int(before.hints[0][1:-4])

    async def test_who_waits_when_packaging_ends_is_let_go(self, site: Site) -> None:
        url = await site.media_url()
        msn = (await site.playlist()).segments[-1].msn + 1
        waiting = asyncio.create_task(site.get(f"{url}?_HLS_msn={msn}&_HLS_part=0"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.05)
        site.hls.origin(site.stage.camera()).stop()
        assert (await refused(await waiting))[0] == 404

    async def test_always_means_without_a_viewer_too(self) -> None:
        async with hls_site(always=True) as site:

            def packaging() -> list[bool]:
                return [site.hls.origin(camera).packaging for camera in site.stage.registry]

            assert packaging() == [True, True]
            site.clock.advance(100)
            site.pictures(2 * GOP)
            assert packaging() == [True, True]
            site.stage.publisher().live(StreamInfo(replace(VIDEO, codec=VideoCodec.H265)))
            assert packaging() == [False, True]
            site.stage.publisher().live(SILENT_STREAM)
            assert packaging() == [True, True]

    async def test_pictures_come_at_once_while_somebody_watches_what_is_always_packaged(self) -> None:
        async with hls_site(always=True) as site:
            camera = site.stage.camera()
            assert camera._watchers == 0
            await site.playlist()
            assert camera._watchers == 1
            site.clock.advance(100)
            await settled(lambda: camera._watchers == 0, "they come at once for nobody")
            assert site.hls.origin(camera).packaging

    async def test_what_nobody_watched_is_packaged_in_turns_and_all_there_for_who_comes(self) -> None:
        async with hls_site(always=True) as site:
            origin = site.hls.origin(site.stage.camera())
            packager = origin.packager
            assert packager is not None
            await settled(lambda: packager.ready, "nothing is packaged without a viewer")
            before = packager.next_part
            site.pictures(2 * GOP)
            assert packager.next_part == before
            site.pictures(300)
            assert len(origin._held) < 300, "there is no end to it"
            playlist = await site.playlist()
            assert packager.next_part == before + (2 * GOP + 300) // 5
            assert sum(part.duration_s for part in playlist.parts) >= 3.0
            assert origin._held == []

    async def test_a_first_playlist_of_what_nobody_watched_is_held_for_a_part_that_comes_soon(self) -> None:
        async with hls_site(always=True) as site:
            origin, whatever_there_is = site.hls.origin(site.stage.camera()), Child(Kind.PLAYLIST)
            packager = origin.packager
            assert packager is not None
            await settled(lambda: packager.ready, "nothing is packaged without a viewer")
            before = packager.next_part
            site.pictures(5 + 3)
            assert origin.look(whatever_there_is) is None
            assert packager.next_part == before + 1
            await origin.start()
            site.pictures(2)
            assert origin.look(whatever_there_is) is not None

    async def test_what_cannot_be_packaged_costs_nothing_that_was_held_with_it(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with hls_site(always=True) as site:
            packager = site.hls.origin(site.stage.camera()).packager
            assert packager is not None
            await settled(lambda: packager.ready, "nothing is packaged without a viewer")
            before = packager.next_part
            publisher = site.stage.publisher()
            unit = publisher.pictures(1)[0]
            sps_of_a_byte = START_CODE + b"\x67" + START_CODE + b"\x68\xce" + START_CODE + b"\x65\x88"
            site.stage.camera().hub.deliver([replace(unit, keyframe=True, data=sps_of_a_byte, dts=unit.dts + 1)])
            site.pictures(4 * GOP - 1)
            assert packager.next_part == before
            await site.playlist()
            assert packager.next_part >= before + 2 * PARTS_OF_GOP
            assert "packaging what the camera sent failed" in caplog.text

    async def test_an_on_demand_camera_is_kept_open_where_all_are_always_packaged(self) -> None:
        camera = Camera("yard", SourceSettings("rtsp://192.0.2.10/x", on_demand=True), clock=HandClock())
        origin = Origin(camera, Lengths(), clock=HandClock())
        origin.keep()
        assert camera._watchers == 1
        origin.close()
        assert camera._watchers == 0
        await camera.close()

    async def test_a_camera_without_a_keyframe_yet_is_waited_for(self, site: Site) -> None:
        camera = site.stage.camera()
        camera.hub.gop.clear()
        url = await site.media_url()
        waiting = asyncio.create_task(site.get(url))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.05)
        site.stage.publisher().until_keyframe()
        site.pictures(14)
        response = await waiting
        assert response.status == 200
        assert parse(await response.text()).segments[0].parts[0].independent

    async def test_who_waits_for_a_camera_that_goes_offline_learns_why(self, site: Site) -> None:
        site.stage.camera().hub.gop.clear()
        url = await site.media_url()
        site.stage.publisher().state(CameraState.OFFLINE, "The camera does not answer")
        assert await refused(await site.get(url)) == (409, "camera_offline")
