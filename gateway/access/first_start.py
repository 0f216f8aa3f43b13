"""What has to be there before the first request: signing keys, and an administrator if nobody is configured."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.access.hashes import parse_password_hash
from gateway.access.keyring import ensure_keys
from gateway.access.keys import Keys
from gateway.access.passwords import hash_password
from gateway.errors import ConfigError

ADMIN: Final = "admin"

_FOLDER: Final = "camera-gateway"
_KEYS: Final = "keys.yml"
_ADMIN_HASH: Final = "admin-password-hash"
# Without what looks alike in a terminal.
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Prepared:
    """`admin_hash` is None where users or API keys are configured.

    `new_password` is to be shown once, now: it was made by this call and isn't kept.
    """

    keys_file: Path
    keys: Keys
    admin_hash: str | None = field(default=None, repr=False)
    new_password: str | None = field(default=None, repr=False)


def state_directory(environment: Mapping[str, str]) -> Path:
    """Where the gateway keeps what it made itself: systemd's STATE_DIRECTORY, else below XDG_STATE_HOME or home.

    Raises ConfigError if there is no home either.
    """
    if given := environment.get("STATE_DIRECTORY"):
        # systemd separates several by colons.
        return Path(given.split(":")[0])
    # The specification says that a relative path is to be ignored.
    if (base := environment.get("XDG_STATE_HOME")) and Path(base).is_absolute():
        return Path(base) / _FOLDER
    if (home := environment.get("HOME")) and Path(home).is_absolute():
        return Path(home) / ".local" / "state" / _FOLDER
    raise ConfigError("there is no place for the signing keys: set STATE_DIRECTORY, or HOME, to a folder")


def keys_path(configured: Path | None, environment: Mapping[str, str]) -> Path:
    """`access.keys_file`, else keys.yml in the state directory."""
    return configured if configured is not None else state_directory(environment) / _KEYS


def prepare(
    *, keys_file: Path | None, accounts_configured: bool, environment: Mapping[str, str], now: float
) -> Prepared:
    """Makes what is missing, and only that; `now` is unix seconds.

    Without accounts there is one user, `admin`: deleting admin-password-hash in the state directory makes a new
    password at the next start.  Raises ConfigError if something can't be read or written.
    """
    file = keys_path(keys_file, environment)
    if keys_file is None:
        make_folder(file.parent)
    keys = ensure_keys(file, now=now)
    if accounts_configured:
        return Prepared(file, keys)
    folder = state_directory(environment)
    make_folder(folder)
    admin_hash, new_password = _admin(folder / _ADMIN_HASH)
    return Prepared(file, keys, admin_hash, new_password)


def new_password() -> str:
    """Four groups of five letters and digits: 100 bits, and possible to type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def make_folder(folder: Path) -> None:
    """Makes a private folder unless there is one; ConfigError if it can't be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from None


def _admin(file: Path) -> tuple[str, str | None]:
    password = None
    try:
        if not file.exists():
            password = _make_admin(file)
        text = file.read_text("utf-8").strip()
    except OSError as error:
        raise _not_writable(file.parent, error) from None
    except UnicodeDecodeError:
        text = ""
    try:
        return parse_password_hash(text), password
    except ValueError:
        raise ConfigError(f"{file}: it doesn't hold a password's hash; delete it to have a new one made") from None


def _make_admin(file: Path) -> str | None:
    password = new_password()
    content = hash_password(password) + "\n"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another gateway has just made it
        return None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
    return password


def _not_writable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{folder}: can't keep keys and passwords here: {error.strerror}; "
        "set STATE_DIRECTORY to a folder this user can write in, or configure access.users and access.keys_file"
    )
