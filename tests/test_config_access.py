"""Configuration of who may watch: users, API keys, signing keys, origins."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.access.scopes import Scope
from gateway.config import Config, load_config
from gateway.config.durations import describe_duration, parse_duration
from gateway.config.origins import parse_origin
from tests.support.config_text import CANARY, complaints, load

HASH = f"$argon2id$v=19$m=19456,t=2,p=1${CANARY}$KzbShIGe+JZSb6RRLEd123m9lauqgTW6aYa0uO2zA7w"
KEY_HASH = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_anything_nobody_is_configured() -> None:
    access = Config().access
    assert (dict(access.users), dict(access.api_keys), access.keys_file, access.origins) == ({}, {}, None, ())
    assert access.max_age == 3600.0


def test_every_key_is_read(tmp_path: Path) -> None:
    access = load(f"""
access:
  users:
    ann@example.org: {{hash: "{HASH}", cameras: ["site1/*", yard], scopes: [view]}}
    admin: {{hash: "{HASH}", cameras: "*"}}
    bob: {{hash: "{HASH}", cameras: "*"}}
  api_keys:
    app: {{hash: {KEY_HASH}, cameras: ["*"]}}
    signer: {{hash: {KEY_HASH}, cameras: ["*"], scopes: [sign, admin]}}
  keys_file: secrets/keys.yml
  max_age: 10m
  origins: [https://a.example.org, "HTTP://B.example.org:8080"]
""").access
    assert access.users["ann@example.org"].cameras == ("site1/*", "yard")
    assert access.users["ann@example.org"].hash == HASH
    assert {name: user.scopes_of(name) for name, user in access.users.items()} == {
        "ann@example.org": {Scope.VIEW},
        "admin": set(Scope),
        "bob": {Scope.VIEW, Scope.SIGN},
    }
    assert access.api_keys["app"].scopes == {Scope.VIEW}
    assert access.api_keys["signer"].scopes == {Scope.SIGN, Scope.ADMIN}
    assert access.keys_file == tmp_path / "secrets" / "keys.yml"
    assert access.max_age == 600.0
    assert access.origins == ("https://a.example.org", "http://b.example.org:8080")
    assert CANARY not in repr(access)
    assert KEY_HASH not in repr(access)


def test_the_environment_can_say_it_all(tmp_path: Path) -> None:
    (tmp_path / "hash").write_text(HASH + "\n")
    access = load(
        f"access: {{api_keys: {{My-App: {{hash: {KEY_HASH}, cameras: [a]}}}}}}",
        GATEWAY_ACCESS__USERS__ADMIN__HASH_FILE="hash",
        GATEWAY_ACCESS__USERS__ADMIN__CAMERAS="yard, site1/*",
        GATEWAY_ACCESS__USERS__ADMIN__SCOPES="view,admin",
        GATEWAY_ACCESS__API_KEYS__MY_APP__CAMERAS="*",
        GATEWAY_ACCESS__KEYS_FILE="/run/keys.yml",
        GATEWAY_ACCESS__MAX_AGE="5m",
        GATEWAY_ACCESS__ORIGINS="https://a.example.org,https://b.example.org",
    ).access
    assert access.users["admin"].hash == HASH
    assert access.users["admin"].cameras == ("yard", "site1/*")
    assert access.users["admin"].scopes_of("admin") == {Scope.VIEW, Scope.ADMIN}
    assert access.api_keys["My-App"].cameras == ("*",)
    assert (access.keys_file, access.max_age, len(access.origins)) == (Path("/run/keys.yml"), 300.0, 2)


def test_a_file_of_keys_is_meant_from_where_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gateway.yml").write_text("access: {keys_file: keys.yml}")
    file = Path("etc/gateway.yml")
    assert load_config(file, environment={}).config.access.keys_file == tmp_path / "etc" / "keys.yml"
    environment = {"GATEWAY_ACCESS__KEYS_FILE": "keys.yml"}
    assert load_config(file, environment=environment).config.access.keys_file == tmp_path / "keys.yml"
    monkeypatch.chdir("etc")
    assert load_config(None, environment=environment).config.access.keys_file == tmp_path / "etc" / "keys.yml"


@pytest.mark.parametrize(
    ("access", "complaint"),
    [
        ("users: {a: {cameras: ['*']}}", "access.users.a.hash: is missing"),
        (f"users: {{a: {{hash: '{HASH}'}}}}", "access.users.a.cameras: is missing"),
        (f"users: {{a: {{hash: '{HASH}', cameras: []}}}}", "access.users.a.cameras: must name at least one"),
        (f"users: {{a: {{hash: {CANARY}, cameras: a}}}}", "access.users.a.hash: must be the hash that"),
        (f"users: {{a: {{hash: '{HASH}', cameras: ['site*']}}}}", "access.users.a.cameras.0: '*' stands alone"),
        (f"users: {{a: {{hash: '{HASH}', cameras: a, scopes: [all]}}}}", "access.users.a.scopes.0: must be one of:"),
        (f"users: {{a: {{hash: '{HASH}', cameras: a, scopes: []}}}}", "access.users.a.scopes: must name at least"),
        (f"users: {{'a:b': {{hash: '{HASH}', cameras: a}}}}", "access.users.a:b: a name has 1 to 64 letters"),
        ("users: {a: secret}", "access.users.a: must be a mapping"),
        (
            f"users: {{a: {{hash: '{HASH}', camera: b, cameras: c}}}}",
            "access.users.a.camera: unknown key (did you mean 'cameras'?); allowed here: cameras, hash, scopes",
        ),
        (f"api_keys: {{a: {{hash: cgk_{CANARY}, cameras: a}}}}", "access.api_keys.a.hash: must be the hash that"),
        (f"api_keys: {{a: {{hsh: {KEY_HASH}}}}}", "access.api_keys.a.cameras: is missing"),
        ("max_age: 2h", "access.max_age: must be from 1m to 1h"),
        ("max_age: 59s", "access.max_age: must be from 1m to 1h"),
        ("max_age: soon", "access.max_age: must be a number with its unit"),
        ("origins: ['*']", "access.origins.0: names one site"),
        ("origins: ['https://a/']", "access.origins.0: ends after the host"),
        ("user: {}", "access.user: unknown key (did you mean 'users'?)"),
    ],
)
def test_each_mistake_has_its_own_words(access: str, complaint: str) -> None:
    assert complaints(f"access: {{{access}}}")[0].startswith(f"gateway.yml:1: {complaint}")


class TestOrigins:
    @pytest.mark.parametrize(
        ("text", "origin"),
        [
            ("https://a.example.org", "https://a.example.org"),
            ("https://A.example.org:443", "https://a.example.org"),
            ("http://a:80", "http://a"),
            ("http://a:443", "http://a:443"),
            ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
            ("http://localhost:3000", "http://localhost:3000"),
        ],
    )
    def test_they_are_written_as_browsers_send_them(self, text: str, origin: str) -> None:
        assert parse_origin(text) == origin

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "*",
            "null",
            "a.example.org",
            "https://",
            "https://*.a",
            "https://a/",
            "https://a/b",
            "https://a?",
            "ftp://a",
            "https://u:p@a",
            "https://a:x",
            "https://a:99999",
            "https://[::1",
            "https://a b",
            "https://a#",
            "//a",
        ],
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"an origin|one site|ends after"):
            parse_origin(text)


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("200ms", 0.2), ("30s", 30.0), ("5m", 300.0), ("1h", 3600.0), ("1.5 h", 5400.0), ("2d", 172800.0)],
    )
    def test_a_number_with_its_unit_is_seconds(self, text: str, seconds: float) -> None:
        assert parse_duration(text) == pytest.approx(seconds)

    @pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 minutes", "1h30m", "5M", "1e3s", "٣s"])
    def test_anything_else_is_explained(self, text: str) -> None:
        with pytest.raises(ValueError, match="for example 30s, 1h"):
            parse_duration(text)

    @pytest.mark.parametrize(("seconds", "text"), [(3600, "1h"), (90, "90s"), (300, "5m"), (172800, "2d"), (0, "0s")])
    def test_it_is_written_as_short_as_it_can_be(self, seconds: float, text: str) -> None:
        assert describe_duration(seconds) == text
