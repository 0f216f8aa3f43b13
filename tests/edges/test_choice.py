"""Which edge a viewer is sent to."""

from __future__ import annotations

import pytest

from gateway.edges.choice import Edge, nearest_first, shared_out

EU = Edge("https://eu.example.org", frozenset({"eu", "africa"}), "https://eu.example.org/hls")
US = Edge("https://us.example.org", frozenset({"us"}))
ANYWHERE = Edge("https://cdn.example.org/live")
ALL = [ANYWHERE, EU, US]


@pytest.mark.parametrize(
    ("region", "order"),
    [
        (None, [ANYWHERE, EU, US]),
        ("eu", [EU, ANYWHERE, US]),
        ("Africa", [EU, ANYWHERE, US]),
        ("us", [US, ANYWHERE, EU]),
        ("asia", [ANYWHERE, EU, US]),
        ("", [ANYWHERE, EU, US]),
    ],
)
def test_the_viewers_region_comes_first_else_the_order_of_the_configuration(
    region: str | None, order: list[Edge]
) -> None:
    assert nearest_first(ALL, region) == order


def test_the_address_is_that_of_the_same_playlist_behind_the_edge() -> None:
    assert ANYWHERE.playlist("site1/yard", token="T", at_mediamtx=False) == (
        "https://cdn.example.org/live/g/T/site1/yard/index.m3u8"
    )
    assert EU.playlist("cam", token="T", at_mediamtx=True) == "https://eu.example.org/hls/g/T/cam/index.m3u8"
    assert US.playlist("cam", token="T", at_mediamtx=True) == "https://us.example.org/g/T/cam/index.m3u8"


@pytest.mark.parametrize(
    ("urls", "rungs", "failed", "expected"),
    [
        ("EG", "lh", "", {"l": "E", "h": "G"}),
        ("12G", "lh", "", {"l": "1", "h": "2"}),
        # Who forbids parts is not sent to the second best for it.
        ("12G", "h", "", {"h": "1"}),
        # What failed is tried last; what is tried first does not lead to the same server.
        ("EG", "lh", "l", {"h": "G", "l": "E"}),
        ("12G", "lh", "l", {"h": "2", "l": "G"}),
        ("12G", "lh", "h", {"l": "2", "h": "G"}),
        ("12G", "lh", "lh", {"l": "G", "h": "1"}),
        ("12G", "h", "h", {"h": "2"}),
        # Other rungs' failures say nothing about edges.
        ("12G", "lh", "w", {"l": "1", "h": "2"}),
    ],
)
def test_each_rung_leads_elsewhere_and_a_failure_further(
    urls: str, rungs: str, failed: str, expected: dict[str, str]
) -> None:
    assert shared_out(list(urls), list(rungs), failed=set(failed)) == expected
