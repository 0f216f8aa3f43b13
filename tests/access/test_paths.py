"""Raw request targets: what they ask for, and that nothing ambiguous gets through."""

from __future__ import annotations

import pytest

from gateway.access.needs import Need, need_of
from gateway.access.paths import Area, Target, parse_target
from gateway.access.refusal import BAD_PATH, BAD_QUERY, TOO_LONG, Refusal
from gateway.access.urls import path_form, signed_urls


def target(raw: str, *, base_path: str = "") -> Target:
    found = parse_target(raw, base_path=base_path)
    assert isinstance(found, Target), found
    return found


@pytest.mark.parametrize(
    ("path", "area", "camera", "route"),
    [
        ("/", Area.GRID, None, ""),
        ("/cam1", Area.CAMERA, "cam1", ""),
        ("/cam1/", Area.CAMERA, "cam1", ""),
        ("/a/b/c/", Area.CAMERA, "a/b/c", ""),
        ("/a/sign/", Area.CAMERA, "a/sign", ""),
        ("/cam1/whep", Area.WHEP, "cam1", ""),
        ("/a/b/whep/Session-1_x", Area.WHEP_SESSION, "a/b", ""),
        ("/a/b/whep/", Area.UNKNOWN, "a/b", ""),
        ("/a/whep/x/y", Area.UNKNOWN, "a", ""),
        ("/a/b/snapshot.jpg", Area.SNAPSHOT, "a/b", ""),
        ("/a/b/snapshot.jpg/", Area.UNKNOWN, "a/b", ""),
        ("/a/b/index.m3u8", Area.PLAYLIST, "a/b", ""),
        ("/a/_hls/index.m3u8", Area.HLS, "a", ""),
        ("/a/_hls/", Area.HLS, "a", ""),
        ("/a/_hls", Area.UNKNOWN, "a", ""),
        ("/_hls/x", Area.UNKNOWN, None, ""),
        ("/static/app.js", Area.STATIC, None, ""),
        ("/static", Area.STATIC, None, ""),
        ("/statics/", Area.CAMERA, "statics", ""),
        ("/metrics", Area.METRICS, None, ""),
        ("/healthz", Area.HEALTH, None, ""),
        ("/readyz", Area.HEALTH, None, ""),
        ("/login", Area.LOGIN, None, ""),
        ("/g", Area.UNKNOWN, None, ""),
        ("/api", Area.API, None, ""),
        ("/api/", Area.API, None, ""),
        ("/api/cameras", Area.API, None, "cameras"),
        ("/api/cameras/", Area.API, None, "cameras/"),
        ("/api/cameras/a/b", Area.API, "a/b", "cameras/{camera}"),
        ("/api/cameras/a/b/sign", Area.API, "a/b", "cameras/{camera}/sign"),
        ("/api/cameras/negotiate/negotiate", Area.API, "negotiate", "cameras/{camera}/negotiate"),
        # Not `POST …/{camera}/sign` without a camera: no camera is called so, and GET finds none.
        ("/api/cameras/sign", Area.API, "sign", "cameras/{camera}"),
        ("/api/sessions/abc", Area.API, None, "sessions/{session}"),
        ("/api/ws", Area.API, None, "ws"),
        ("/api/ws?src=a/b", Area.API, "a/b", "ws"),
        ("/api/webrtc?src=a%2Fb", Area.API, "a/b", "webrtc"),
        ("/api/frame.jpeg?x=1&s%72c=cam1", Area.API, "cam1", "frame.jpeg"),
        ("/api/streams?src=rtsp://x&name=a", Area.API, None, "streams"),
    ],
)
def test_a_path_asks_for_one_thing(path: str, area: Area, camera: str | None, route: str) -> None:
    for grant, found in ((None, target(path)), ("a.b.c.d", target(f"/g/a.b.c.d{path}"))):
        assert (found.area, found.camera, found.route) == (area, camera, route)
        assert (found.path, found.path_grant) == (path.partition("?")[0], grant)


def test_a_base_path_is_stripped_once_and_only_as_whole_parts() -> None:
    assert target("/live/g/t/cam1/", base_path="/live").path == "/cam1/"
    assert target("/live/live/", base_path="/live/").camera == "live"
    assert target("/live", base_path="/live").area is Area.GRID
    assert target("/lively/", base_path="/live").camera == "lively"
    # A proxy that has stripped it already.
    assert target("/cam1/", base_path="/live").camera == "cam1"
    assert target("/a/b/cam1/", base_path="/a/b").camera == "cam1"


def test_a_grant_without_the_slash_behind_it_shows_in_the_path() -> None:
    assert (target("/g/t").path, target("/g/t").area) == ("", Area.GRID)
    assert (target("/g/t/").path, target("/g/t/").area) == ("/", Area.GRID)
    assert target("/g/").path_grant == ""


def test_grants_in_the_query_are_kept_raw_and_counted() -> None:
    assert target("/?grant=a.b&x=%20&grant=").query_grants == ("a.b", "")
    assert target("/?%67rant=a.b").query_grants == ("",)
    assert target("/?Grant=a&grants=b&xgrant=c").query_grants == ()


