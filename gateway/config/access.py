"""The section `access`: who may watch, and how they show it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.access.hashes import parse_api_key_hash, parse_password_hash
from gateway.access.patterns import parse_pattern
from gateway.access.scopes import Scope
from gateway.config.durations import parse_duration
from gateway.config.origins import parse_origin
from gateway.config.section import Section
from gateway.config.values import none, separated

ADMIN_NAME: Final = "admin"
MIN_AGE_S: Final = 60.0
MAX_AGE_S: Final = 3600.0

_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


class AccessMode(StrEnum):
    """Who may watch: those who signed in, or everybody who reaches the address."""

    REQUIRED = "required"
    OPEN = "open"


_Patterns = Annotated[
    tuple[Annotated[str, AfterValidator(parse_pattern)], ...], BeforeValidator(separated), Field(min_length=1)
]
_Scopes = Annotated[frozenset[Scope], BeforeValidator(separated), Field(min_length=1)]


class UserConfig(Section):
    """A person with a password."""

    hash: Annotated[str, AfterValidator(parse_password_hash)] = Field(repr=False)
    cameras: _Patterns
    scopes: _Scopes | None = None

    def scopes_of(self, name: str) -> frozenset[Scope]:
        """What is written; else view and sign, and for the user called admin everything."""
        if self.scopes is not None:
            return self.scopes
        return frozenset(Scope) if name == ADMIN_NAME else frozenset({Scope.VIEW, Scope.SIGN})


class ApiKeyConfig(Section):
    """A program with an API key."""

    hash: Annotated[str, AfterValidator(parse_api_key_hash)] = Field(repr=False)
    cameras: _Patterns
    scopes: _Scopes = frozenset({Scope.VIEW})


def _account_name(text: str) -> str:
    if not _ACCOUNT_NAME.fullmatch(text):
        raise ValueError("a name has 1 to 64 letters A-Z a-z, digits, '_', '.', '-', '@'")
    return text


def _max_age_s(value: object) -> float:
    seconds = float(value) if isinstance(value, int | float) else parse_duration(str(value))
    if not MIN_AGE_S <= seconds <= MAX_AGE_S:
        raise ValueError("must be from 1m to 1h")
    return seconds


AccountName = Annotated[str, AfterValidator(_account_name)]


class AccessConfig(Section):
    """Who may watch: without more being said those who signed in, whatever the address."""

    mode: AccessMode = AccessMode.REQUIRED
    users: Annotated[Mapping[AccountName, UserConfig], AfterValidator(MappingProxyType)] = Field(default_factory=none)
    api_keys: Annotated[Mapping[AccountName, ApiKeyConfig], AfterValidator(MappingProxyType)] = Field(
        default_factory=none
    )
    keys_file: Path | None = None
    max_age: Annotated[float, BeforeValidator(_max_age_s)] = MAX_AGE_S
    """The longest time, in seconds, that an address may be signed for."""
    origins: Annotated[tuple[Annotated[str, AfterValidator(parse_origin)], ...], BeforeValidator(separated)] = ()
    writes_per_s: int = Field(10, ge=0, le=10_000)
    """POST, PUT, PATCH and DELETE of one address, six times as many at once; 0 for no limit."""
