"""Patterns, principals, API keys, password hashes: who may what."""

from __future__ import annotations

import re

import pytest

from gateway.access.api_keys import find_api_key, hash_api_key, is_api_key, new_api_key
from gateway.access.grants import Grant
from gateway.access.hashes import parse_api_key_hash, parse_password_hash
from gateway.access.passwords import hash_password, verify_password
from gateway.access.patterns import Patterns, parse_pattern
from gateway.access.principal import NOBODY, Account, Kind, everybody, holder_of
from gateway.access.scopes import Scope

CANARY = "cAnArY-5ecret"


def account(*scopes: Scope, cameras: tuple[str, ...] = ("*",), secret_hash: str = CANARY) -> Account:
    return Account.of(Kind.USER, "ann", secret_hash=secret_hash, cameras=cameras, scopes=scopes)


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "matched", "unmatched"),
        [
            ("*", ["yard", "site1/a/b"], []),
            ("yard", ["yard"], ["yard2", "yard/gate", "site1/yard", "Yard"]),
            ("site1/*", ["site1/yard", "site1/a/b"], ["site1", "site10/yard", "yard"]),
            ("site1/yard", ["site1/yard"], ["site1/yard2", "yard"]),
        ],
    )
    def test_a_pattern_matches_whole_parts(self, pattern: str, matched: list[str], unmatched: list[str]) -> None:
        patterns = Patterns.of([pattern])
        assert [camera for camera in [*matched, *unmatched] if patterns.match(camera)] == matched

    def test_several_match_together_and_none_nothing(self) -> None:
        assert Patterns.of(["a", "b/*"]).match("b/c")
        assert not Patterns.of([]).match("a")

    @pytest.mark.parametrize("text", ["**", "*/yard", "site*", "s*te", "site1/*/yard", "site1/**"])
    def test_a_star_in_the_wrong_place_is_explained(self, text: str) -> None:
        with pytest.raises(ValueError, match="stands alone or for the whole last part"):
            parse_pattern(text)

    @pytest.mark.parametrize(
        ("text", "reason"), [("", "write a camera's name"), ("a/", "write a/*"), ("a b", "letters")]
    )
    def test_what_is_no_camera_is_explained(self, text: str, reason: str) -> None:
        with pytest.raises(ValueError, match=re.escape(reason)):
            parse_pattern(text)

    @pytest.mark.parametrize(
        ("pattern", "prefix", "all_of_it"),
        [
            ("*", "/", True),
            ("*", "/site1/", True),
            ("site1/*", "/site1/", True),
            ("site1/*", "/site1/yard/", True),
            ("site1/*", "/", False),
            ("site1/*", "/site10/", False),
            ("site1/yard", "/site1/yard/", True),
            ("site1/yard", "/site1/", False),
        ],
    )
    def test_signing_needs_all_that_a_grant_would_cover(self, pattern: str, prefix: str, all_of_it: bool) -> None:  # noqa: FBT001
        assert Patterns.of([pattern]).match_all_of(prefix) is all_of_it


