"""What `camera-gateway sign` and `camera-gateway keys` do: values in, lines to print out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from gateway.access.api_keys import hash_api_key, new_api_key
from gateway.access.first_start import keys_path, make_folder
from gateway.access.grants import MAX_AGE_S, new_grant_id, sign_grant
from gateway.access.keyring import read_keys, rotate_keys
from gateway.access.passwords import hash_password
from gateway.access.prefixes import EVERYTHING, prefix_of
from gateway.access.urls import signed_urls
from gateway.config import Config
from gateway.config.durations import describe_duration, parse_duration
from gateway.errors import ConfigError

_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Printed:
    """Lines for standard output, and for standard error what a person should know besides."""

    lines: Sequence[str]
    notes: Sequence[str] = ()


def sign(
    config: Config, *, name: str, expires: str | None, url: str, environment: Mapping[str, str], now: float
) -> Printed:
    """Signed addresses of a camera, a site (`site1/`) or everything (`/`), below `url`; ConfigError if it can't be."""
    age_s = _age_s(expires, config.access.max_age)
    base = _checked_base(url)
    try:
        prefix = prefix_of(name)
    except ValueError as error:
        raise ConfigError(f"sign: {error}") from None
    keys = read_keys(keys_path(config.access.keys_file, environment))
    until = int(now + age_s)
    token = sign_grant(keys.active, prefix=prefix, expires=until, grant_id=new_grant_id())
    camera = None if name.endswith("/") else name
    urls = signed_urls(base, token=token, camera=camera)
    lines = [f"{kind:<9} {address}" for kind, address in urls.items()]
    notes = [warning] if (warning := keys.warning(now)) else []
    if prefix != EVERYTHING and not any(f"/{known}/".startswith(prefix) for known in config.cameras):
        notes.append(f"nothing called '{name}' is configured here; the addresses work once it is")
    return Printed([*lines, f"{'expires':<9} {_date(until)}"], notes)


def rotate(config: Config, *, environment: Mapping[str, str], now: float) -> Printed:
    """Makes a new signing key, and the file if there is none; ConfigError if it can't be written."""
    file = keys_path(config.access.keys_file, environment)
    if config.access.keys_file is None:
        make_folder(file.parent)
    done = rotate_keys(file, now=now)
    lines = [f"{done.active.id} signs from now on ({file})"]
    notes = []
    if done.previous is not None:
        lines.append(f"{done.previous.id} still verifies what it has signed")
    if done.dropped is not None and done.previous is not None:
        lines.append(f"{done.dropped.id} is no longer good")
        if now - done.previous.created < MAX_AGE_S:
            notes.append(f"addresses that {done.dropped.id} signed in the last hour stop working now")
    return Printed(lines, notes)


def list_keys(config: Config, *, environment: Mapping[str, str], now: float) -> Printed:
    """Ids and ages of the live keys, never a secret; ConfigError if there is no file."""
    keys = read_keys(keys_path(config.access.keys_file, environment))
    lines = []
    for key in keys.live:
        days = max(0, int((now - key.created) // _DAY_S))
        role = "signs" if key is keys.active else "verifies"
        lines.append(f"{key.id:<9} {role:<9} {days} day{'' if days == 1 else 's'} old")
    return Printed(lines, [warning] if (warning := keys.warning(now)) else [])


def hashed_password(password: str) -> Printed:
    """The line for `access.users.NAME.hash`; ConfigError for a password that is too short or too long."""
    try:
        return Printed([hash_password(password)])
    except ValueError as error:
        raise ConfigError(f"keys hash-password: {error}") from None


def api_key() -> Printed:
    """A new API key, and the hash of it for `access.api_keys.NAME.hash`."""
    key = new_api_key()
    return Printed([f"key       {key}", f"hash      {hash_api_key(key)}"], ["the key is shown only now; keep it safe"])


def _age_s(expires: str | None, max_age_s: float) -> float:
    if expires is None:
        return max_age_s
    try:
        age_s = parse_duration(expires)
    except ValueError as error:
        raise ConfigError(f"sign: --expires {error}") from None
    if not 1 <= age_s <= max_age_s:
        raise ConfigError(f"sign: --expires must be from 1s to {describe_duration(max_age_s)} (access.max_age)")
    return age_s


def _checked_base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ConfigError("sign: --url must be an address like https://cams.example.org/live")
    return url


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
