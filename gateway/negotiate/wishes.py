"""What a viewer says it can do, read from the JSON of `negotiate` (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.errors import BadRequest
from gateway.json_fields import as_mapping, flag, items, mapping, number, one_of, text, word, words
from gateway.negotiate.modes import Mode

VERSION: Final = 1
FORGIVEN_S: Final = 600.0
"""A rung that failed longer ago than this on the viewer's network is tried in its usual place again."""

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
    which is taken for "whatever the camera sends".  `downlink_bps` is None where it is not known.  `region` is a word
    of the configured edges'.
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
    region: str | None = None

    @property
    def failed(self) -> frozenset[RungName]:
        """What did not work on this network, and is not forgiven yet."""
        return frozenset(failure.rung for failure in self.failures if failure.age_s < FORGIVEN_S)


def parse_wishes(value: object) -> Wishes:
    """Read a request; raises BadRequest with the key that is wrong.

    Keys that are not known are ignored: a page may be newer than its gateway.
    """
    value = as_mapping("negotiate", value)
    version = value.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        raise BadRequest(f"version: this gateway understands version {VERSION}", code="unknown_version")
    network = mapping(value, "network")
    return Wishes(
        mode=word(value, "mode", Mode, Mode.ULTRA_LOW),
        webrtc=_codecs(value, "webrtc"),
        mse=_codecs(value, "mse"),
        native_hls=flag(value, "native_hls"),
        device=word(value, "device", Device, Device.DESKTOP),
        network=text("network.type", network["type"]) if network.get("type") is not None else None,
        downlink_bps=number(network, "network.downlink_bps", most=_MOST_BPS),
        failures=tuple(_failure(item, index) for index, item in enumerate(items(value, "failures"))),
        allow=words(value, "allow", RungName),
        candidates=words(value, "candidates", CandidateType),
        region=text("region", value["region"]) if value.get("region") is not None else None,
    )


def _codecs(value: Mapping[str, Any], key: str) -> frozenset[str] | None:
    if value.get(key) is None:
        return None
    return frozenset(text(key, item).lower() for item in items(value, key))


def _failure(item: object, index: int) -> Failure:
    key = f"failures[{index}]"
    failed = as_mapping(key, item)
    age_s = number(failed, f"{key}.age_s", most=_LONGEST_AGE_S)
    if age_s is None:
        raise BadRequest(f"{key}.age_s: say how many seconds ago it failed")
    return Failure(
        one_of(f"{key}.rung", failed.get("rung"), RungName), text(f"{key}.reason", failed.get("reason")), age_s
    )