class TestPrincipals:
    def test_scopes_and_cameras_count_together(self) -> None:
        viewer = account(Scope.VIEW, cameras=("site1/*",)).principal()
        assert viewer.may_see("site1/a")
        assert not viewer.may_see("b")
        assert not viewer.may_sign("/site1/a/")
        assert not viewer.may_administer()
        signer = account(Scope.SIGN).principal()
        assert signer.may_sign("/site1/a/")
        assert not signer.may_see("site1/a")
        admin = account(Scope.ADMIN).principal()
        assert admin.may_administer()
        assert not admin.may_see("a")
        part = account(Scope.ADMIN, cameras=("site1/*",)).principal()
        assert (part.administers, part.may_administer("site1/a")) == (True, True)
        # The gateway as a whole isn't theirs, nor is any other camera.
        assert not part.may_administer()
        assert not part.may_administer("site10")
        assert not part.may_administer("site1")

    def test_who_holds_a_grant_watches_what_it_covers_until_it_expires(self) -> None:
        holder = holder_of(Grant("k", 1_790_000_000, "0123456789abcdef", "/site1/"))
        assert holder.may_see("site1/a")
        assert not holder.may_see("site10/a")
        assert not holder.may_sign("/site1/")
        assert not holder.may_administer()
        assert (holder.expires_at, holder.grant_id) == (1_790_000_000.0, "0123456789abcdef")

    def test_nobody_may_nothing_and_everybody_what_openness_gives(self) -> None:
        assert not NOBODY.may_see("a")
        assert not NOBODY.may_administer()
        assert everybody([Scope.VIEW]).may_see("a")
        assert not everybody([Scope.VIEW]).may_administer()

    def test_a_session_passes_its_id_and_end_on(self) -> None:
        principal = account(Scope.VIEW).principal(expires_at=5.0, session_id="s")
        assert (principal.name, principal.expires_at, principal.grant_id) == ("ann", 5.0, "s")

    def test_an_account_shows_no_hash(self) -> None:
        assert CANARY not in repr(account())


class TestApiKeys:
    def test_a_new_key_is_found_by_its_hash(self) -> None:
        keys = [new_api_key() for _ in range(3)]
        accounts = [account(secret_hash=hash_api_key(key)) for key in keys]
        assert [find_api_key(key, accounts) for key in keys] == accounts
        assert len(set(keys)) == 3
        assert all(is_api_key(key) and parse_api_key_hash(hash_api_key(key)) for key in keys)

    def test_any_other_text_is_no_key(self) -> None:
        key = new_api_key()
        accounts = [account(secret_hash=hash_api_key(key))]
        for text in (new_api_key(), key[:-1], key + "A", key.upper(), "", hash_api_key(key), key + "\n", key + "é"):
            assert find_api_key(text, accounts) is None

    @pytest.mark.parametrize("text", ["", CANARY, "cgk_" + "a" * 43, "A" * 64, "a" * 63])
    def test_a_key_in_the_place_of_its_hash_is_explained_without_repeating_it(self, text: str) -> None:
        with pytest.raises(ValueError, match="keys new-api-key") as caught:
            parse_api_key_hash(text)
        assert not text or text not in str(caught.value)


class TestPasswords:
    def test_only_the_password_verifies(self) -> None:
        password_hash = hash_password(CANARY)
        assert parse_password_hash(password_hash) == password_hash
        assert verify_password(CANARY, password_hash)
        assert not verify_password(CANARY + "x", password_hash)
        assert not verify_password("", password_hash)

    def test_nobody_has_a_password(self) -> None:
        assert not verify_password("the password of nobody", None)

    def test_a_password_longer_than_any_is_wrong_even_if_it_begins_right(self) -> None:
        longest = "x" * 1024
        password_hash = hash_password(longest)
        assert verify_password(longest, password_hash)
        assert not verify_password(longest + "x", password_hash)

    def test_a_hash_that_is_damaged_verifies_nothing(self) -> None:
        assert not verify_password(CANARY, "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA")
        assert not verify_password(CANARY, CANARY)

    @pytest.mark.parametrize("password", ["", "seven77", "x" * 1025])
    def test_lengths_have_limits(self, password: str) -> None:
        with pytest.raises(ValueError, match="8 to 1024"):
            hash_password(password)

    @pytest.mark.parametrize("text", ["", CANARY, "$2b$12$abc", "$argon2id$v=19$m=1,t=1$x$y"])
    def test_what_is_no_hash_is_explained_without_repeating_it(self, text: str) -> None:
        with pytest.raises(ValueError, match="keys hash-password") as caught:
            parse_password_hash(text)
        assert CANARY not in str(caught.value)

    def test_a_hash_that_would_take_minutes_is_refused(self) -> None:
        with pytest.raises(ValueError, match="too long"):
            parse_password_hash("$argon2id$v=19$m=9999999,t=1,p=1$AAAA$AAAA")
