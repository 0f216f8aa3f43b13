"""TURN credentials, against openssl: the server computes the same."""

from __future__ import annotations

import subprocess

import pytest

from gateway.negotiate.turn import Turn, account_holder, turn_server

URLS = ("turn:turn.example.org:3478", "turns:turn.example.org:443?transport=tcp")
TURN = Turn(URLS, "north")
NOW = 1_790_000_000.5


def by_openssl(secret: str, text: str) -> str:
    digest = ["openssl", "dgst", "-sha1", "-hmac", secret, "-binary"]
    made = subprocess.run(digest, input=text.encode(), capture_output=True, check=True, timeout=20).stdout
    return subprocess.run(["base64"], input=made, capture_output=True, check=True, timeout=20).stdout.decode().strip()


def test_the_password_is_what_a_server_computes() -> None:
    server = turn_server(TURN, holder="0123456789abcdef", now=NOW, expires_at=None)
    assert server["username"] == "1790000600:0123456789abcdef"
    assert server["credential"] == by_openssl("north", server["username"])
    assert server["urls"] == list(URLS)


@pytest.mark.parametrize(
    ("expires_at", "end"), [(NOW + 60, 1790000060), (NOW + 3600, 1790000600), (NOW - 1, 1789999999)]
)
def test_they_last_no_longer_than_what_let_the_viewer_in(expires_at: float, end: int) -> None:
    server = turn_server(TURN, holder="x", now=NOW, expires_at=expires_at)
    assert server["username"] == f"{end}:x"


@pytest.mark.parametrize("holder", ["", "a:b", "a b", "x" * 65, "ä"])
def test_a_holder_that_could_be_read_as_something_else_is_refused(holder: str) -> None:
    with pytest.raises(ValueError, match="holder"):
        turn_server(TURN, holder=holder, now=NOW, expires_at=None)


def test_an_account_has_one_name_that_tells_nothing_and_only_the_secret_makes() -> None:
    ann = account_holder(TURN, "user:ann")
    assert ann == account_holder(TURN, "user:ann")
    assert len({ann, account_holder(TURN, "api_key:ann"), account_holder(Turn(URLS, "south"), "user:ann")}) == 3
    assert "ann" not in ann
    assert turn_server(TURN, holder=ann, now=NOW, expires_at=None)["username"].endswith(ann)


def test_the_secret_is_not_shown() -> None:
    assert "north" not in repr(TURN)
