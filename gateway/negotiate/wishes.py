"""What a viewer says it can do, read from the JSON of `negotiate` (pure; protocol.md, Negotiate)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from gateway.errors import BadRequest
from gateway.negotiate.modes import Mode

VERSION: Final = 1
MAX_ITEMS: Final = 64
MAX_TEXT: Final = 128
_LONGEST_AGE_S: Final = 30 * 86400.0
_MOST_BPS: Final = 1e12


class RungName(StrEnum):
    """The ways of watching, the quickest first."""

    WEBRTC = "webrtc"
    MSE = "mse"
    LL_HLS = "ll-hls"
    HLS = "hls"


class CandidateType(StrEnum):
    """How WebRTC's packets may travel."""

    UDP = "udp"
    TCP = "tcp"
    RELAY = "relay"


class Device(StrEnum):
    """How strong the viewer's machine is; what does not say counts as a desktop."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
    TV = "tv"
    LOW_END = "low-end"


@dataclass(frozen=True, slots=True)
class Failure:
    """A rung that did not work on the network the viewer is on now, `age_s` seconds ago."""

    rung: RungName
    reason: str
    age_s: float


@dataclass(frozen=True, slots=True)
class Wishes:
    """A viewer's capabilities and wishes.

    `webrtc` and `mse` are codecs as the browser names them (`h264/42e01f`, `avc1.640028`); None where it did not say,
    which is taken for "whatever the camera sends".  `downlink_bps` is None where it is not known.
    """

    mode: Mode = Mode.ULTRA_LOW
    webrtc: frozenset[str] | None = None
    mse: frozenset[str] | None = None
    native_hls: bool = False
    device: Device = Device.DESKTOP
    network: str | None = None
    downlink_bps: float | None = None
    failures: tuple[Failure, ...] = ()
    allow: frozenset[RungName] = frozenset(RungName)
    candidates: frozenset[CandidateType] = frozenset(CandidateType)


def parse_wishes(value: object) -> Wishes:
    """Read a request; raises BadRequest with the key that is wrong.

    Keys that are not known are ignored: a page may be newer than its gateway.
    """
    if not isinstance(value, dict):
        raise BadRequest("negotiate: must be an object")
    version = value.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        raise BadRequest(f"version: this gateway understands version {VERSION}", code="unknown_version")
    network = _object(value, "network")
    return Wishes(
        mode=_word(value, "mode", Mode, Mode.ULTRA_LOW),
        webrtc=_codecs(value, "webrtc"),
        mse=_codecs(value, "mse"),
        native_hls=_flag(value, "native_hls"),
        device=_word(value, "device", Device, Device.DESKTOP),
        network=_text("network.type", network.get("type")) if "type" in network else None,
        downlink_bps=_number(network, "network.downlink_bps", most=_MOST_BPS),
        failures=tuple(_failure(item, index) for index, item in enumerate(_list(value, "failures"))),
        allow=_words(value, "allow", RungName),
        candidates=_words(value, "candidates", CandidateType),
    )


_Word = TypeVar("_Word", bound=StrEnum)


def _word(value: Mapping[str, Any], key: str, words: type[_Word], default: _Word) -> _Word:
    found = value.get(key)
    if found is None:
        return default
    return _one_of(key, found, words)


def _one_of(key: str, found: object, words: type[_Word]) -> _Word:
    try:
        return words(str(found))
    except ValueError:
        raise BadRequest(f"{key}: must be one of {', '.join(words)}") from None


def _words(value: Mapping[str, Any], key: str, words: type[_Word]) -> frozenset[_Word]:
    if value.get(key) is None:
        return frozenset(words)
    return frozenset(_one_of(key, item, words) for item in _list(value, key))


def _codecs(value: Mapping[str, Any], key: str) -> frozenset[str] | None:
    if value.get(key) is None:
        return None
    return frozenset(_text(key, item).lower() for item in _list(value, key))


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MAX_ITEMS:
        raise BadRequest(f"{key}: must be a list of at most {MAX_ITEMS}")
    return found


def _object(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRequest(f"{key}: must be an object")
    return found


def _text(key: str, found: object) -> str:
    if not isinstance(found, str) or not 0 < len(found) <= MAX_TEXT or not found.isprintable():
        raise BadRequest(f"{key}: must be text of 1 to {MAX_TEXT} characters")
    return found


def _flag(value: Mapping[str, Any], key: str) -> bool:
    found = value.get(key)
    if found is None:
        return False
    if not isinstance(found, bool):
        raise BadRequest(f"{key}: must be true or false")
    return found


def _number(value: Mapping[str, Any], key: str, *, most: float) -> float | None:
    found = value.get(key.rpartition(".")[2])
    if found is None:
        return None
    # JSON's numbers may be beyond what a float holds, and Python also reads NaN and Infinity.
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= most or math.isnan(found):
        raise BadRequest(f"{key}: must be a number from 0 to {most:.0f}")
    return float(found)


def _failure(item: object, index: int) -> Failure:
    key = f"failures[{index}]"
    if not isinstance(item, dict):
        raise BadRequest(f"{key}: must be an object")
    age_s = _number(item, f"{key}.age_s", most=_LONGEST_AGE_S)
    if age_s is None:
        raise BadRequest(f"{key}.age_s: say how many seconds ago it failed")
    return Failure(
        _one_of(f"{key}.rung", item.get("rung"), RungName), _text(f"{key}.reason", item.get("reason")), age_s
    )
