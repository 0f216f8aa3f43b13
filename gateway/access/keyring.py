"""The file of signing keys: read, made, rotated, read again when it changes.

It is a list of `{id, secret, created}`, written as JSON, which is YAML too, so that nginx's njs can read it as well.
"""

from __future__ import annotations

import json
import logging
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from gateway.access.keys import Keys, SigningKey
from gateway.errors import ConfigError
from gateway.private_file import replace_file

CHECK_INTERVAL_S: Final = 1.0
"""How often at most a running gateway looks whether the file has changed."""

_MAX_BYTES: Final = 64 * 1024
_FIELDS: Final = ("id", "secret", "created")

_log = logging.getLogger(__name__)


def new_key(*, now: float) -> SigningKey:
    """A random key; its id is random as well, so that nobody without a grant gets as far as a signature."""
    return SigningKey(secrets.token_hex(4), secrets.token_hex(32), int(now))


def parse_keys(text: str) -> Keys:
    """The live keys of a file's content; ValueError with what is wrong, never a part of it."""
    try:
        entries = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        raise ValueError("it isn't valid YAML") from None
    if not isinstance(entries, list) or not entries:
        raise ValueError("it must hold a list of keys, each with id, secret and created")
    return Keys.newest_of(_parse_key(number, entry) for number, entry in enumerate(entries, start=1))


def _parse_key(number: int, entry: object) -> SigningKey:
    if not isinstance(entry, dict) or sorted(map(str, entry)) != sorted(_FIELDS):
        raise ValueError(f"key {number} must have id, secret and created, and nothing else")
    key_id, secret, created = (entry[name] for name in _FIELDS)
    # What is all digits is a number to YAML.
    if not isinstance(key_id, str) or not isinstance(secret, str):
        problem = "id and secret must be text; put them in quotes"
    elif not isinstance(created, int) or isinstance(created, bool):
        problem = "created must be a whole number, in seconds since 1970"
    else:
        try:
            return SigningKey(key_id, secret, created)
        except ValueError as error:
            problem = str(error)
    raise ValueError(f"key {number}: {problem}")


def read_keys(file: Path) -> Keys:
    """The live keys of a file; ConfigError if it can't be read or holds something else."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ConfigError(f"{file}: too large for a file of signing keys")
        return parse_keys(content.decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; 'camera-gateway keys rotate' makes it") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: it isn't UTF-8 text") from None
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None


def ensure_keys(file: Path, *, now: float) -> Keys:
    """The keys of `file`, which is made with a first key, readable by its owner only, if there is none."""
    if not file.exists():
        _write(file, Keys((new_key(now=now),)))
    return read_keys(file)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did: the new active key, the one that still verifies, the one that is no longer good."""

    active: SigningKey
    previous: SigningKey | None
    dropped: SigningKey | None


def rotate_keys(file: Path, *, now: float) -> Rotation:
    """Adds a key that signs from now on, keeps the one before for what it has signed, drops the rest.

    The file is replaced at once; a running gateway takes it up within seconds.  Raises ConfigError.
    """
    old = read_keys(file).live if file.exists() else ()
    created = max([int(now), *(key.created for key in old)])
    keys = Keys.newest_of([new_key(now=created), *old])
    _write(file, keys)
    return Rotation(keys.active, old[0] if old else None, old[1] if len(old) > 1 else None)


def _write(file: Path, keys: Keys) -> None:
    lines = [json.dumps({"id": key.id, "secret": key.secret, "created": key.created}) for key in keys.live]
    try:
        # Whoever was let read it, nginx for one, still may.
        replace_file(file, "[\n" + ",\n".join(lines) + "\n]\n", keeps_readers=True)
    except OSError as error:
        raise ConfigError(f"{file}: can't be written: {error.strerror}") from None


class KeysFile:
    """The keys of a file, kept up to date by calling `refresh`.

    A file that can't be read or understood changes nothing: the last good keys stay, and the log says so once.
    """

    def __init__(self, file: Path) -> None:
        """Raises ConfigError if the file is not good."""
        self._file = file
        self._signature = self._stat()
        self._keys = read_keys(file)
        self._next_check = float("-inf")
        if self._signature is not None and self._signature[-1] & stat.S_IROTH:
            _log.warning("%s can be read by every user of this machine; make it private: chmod o-r", file)

    @property
    def keys(self) -> Keys:
        """As of the last `refresh`; never touches the disk."""
        return self._keys

    def refresh(self, *, now: float) -> bool:
        """Reads the file again if it has changed; True if the keys are new.  `now` is monotonic seconds.

        Looks at the disk at most once in CHECK_INTERVAL_S, so it may be called as often as one likes, in a thread.
        """
        if now < self._next_check:
            return False
        self._next_check = now + CHECK_INTERVAL_S
        signature = self._stat()
        if signature == self._signature:
            return False
        self._signature = signature
        try:
            keys = read_keys(self._file)
        except ConfigError as error:
            _log.error("%s; the keys read before stay in use", error.message)
            return False
        if keys == self._keys:
            return False
        self._keys = keys
        _log.info("signing keys: %s signs, %d verify", keys.active.id, len(keys.live))
        return True

    def _stat(self) -> tuple[int, int, int, int] | None:
        try:
            known = self._file.stat()
        except OSError:
            return None
        return known.st_mtime_ns, known.st_size, known.st_ino, stat.S_IMODE(known.st_mode)
