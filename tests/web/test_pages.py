"""The pages and what is served with them."""

from __future__ import annotations

import gzip
import re

import pytest
from yarl import URL

from tests.web.conftest import Site

MOST_BYTES = 60_000


def base_of(page: str) -> str:
    found = re.search(r'<base href="([^"]*)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("path", "base", "status"),
    [
        ("/", "./", 200),
        ("/yard/", "../", 200),
        ("/site1/gate/", "../../", 200),
        ("/nowhere/", "../", 404),
        ("/site1/nowhere/", "../../", 404),
    ],
)
async def test_pages_know_where_they_are_shown(site: Site, path: str, base: str, status: int) -> None:
    response = await site.http.get(path)
    page = await response.text()
    assert (response.status, base_of(page)) == (status, base)
    assert response.content_type == "text/html"
    assert "{{" not in page


async def test_everything_a_page_refers_to_is_served(site: Site) -> None:
    page = await (await site.http.get("/yard/")).text()
    paths = set(re.findall(r'(?:src|href)="((?:static|api)/[^"]+)"', page))
    assert any(path.endswith(".js") for path in paths)
    for path in paths:
        assert (await site.http.get("/" + path)).status == 200, path


@pytest.mark.parametrize("path", ["/", "/yard/", "/nowhere/"])
async def test_pages_run_nothing_foreign_and_are_asked_for_each_time(site: Site, path: str) -> None:
    headers = (await site.http.get(path)).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"


async def test_modules_are_kept_but_checked(site: Site) -> None:
    response = await site.http.get("/static/main.js")
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "javascript" in response.content_type
    again = await site.http.get("/static/main.js", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status == 304
    # Nothing is left on the connection that would be taken for the next response.
    assert (await site.http.get("/static/main.js")).status == 200


async def test_modules_travel_compressed(site: Site) -> None:
    plain = await site.http.get("/static/main.js", headers={"Accept-Encoding": "identity"})
    packed = await site.http.get("/static/main.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert await packed.read() == await plain.read()


async def test_a_part_of_a_file_is_that_part(site: Site) -> None:
    whole = await (await site.http.get("/static/style.css")).read()
    part = await site.http.get("/static/style.css", headers={"Range": "bytes=10-29"})
    assert (part.status, await part.read()) == (206, whole[10:30])


async def test_the_first_screen_fits_a_phone_s_slow_link(site: Site) -> None:
    packed = {"Accept-Encoding": "gzip"}
    page = await (await site.http.get("/")).text()
    paths = set(re.findall(r'(?:src|href)="(static/[^"]+)"', page))
    assert len(paths) > 20
    sizes = [len(gzip.compress(page.encode()))]
    for path in paths:
        response = await site.http.get(f"/{path}", headers=packed)
        sizes.append(len(gzip.compress(await response.read())))
    assert sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize(("path", "target"), [("/yard", "yard/"), ("/site1/gate", "gate/")])
async def test_a_camera_without_its_slash_leads_to_its_page_by_a_relative_address(
    site: Site, path: str, target: str
) -> None:
    response = await site.http.get(path, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (307, target)
    assert (await site.http.get(path)).status == 200


@pytest.mark.parametrize("path", ["/nowhere", "/site1", "/yard/other", "/static/nothing.js", "/static/", "/x.js"])
async def test_what_does_not_exist_is_not_found(site: Site, path: str) -> None:
    assert (await site.http.get(path)).status in (403, 404)


@pytest.mark.parametrize(
    "path",
    ["/static/../pyproject.toml", "/static/%2e%2e/pyproject.toml", "/static/..%2fx", "/static/..%2ftests/static/x.js"],
)
async def test_nothing_outside_the_pages_folder_is_served(site: Site, path: str) -> None:
    response = await site.http.get(URL(path, encoded=True))
    assert response.status in (400, 403, 404)
    assert "camera-gateway" not in await response.text()