@pytest.mark.parametrize("character", [chr(code) for code in range(0x21)] + list("\\\"'<>{}|^`;:@!$&()*+,=[]%#\x7fé"))
def test_no_other_character_may_stand_in_a_path(character: str) -> None:
    assert parse_target(f"/cam{character}1/") is BAD_PATH


@pytest.mark.parametrize("raw", ["/..", "/.", "/./x", "/a/..", "/a/../b", "/...", "/a//b", "//", "", "a", "*"])
def test_dots_and_empty_parts_are_refused(raw: str) -> None:
    assert parse_target(raw) is BAD_PATH


@pytest.mark.parametrize("raw", ["/..a", "/a..", "/.a", "/a/.b.", "/~a", "/a.b-c_d"])
def test_dots_inside_a_part_are_no_trick(raw: str) -> None:
    assert target(raw).area is Area.CAMERA


def test_lengths_have_limits() -> None:
    assert target("/" + "a" * 2047).area is Area.CAMERA
    assert parse_target("/" + "a" * 2048) is TOO_LONG
    assert target("/?" + "a" * 4096).area is Area.GRID
    assert parse_target("/?" + "a" * 4097) is TOO_LONG


@pytest.mark.parametrize("query", ["a b", "a#b", "a\x00", "é", "a\n"])
def test_a_query_is_printable(query: str) -> None:
    assert parse_target(f"/?{query}") is BAD_QUERY


@pytest.mark.parametrize("value", ["", "/a", "a/", "a//b", "a/../b", "..", "a b", "a+b", "a%252Fb", "%ff", "a%00", "é"])
def test_a_camera_in_the_query_is_judged_like_one_in_the_path(value: str) -> None:
    assert isinstance(parse_target(f"/api/ws?src={value}"), Refusal)


def test_what_is_not_listed_needs_the_administrator() -> None:
    assert need_of("GET", target("/api/nothing/such")) is Need.ADMIN
    assert need_of("PUT", target("/api/cameras/a")) is Need.ADMIN
    assert need_of("POST", target("/api/cameras")) is Need.ADMIN
    assert need_of("POST", target("/api/cameras/sign")) is Need.ADMIN
    assert need_of("DELETE", target("/api/sessions/x")) is Need.SOME_ADMIN
    assert need_of("PATCH", target("/api/sessions/x")) is need_of("GET", target("/api/sessions/x/y")) is Need.ADMIN
    assert need_of("GET", target("/api/cameras/")) is Need.ADMIN
    assert need_of("GET", target("/metrics")) is Need.ADMIN


def test_pictures_need_the_right_to_view() -> None:
    for raw in ("/a/", "/a/whep", "/a/snapshot.jpg", "/a/index.m3u8", "/a/_hls/x", "/api/ws?src=a", "/api/cameras/a"):
        assert need_of("GET", target(raw)) is Need.VIEW
        assert need_of("HEAD", target(raw)) is Need.VIEW
    assert need_of("PATCH", target("/a/whep/s")) is Need.VIEW


def test_a_preflight_and_the_end_of_a_known_session_need_nothing() -> None:
    assert need_of("OPTIONS", target("/a/whep")) is Need.NOTHING
    assert need_of("OPTIONS", target("/api/sessions")) is Need.NOTHING
    assert need_of("DELETE", target("/a/whep/s")) is Need.NOTHING
    assert need_of("DELETE", target("/a/whep")) is Need.VIEW


def test_a_target_shows_no_grant() -> None:
    assert "SECRET" not in repr(target("/g/SECRET/a/?grant=SECRET"))


class TestUrls:
    def test_a_cameras_urls_are_its_paths_below_the_grant(self) -> None:
        urls = signed_urls("https://h/live/", token="T", camera="site1/yard")
        assert urls == {
            "page": "https://h/live/g/T/site1/yard/",
            "whep": "https://h/live/g/T/site1/yard/whep",
            "ws": "wss://h/live/g/T/api/ws?src=site1/yard",
            "hls": "https://h/live/g/T/site1/yard/index.m3u8",
            "snapshot": "https://h/live/g/T/site1/yard/snapshot.jpg",
        }
        for name, url in urls.items():
            found = target(url.partition("//h")[2], base_path="/live")
            assert (found.path_grant, found.camera) == ("T", "site1/yard"), name

    def test_a_site_has_a_page_only(self) -> None:
        assert signed_urls("http://h", token="T", camera=None) == {"page": "http://h/g/T/"}

    @pytest.mark.parametrize(
        ("raw", "location"),
        [
            ("/cam1/index.m3u8?grant=T", "../g/T/cam1/index.m3u8"),
            ("/a/b/index.m3u8?x=1&grant=T&_HLS_msn=2", "../../g/T/a/b/index.m3u8?x=1&_HLS_msn=2"),
            ("/live/cam1/index.m3u8?grant=T", "../g/T/cam1/index.m3u8"),
        ],
    )
    def test_a_playlist_asked_for_by_query_moves_to_the_path_form(self, raw: str, location: str) -> None:
        assert path_form(target(raw, base_path="/live")) == location
