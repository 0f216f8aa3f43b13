"""What the end of an address asks for, as the application reads it and as the shortcut does."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from gateway.errors import BadRequest, NotFound
from gateway.hls.children import Child, Kind, read_child, read_one_way
from gateway.hls.directives import Directives

READ_BOTH_WAYS = [
    ("live.m3u8", Child(Kind.PLAYLIST)),
    ("live.m3u8?_HLS_msn=7", Child(Kind.PLAYLIST, directives=Directives(7))),
    ("live.m3u8?_HLS_msn=7&_HLS_part=0", Child(Kind.PLAYLIST, directives=Directives(7, 0))),
    ("live.m3u8?_HLS_msn=7&_HLS_part=12&_HLS_skip=YES", Child(Kind.PLAYLIST, directives=Directives(7, 12, skip=True))),
    ("live.m3u8?_HLS_msn=7&_HLS_skip=v2", Child(Kind.PLAYLIST, directives=Directives(7, skip=True))),
    ("p0.m4s", Child(Kind.PART)),
    ("p123456789012345.m4s", Child(Kind.PART, 123456789012345)),
    ("s9.m4s", Child(Kind.SEGMENT, 9)),
    ("init1.mp4", Child(Kind.INIT, 1)),
]


@pytest.mark.parametrize(("text", "child"), READ_BOTH_WAYS)
def test_both_read_the_same(text: str, child: Child) -> None:
    name, _, query = text.partition("?")
    assert read_child(name, dict(parse_qsl(query))) == child
    assert read_one_way(text.encode()) == child


@pytest.mark.parametrize(
    "name", ["", "p.m4s", "p01.m4s", "p1.mp4", "init1.m4s", "live.m3u", "P1.m4s", "p1234567890123456.m4s"]
)
def test_other_names_are_nothing(name: str) -> None:
    with pytest.raises(NotFound):
        read_child(name, {})
    assert read_one_way(name.encode()) is None


@pytest.mark.parametrize("query", ["_HLS_part=1", "_HLS_msn=x", "_HLS_msn=1&_HLS_skip=yes", f"_HLS_msn={'9' * 16}"])
def test_directives_without_sense_are_told_by_the_application(query: str) -> None:
    with pytest.raises(BadRequest):
        read_child("live.m3u8", dict(parse_qsl(query)))
    assert read_one_way(f"live.m3u8?{query}".encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "live.m3u8?",
        "live.m3u8?_HLS_skip=YES",
        "live.m3u8?_HLS_part=1&_HLS_msn=7",
        "live.m3u8?_HLS_msn=7&_HLS_msn=8",
        "live.m3u8?_HLS_msn=7&grant=x",
        "live.m3u8?_HLS%5Fmsn=7",
        "live.m3u8?_HLS_msn=7&",
        "live.m3u8?_HLS_msn=7\n",
        "p1.m4s#x",
        "p1.m4s ",
        "p%31.m4s",
        "../p1.m4s",
    ],
)
def test_what_two_programs_could_read_differently_is_the_applications(text: str) -> None:
    assert read_one_way(text.encode()) is None
