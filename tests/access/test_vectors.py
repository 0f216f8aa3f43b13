"""The signature matrix: the same table that an edge is tested with."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.access.decision import Asked, Policy, decide
from gateway.access.keys import Keys, SigningKey
from gateway.access.prefixes import known_prefixes

HERE = Path(__file__).resolve().parent
TABLE = json.loads((HERE / "vectors.json").read_text("utf-8"))


def keys(ids: list[str]) -> Keys:
    return Keys.newest_of(SigningKey(key_id, **TABLE["keys"][key_id]) for key_id in ids)


def asked(vector: dict[str, Any]) -> Asked:
    repeated = vector.get("append", {"text": "", "times": 0})
    headers = vector.get("headers", {})
    assert set(headers) <= {"Authorization", "Cookie"}
    return Asked(
        vector.get("method", "GET"),
        vector["raw_target"] + repeated["text"] * repeated["times"],
        authorization=tuple(headers.get("Authorization", ())),
        cookie=tuple(headers.get("Cookie", ())),
    )


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in TABLE["vectors"]])
def test_the_decision_is_the_tables(vector: dict[str, Any]) -> None:
    policy = Policy(
        keys(vector.get("live", TABLE["live"])),
        cameras=frozenset(TABLE["cameras"]),
        known=known_prefixes(TABLE["cameras"] + TABLE["disabled"]),
    )
    verdict = decide(asked(vector), policy, now=vector.get("now", TABLE["now"]))
    assert verdict.status == vector["expect"], verdict.refusal
    if verdict.refusal is not None:
        # No refusal tells whether a camera that somebody may not see exists.
        known = [*TABLE["cameras"], *TABLE["disabled"], "nosuch"]
        assert verdict.status == 404 or not [name for name in known if name in verdict.refusal.message]


def test_the_table_is_what_the_script_makes() -> None:
    assert shutil.which("openssl"), "install openssl"
    made = subprocess.run(["bash", HERE / "make_vectors.sh"], capture_output=True, timeout=50, check=True).stdout
    assert made == (HERE / "vectors.json").read_bytes()


def test_the_table_accepts_and_refuses_in_every_way() -> None:
    statuses = [vector["expect"] for vector in TABLE["vectors"]]
    assert {status: statuses.count(status) >= 4 for status in (200, 400, 401, 403, 404, 414)} == dict.fromkeys(
        (200, 400, 401, 403, 404, 414), True
    )
    assert len({vector["name"] for vector in TABLE["vectors"]}) == len(statuses)
