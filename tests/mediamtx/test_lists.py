"""What MediaMTX's API lists, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.mediamtx.lists import HlsSession, ListedPath, parse_page, parse_path, parse_session, parsed

ID = "a29843d0-dd44-4915-bcbe-f9cf1c388672"


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"name": "cam", "ready": True, "available": True}, ListedPath("cam", ready=True, has_source=True)),
        ({"name": "cam", "ready": True}, ListedPath("cam", ready=True, has_source=True)),
        (
            {"name": "cam", "available": False, "source": {"type": "rtspSource", "id": ""}},
            ListedPath("cam", ready=False, has_source=True),
        ),
        ({"name": "cam", "available": False, "source": None}, ListedPath("cam", ready=False, has_source=False)),
        ({"name": "cam", "available": "yes"}, ListedPath("cam", ready=False, has_source=False)),
        ({"name": 7}, None),
        ({}, None),
    ],
)
def test_a_path(item: dict[str, Any], path: ListedPath | None) -> None:
    assert parse_path(item) == path


@pytest.mark.parametrize(
    ("item", "session"),
    [
        ({"id": ID, "path": "cam", "query": "grant=x", "isCDN": False}, HlsSession(ID, "cam", "grant=x")),
        ({"id": ID, "path": "cam", "query": "", "isCDN": True}, HlsSession(ID, "cam", "", is_edge=True)),
        ({"id": "../../config/global/get".ljust(36, "."), "path": "cam", "query": ""}, None),
        ({"id": ID, "path": None, "query": ""}, None),
        ({"id": ID, "path": "cam"}, None),
        ({}, None),
    ],
)
def test_a_session(item: dict[str, Any], session: HlsSession | None) -> None:
    assert parse_session(item) == session


def test_a_sessions_grant_is_not_shown() -> None:
    assert "x" not in repr(HlsSession(ID, "cam", "grant=x"))


def test_a_page_holds_what_could_be_read() -> None:
    page = parse_page({"pageCount": 3, "itemCount": 5, "items": [{"name": "a", "ready": True}, {"name": None}]})
    assert page.page_count == 3
    assert parsed(page.items, parse_path) == [ListedPath("a", ready=True, has_source=True)]


@pytest.mark.parametrize("values", [[], None, "x", {}, {"items": []}, {"items": {}, "pageCount": 1}, {"items": [1]}])
def test_what_is_no_list_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match="not a list"):
        parse_page(values)
