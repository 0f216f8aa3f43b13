"""Reads JSON that came from outside, value by value; what is wrong is said with its key (pure)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from gateway.errors import BadRequest

MAX_ITEMS: Final = 64
MAX_TEXT: Final = 128

Word = TypeVar("Word", bound=StrEnum)


def parse_json(body: str) -> Any:
    """The value of a body; raises BadRequest for what is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON") from None


def word(value: Mapping[str, Any], key: str, words: type[Word], default: Word) -> Word:
    """One of `words`; `default` where nothing is said."""
    found = value.get(key)
    return default if found is None else one_of(key, found, words)


def one_of(key: str, found: object, words: type[Word]) -> Word:
    """One of `words`."""
    try:
        return words(str(found))
    except ValueError:
        raise BadRequest(f"{key}: must be one of {', '.join(words)}") from None


def words(value: Mapping[str, Any], key: str, known: type[Word]) -> frozenset[Word]:
    """Some of `known`; all where nothing is said."""
    if value.get(key) is None:
        return frozenset(known)
    return frozenset(one_of(key, item, known) for item in items(value, key))


def items(value: Mapping[str, Any], key: str) -> list[Any]:
    """A list of at most MAX_ITEMS, empty where nothing is said."""
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MAX_ITEMS:
        raise BadRequest(f"{key}: must be a list of at most {MAX_ITEMS}")
    return found


def mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object, empty where nothing is said."""
    found = value.get(key)
    return {} if found is None else as_mapping(key, found)


def as_mapping(key: str, found: object) -> Mapping[str, Any]:
    """An object; `key` is what to call it."""
    if not isinstance(found, dict):
        raise BadRequest(f"{key}: must be an object")
    return found


def text(key: str, found: object) -> str:
    """Printable text of at most MAX_TEXT characters."""
    if not isinstance(found, str) or not 0 < len(found) <= MAX_TEXT or not found.isprintable():
        raise BadRequest(f"{key}: must be text of 1 to {MAX_TEXT} characters")
    return found


def flag(value: Mapping[str, Any], key: str) -> bool:
    """True or false; false where nothing is said."""
    found = value.get(key)
    if found is None:
        return False
    if not isinstance(found, bool):
        raise BadRequest(f"{key}: must be true or false")
    return found


def number(value: Mapping[str, Any], key: str, *, most: float) -> float | None:
    """A number from 0 to `most` by the last part of `key`; None where nothing is said."""
    found = value.get(key.rpartition(".")[2])
    if found is None:
        return None
    # JSON's numbers may be beyond what a float holds, and Python also reads NaN and Infinity.
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= most or math.isnan(found):
        raise BadRequest(f"{key}: must be a number from 0 to {most:.0f}")
    return float(found)
