"""The first start: keys and an administrator where nobody configured any."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from gateway.access.first_start import Prepared, keys_path, make_folder, new_password, prepare, state_directory
from gateway.access.passwords import verify_password
from gateway.errors import ConfigError

NOW = 1_790_000_000.0


def start(folder: Path, *, keys_file: Path | None = None, accounts: str = "none") -> Prepared:
    return prepare(
        keys_file=keys_file,
        accounts_configured=accounts != "none",
        environment={"STATE_DIRECTORY": str(folder)},
        now=NOW,
    )


def test_a_key_and_a_password_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    first = start(folder)
    assert first.new_password is not None
    assert verify_password(first.new_password, first.admin_hash)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "keys.yml": 0o600,
        "admin-password-hash": 0o600,
    }
    for path in folder.iterdir():
        assert first.new_password not in path.read_text("utf-8")
    second = start(folder)
    assert second == Prepared(first.keys_file, first.keys, first.admin_hash, None)


def test_configured_accounts_need_no_administrator(tmp_path: Path) -> None:
    prepared = start(tmp_path, accounts="some")
    assert (prepared.admin_hash, prepared.new_password) == (None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["keys.yml"]


def test_a_configured_file_of_keys_is_used_and_made(tmp_path: Path) -> None:
    file = tmp_path / "shared.yml"
    prepared = start(tmp_path / "state", keys_file=file, accounts="some")
    assert prepared.keys_file == file
    assert file.exists()
    assert not (tmp_path / "state").exists()
    assert start(tmp_path / "state", keys_file=file).new_password is not None


def test_deleting_the_hash_makes_a_new_password(tmp_path: Path) -> None:
    first = start(tmp_path)
    (tmp_path / "admin-password-hash").unlink()
    second = start(tmp_path)
    assert second.new_password not in (None, first.new_password)
    assert second.keys == first.keys


@pytest.mark.parametrize("content", [b"", b"password\n", b"\xff\xfe"])
def test_a_damaged_hash_is_not_taken_for_no_password(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "admin-password-hash").write_bytes(content)
    with pytest.raises(ConfigError, match="delete it to have a new one made") as caught:
        start(tmp_path)
    assert caught.value.message.startswith(str(tmp_path))


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Not a directory; set STATE_DIRECTORY to a folder"):
        start(tmp_path / "file" / "state")
    (tmp_path / "state" / "admin-password-hash").mkdir(parents=True)
    with pytest.raises(ConfigError, match="Is a directory; set STATE_DIRECTORY"):
        start(tmp_path / "state")


def test_what_another_gateway_has_just_made_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = start(tmp_path)
    real = Path.exists
    # As if it had appeared between looking and making.
    monkeypatch.setattr(Path, "exists", lambda path: path.name != "admin-password-hash" and real(path))
    second = start(tmp_path)
    assert (second.admin_hash, second.new_password) == (first.admin_hash, None)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "HOME": "/home/a"}, "/var/lib/a"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/a"}, "/state/camera-gateway"),
        ({"XDG_STATE_HOME": "state", "HOME": "/home/a"}, "/home/a/.local/state/camera-gateway"),
        ({"HOME": "/home/a", "STATE_DIRECTORY": ""}, "/home/a/.local/state/camera-gateway"),
    ],
)
def test_the_state_directory_is_where_systemd_and_xdg_say(environment: dict[str, str], folder: str) -> None:
    assert state_directory(environment) == Path(folder)
    assert keys_path(None, environment) == Path(folder) / "keys.yml"
    assert keys_path(Path("/etc/keys.yml"), environment) == Path("/etc/keys.yml")


@pytest.mark.parametrize("environment", [{}, {"HOME": "relative"}])
def test_without_any_place_it_says_what_to_set(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="set STATE_DIRECTORY"):
        state_directory(environment)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    make_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_passwords_are_random_and_can_be_typed() -> None:
    passwords = [new_password() for _ in range(20)]
    assert len(set(passwords)) == 20
    assert all(re.fullmatch(r"([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}", password) for password in passwords)


def test_nothing_secret_is_in_its_repr(tmp_path: Path) -> None:
    prepared = start(tmp_path)
    assert prepared.new_password is not None
    assert prepared.admin_hash is not None
    for secret in (prepared.new_password, prepared.admin_hash, prepared.keys.active.secret):
        assert secret not in repr(prepared)
    assert os.fspath(prepared.keys_file) in repr(prepared)
