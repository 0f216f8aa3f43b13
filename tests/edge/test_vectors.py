"""The signature matrix at the edge: the same table as the gateway's own (tests/access/test_vectors.py)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.access.keys import SigningKey
from tests.support.edge import CountingOrigin, Edge, Question, counting_origin, running_edge

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLE: Final = json.loads((Path(__file__).parents[1] / "access" / "vectors.json").read_text("utf-8"))

LET_IN: Final = 299
"""What the origin behind answers, and nothing else."""

DIFFERENT: Final = {
    # Two of a header that may stand once: nginx itself says that this is no request.
    "two Authorization headers": 400,
    # The edge finds no camera there and leaves the words to the gateway, which has them: 400.
    "no camera": LET_IN,
    # An address in absolute form is legal (RFC 9112 section 3.2.2) and judged by its path; the gateway
    # never gets it so.
    "whole address": LET_IN,
}
"""Where a server that speaks HTTP differs from the table, which is about raw targets: what it answers instead."""

NOT_SENT: Final = {"a line end": "a request line with a line end in it is two lines"}

GATEWAY_DECIDES: Final = (401, 403, 404)
"""Refusals for which the edge may ask the gateway: it lets nobody in whom the gateway would not."""


@dataclass(frozen=True)
class Site:
    edge: Edge
    origin: CountingOrigin


async def _marked(_: Question) -> web.Response:
    return web.Response(status=LET_IN)


@pytest_asyncio.fixture(name="site", scope="module", loop_scope="module")
async def _site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("edge")
    async with (
        counting_origin(_marked) as origin,
        running_edge(folder, gateway_port=origin.port, now=TABLE["now"]) as edge,
    ):
        yield Site(edge, origin)


def keys(ids: list[str]) -> list[SigningKey]:
    return [SigningKey(key_id, **TABLE["keys"][key_id]) for key_id in ids]


async def answered(site: Site, vector: dict[str, Any]) -> int:
    repeated = vector.get("append", {"text": "", "times": 0})
    site.edge.write_keys(keys(vector.get("live", TABLE["live"])))
    site.edge.now = vector.get("now", TABLE["now"])
    headers = [(name, value) for name, values in vector.get("headers", {}).items() for value in values]
    target = vector["raw_target"] + repeated["text"] * repeated["times"]
    return (await site.edge.ask(vector.get("method", "GET"), target, headers)).status


@pytest.mark.parametrize(
    "vector", [pytest.param(vector, id=vector["name"]) for vector in TABLE["vectors"] if vector["name"] not in NOT_SENT]
)
async def test_the_edge_decides_as_the_table_says(site: Site, vector: dict[str, Any]) -> None:
    expected, status = vector["expect"], await answered(site, vector)
    if vector["name"] in DIFFERENT:
        assert status == DIFFERENT[vector["name"]]
    elif expected == 200:
        assert status == LET_IN
    elif expected == 414:
        # A server may answer 400 at its own, smaller limit.
        assert status in (400, 414)
    elif status == LET_IN:
        assert expected in GATEWAY_DECIDES
        question = site.origin.questions[-1]
        # As it came: the gateway judges it anew, by the same table.
        assert question.target == vector["raw_target"]
        assert question.headers.get("authorization") == vector.get("headers", {}).get("Authorization", [None])[0]
    else:
        assert status == expected


async def test_what_is_expected_to_differ_is_in_the_table(site: Site) -> None:
    names = {vector["name"] for vector in TABLE["vectors"]}
    assert {*DIFFERENT, *NOT_SENT} <= names


async def test_no_grant_of_the_table_reached_a_log(site: Site) -> None:
    log = site.edge.log()
    assert log.count("\n") > 150
    for key in TABLE["keys"].values():
        assert key["secret"] not in log
    signatures = {
        part[-64:] for vector in TABLE["vectors"] for part in vector["raw_target"].replace("?", "/").split("/")
    }
    assert not [signature for signature in signatures if len(signature) == 64 and signature in log]
