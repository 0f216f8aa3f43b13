"""Sessions of people who signed in, and the links that sign in once."""

from __future__ import annotations

import base64

import pytest

from gateway.access.cookies import (
    RENEW_AFTER_S,
    SESSION_AGE_S,
    Session,
    make_cookie,
    new_session,
    read_cookie,
    renewed,
)
from gateway.access.keys import Keys, SigningKey
from gateway.access.sign_in_links import LINK_AGE_S, SignInLinks

NOW = 1_790_000_000.5
OLD = SigningKey("old", "cd" * 32, 1)
KEY = SigningKey("current", "ab" * 32, 2)
HASHES = {"ann": "hash of ann", "bob.b@example.org": "hash of bob"}


def read(value: str, *, keys: Keys = Keys((KEY, OLD)), now: float = NOW) -> Session | None:  # noqa: B008 (immutable)
    return read_cookie(value, keys=keys, now=now, password_hashes=HASHES.get)


def cookie(session: Session, *, key: SigningKey = KEY, password_hash: str = "hash of ann") -> str:
    return make_cookie(session, key=key, password_hash=password_hash)


ANN = new_session("ann", now=NOW)


def test_what_was_made_is_read_until_it_expires() -> None:
    assert read(cookie(ANN)) == ANN
    assert read(cookie(ANN), now=ANN.expires - 0.1) == ANN
    assert read(cookie(ANN), now=ANN.expires) is None
    bob = new_session("bob.b@example.org", now=NOW)
    assert read(cookie(bob, password_hash="hash of bob")) == bob


def test_a_cookie_holds_no_password_hash_and_fits_a_header() -> None:
    value = cookie(ANN)
    assert len(value) < 300
    assert "hash" not in value
    assert value.isascii()


def test_one_from_the_future_is_refused_beyond_the_skew() -> None:
    assert read(cookie(ANN), now=NOW - 29) == ANN
    assert read(cookie(ANN), now=NOW - 31) is None


def test_any_change_is_noticed() -> None:
    value = cookie(ANN)
    for index, letter in enumerate(value):
        changed = value[:index] + ("0" if letter != "0" else "1") + value[index + 1 :]
        assert read(changed) is None, index
    for text in ("", ".", "....", value + "0", value.upper(), value + "\n"):
        assert read(text) is None


def test_a_user_that_is_no_text_or_unknown_is_nobody() -> None:
    nobody = Session("nobody", ANN.issued, ANN.expires, ANN.id)
    assert read(cookie(nobody, password_hash="")) is None
    for raw in (b"\xff\xfe", b""):
        user = base64.urlsafe_b64encode(raw or b"\xff").decode().rstrip("=")
        assert read(f"current.{user}.1.2.{ANN.id}.{'0' * 64}") is None
    assert read(f"current.a.1.2.{ANN.id}.{'0' * 64}") is None  # no base64 has this length


def test_a_changed_password_ends_the_session() -> None:
    value = cookie(ANN, password_hash="the hash before")
    assert read(value) is None


def test_the_previous_key_still_verifies_and_a_dropped_one_does_not() -> None:
    value = cookie(ANN, key=OLD)
    assert read(value) == ANN
    assert read(value, keys=Keys((KEY,))) is None


def test_the_secret_of_grants_makes_no_cookie() -> None:
    assert KEY.session_secret != OLD.session_secret
    assert KEY.session_secret.hex() != KEY.secret
    assert KEY.session_secret.hex() not in repr(KEY)


def test_a_session_in_use_is_renewed_once_a_day_under_its_id() -> None:
    assert renewed(ANN, now=ANN.issued + RENEW_AFTER_S - 1) is None
    again = renewed(ANN, now=ANN.issued + RENEW_AFTER_S)
    assert again is not None
    assert (again.user, again.id) == (ANN.user, ANN.id)
    assert again.expires == ANN.issued + RENEW_AFTER_S + SESSION_AGE_S


class TestSignInLinks:
    def test_a_link_signs_in_once(self) -> None:
        links = SignInLinks()
        token = links.issue("admin", now=0.0)
        assert links.redeem(token, now=LINK_AGE_S - 1) == "admin"
        assert links.redeem(token, now=LINK_AGE_S - 1) is None

    def test_a_late_or_wrong_one_does_not(self) -> None:
        links = SignInLinks()
        token = links.issue("admin", now=0.0)
        for wrong in ("", token[:-1], token + "A", "x" * 10_000, "\ud800"):
            assert links.redeem(wrong, now=1.0) is None
        assert links.redeem(token, now=LINK_AGE_S) is None
        assert len(links) == 0

    def test_beyond_their_number_the_oldest_stops_working(self) -> None:
        links = SignInLinks(max_links=2)
        tokens = [links.issue("admin", now=0.0) for _ in range(3)]
        assert [links.redeem(token, now=1.0) for token in tokens] == [None, "admin", "admin"]

    def test_they_show_no_token(self) -> None:
        links = SignInLinks()
        token = links.issue("admin", now=0.0)
        assert token not in repr(vars(links))


@pytest.mark.parametrize(
    ("key_id", "secret", "created"),
    [("a b", "ab" * 32, 1), ("a", "ab" * 31, 1), ("a", "AB" * 32, 1), ("a", "ab" * 32, -1)],
)
def test_what_cannot_be_a_key_is_explained_without_its_secret(key_id: str, secret: str, created: int) -> None:
    with pytest.raises(ValueError, match="a key's") as caught:
        SigningKey(key_id, secret, created)
    assert secret not in str(caught.value)
