"""Forms of values that several sections have in common (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def separated(value: object) -> object:
    """One string is a list separated by commas, as an environment variable has to write it."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def none() -> Mapping[str, Any]:
    return MappingProxyType({})
