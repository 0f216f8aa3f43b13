"""Grants: what is signed is what verifies, for what it covers and as long as it lasts."""

from __future__ import annotations

import re

import pytest

from gateway.access.grants import Grant, new_grant_id, sign_grant, verify_grant
from gateway.access.keys import Keys, SigningKey
from gateway.access.prefixes import covers, is_prefix, known_prefixes, prefix_of
from gateway.access.refusal import EXPIRED, FORBIDDEN, MALFORMED, TOO_FAR, UNKNOWN_KEY

NOW = 1_790_000_000.0
KEY = SigningKey("current", "ab" * 32, 1_789_999_000)
KEYS = Keys((KEY,))
ID = "0123456789abcdef"


def token(prefix: str, expires: int = int(NOW) + 300) -> str:
    return sign_grant(KEY, prefix=prefix, expires=expires, grant_id=ID)


def test_a_signed_grant_verifies_and_names_what_it_covers() -> None:
    for prefix in ("/", "/site1/", "/site1/yard/"):
        grant = verify_grant(token(prefix), camera="site1/yard", keys=KEYS, now=NOW)
        assert grant == Grant("current", int(NOW) + 300, ID, prefix)


def test_without_a_camera_the_known_prefixes_tell_what_it_covers() -> None:
    known = known_prefixes(["site1/yard", "cam1"])
    grant = verify_grant(token("/site1/"), camera=None, keys=KEYS, now=NOW, known=known)
    assert isinstance(grant, Grant)
    assert grant.prefix == "/site1/"
    everything = verify_grant(token("/"), camera=None, keys=KEYS, now=NOW)
    assert isinstance(everything, Grant)
    assert everything.prefix == "/"
    assert verify_grant(token("/removed/"), camera=None, keys=KEYS, now=NOW, known=known) is MALFORMED


def test_valid_elsewhere_is_told_from_forged_by_the_known_prefixes_only() -> None:
    assert verify_grant(token("/cam1/"), camera="cam10", keys=KEYS, now=NOW, known=("/cam1/",)) is FORBIDDEN
    assert verify_grant(token("/cam1/"), camera="cam10", keys=KEYS, now=NOW) is MALFORMED


@pytest.mark.parametrize("prefix", ["cam1", "/cam1", "cam1/", "//", "", "/api/", "/a//b/", "/" + "a/" * 9, "/é/"])
def test_a_prefix_that_could_open_nothing_is_not_signed(prefix: str) -> None:
    assert not is_prefix(prefix)
    with pytest.raises(ValueError, match="slashes around"):
        token(prefix)


def test_an_id_or_time_that_no_verifier_takes_is_not_signed() -> None:
    with pytest.raises(ValueError, match="16 digits"):
        sign_grant(KEY, prefix="/", expires=1, grant_id="x")
    with pytest.raises(ValueError, match="expires"):
        token("/", expires=-1)


def test_ids_are_random_and_of_the_right_form() -> None:
    ids = {new_grant_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{16}", grant_id) for grant_id in ids)


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW + 330, Grant), (NOW + 330.001, EXPIRED), (NOW - 3330, Grant), (NOW - 3330.001, TOO_FAR)],
)
def test_clocks_may_differ_by_thirty_seconds(now: float, expected: object) -> None:
    verdict = verify_grant(token("/cam1/"), camera="cam1", keys=KEYS, now=now)
    assert verdict is expected or type(verdict) is expected


def test_only_live_keys_verify() -> None:
    other = Keys((SigningKey("other", "cd" * 32, 1),))
    assert verify_grant(token("/"), camera="cam1", keys=other, now=NOW) is UNKNOWN_KEY
    same_id = Keys((SigningKey("current", "cd" * 32, 1),))
    assert verify_grant(token("/"), camera="cam1", keys=same_id, now=NOW) is MALFORMED


class TestPrefixes:
    @pytest.mark.parametrize(
        ("name", "prefix"),
        [
            ("/", "/"),
            ("cam1", "/cam1/"),
            ("site1/", "/site1/"),
            ("site1/yard", "/site1/yard/"),
            ("a/sign/", "/a/sign/"),
            ("a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/g/h/"),
        ],
    )
    def test_cameras_sites_and_everything_have_one(self, name: str, prefix: str) -> None:
        assert prefix_of(name) == prefix
        assert is_prefix(prefix)

    @pytest.mark.parametrize("name", ["", "api", "api/", "a//", "/cam1", "a/sign", "a b", "*", "a/b/c/d/e/f/g/h/i/"])
    def test_anything_else_is_explained(self, name: str) -> None:
        with pytest.raises(ValueError, match="camera"):
            prefix_of(name)

    def test_a_prefix_covers_whole_parts_only(self) -> None:
        assert covers("/cam1/", "cam1")
        assert covers("/", "cam1")
        assert covers("/site1/", "site1/a/b")
        assert not covers("/cam1/", "cam10")
        assert not covers("/site1/yard/", "site1")

    def test_what_is_known_is_every_leading_part_once(self) -> None:
        assert sorted(known_prefixes(["a/b/c", "a/b/d", "e"])) == ["/a/", "/a/b/", "/a/b/c/", "/a/b/d/", "/e/"]
