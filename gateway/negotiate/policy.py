"""Orders the ways of watching for one viewer of one camera, and says why the others are missing (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.negotiate.codecs import mse_plays, webrtc_plays
from gateway.negotiate.modes import DELAY_S
from gateway.negotiate.wishes import CandidateType, Device, RungName, Wishes

_TIMEOUT_S: Final = {RungName.WEBRTC: 2.0, RungName.MSE: 2.0, RungName.LL_HLS: 4.0, RungName.HLS: 6.0}
_OPENING_S: Final = 10.0
_SLOW: Final = frozenset({"slow-2g", "2g", "3g"})

IceServer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rung is served; `url` is complete and signed, `latency_s` how far behind the camera it plays there.

    `segment_s` is how much comes at once, and so how long somebody may wait for the first of it.
    """

    url: str = field(repr=False)
    latency_s: float
    expires_at: float | None = None
    segment_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the camera's stream can't take a rung, whoever watches."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is to choose from.

    `places` has the rungs that the gateway offers at all.  `video` is an RFC 6381 string, None while it is not known
    (an idle camera): then the viewer is believed able.  `ice_servers` are TURN servers for this viewer.
    `bitrate_bps` is what the camera sends now, 0 where that is not known.  `outage` is why it sends no pictures just
    now, which changes nothing about what there is to try.
    """

    places: Mapping[RungName, Place]
    video: str | None = None
    obstacles: Mapping[RungName, Obstacle] = field(default_factory=dict)
    ice_servers: tuple[IceServer, ...] = field(default=(), repr=False)
    idle: bool = False
    bitrate_bps: int = 0
    outage: str | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """One way of watching: to be given up after `timeout_s` without a picture, `latency_s` behind the camera."""

    rung: RungName
    place: Place
    timeout_s: float
    latency_s: float
    ice_servers: tuple[IceServer, ...] = field(default=(), repr=False)
    candidates: tuple[CandidateType, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """A way of watching that this viewer does not get.

    `code`: `config` (switched off here), `not_allowed` (the viewer's own wish), `browser` (it can't do this at all),
    `codec` (it can't decode what the camera sends), or what the camera's stream lacks.
    """

    rung: RungName
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Rungs in the order of trying, and what is missing.

    `message` is one sentence: where nothing is left what helps, else why none of them will show pictures just now.
    """

    rungs: tuple[Rung, ...]
    absent: tuple[Absent, ...]
    message: str | None = None


def negotiate(wishes: Wishes, supply: Supply) -> Plan:
    """Every rung is either in the plan or absent with its reason."""
    rungs: list[Rung] = []
    absent: list[Absent] = []
    for name in RungName:
        missing = _missing(name, wishes, supply)
        if missing is None:
            rungs.append(_rung(name, wishes, supply))
        else:
            absent.append(missing)
    # What failed here a moment ago stays in the plan, at its end: the viewer probes it while something else plays.
    ordered = sorted(rungs, key=lambda rung: rung.rung in wishes.failed)
    return Plan(tuple(ordered), tuple(absent), supply.outage if ordered else _advice(absent, supply.video))


def _rung(name: RungName, wishes: Wishes, supply: Supply) -> Rung:
    place = supply.places[name]
    timeout_s = _TIMEOUT_S[name] + place.segment_s
    # A browser's guess at its network is too rough to take a rung away for, and too good to be told "no picture" by.
    narrow = wishes.downlink_bps is not None and wishes.downlink_bps < supply.bitrate_bps
    if narrow or wishes.network in _SLOW or wishes.device is Device.LOW_END:
        timeout_s *= 2
    if supply.idle:
        # The gateway has to open the camera first.
        timeout_s += _OPENING_S
    latency_s = max(place.latency_s, DELAY_S[wishes.mode])
    if name is not RungName.WEBRTC:
        return Rung(name, place, timeout_s, latency_s)
    relayed = CandidateType.RELAY in wishes.candidates
    candidates = tuple(
        kind
        for kind in CandidateType
        if kind in wishes.candidates and (kind is not CandidateType.RELAY or _relays(supply))
    )
    return Rung(name, place, timeout_s, latency_s, supply.ice_servers if relayed else (), candidates)


def _relays(supply: Supply) -> bool:
    return bool(supply.ice_servers)


def _missing(name: RungName, wishes: Wishes, supply: Supply) -> Absent | None:
    if name not in wishes.allow:
        return Absent(name, "not_allowed", "The page asked not to use this")
    if name not in supply.places:
        return Absent(name, "config", f"{_TITLES[name]} is switched off on this gateway")
    obstacle = supply.obstacles.get(name)
    if obstacle is not None:
        return Absent(name, obstacle.code, obstacle.message)
    if name is RungName.WEBRTC:
        return _missing_webrtc(wishes, supply)
    return _missing_mp4(name, wishes, supply)


def _missing_webrtc(wishes: Wishes, supply: Supply) -> Absent | None:
    if wishes.webrtc is not None and not wishes.webrtc:
        return Absent(RungName.WEBRTC, "browser", "This browser has no WebRTC, or it is switched off")
    if supply.video is not None and not webrtc_plays(wishes.webrtc, supply.video):
        return Absent(RungName.WEBRTC, "codec", f"This browser can't decode {_family(supply.video)} over WebRTC")
    usable = wishes.candidates - (frozenset() if _relays(supply) else {CandidateType.RELAY})
    if usable:
        return None
    if wishes.candidates:
        message = "The page allows relayed connections only, and no TURN server is configured: set webrtc.turn"
        return Absent(RungName.WEBRTC, "config", message)
    return Absent(RungName.WEBRTC, "not_allowed", "The page allows no kind of candidate")


def _missing_mp4(name: RungName, wishes: Wishes, supply: Supply) -> Absent | None:
    native = wishes.native_hls and name in (RungName.LL_HLS, RungName.HLS)
    if native:
        # Every browser that plays HLS by itself decodes H.264 in hardware; it does not list codecs.
        return None
    if wishes.mse is not None and not wishes.mse:
        return Absent(name, "browser", "This browser has no Media Source Extensions")
    if supply.video is not None and not mse_plays(wishes.mse, supply.video):
        return Absent(name, "codec", f"This browser can't decode {_family(supply.video)} ({supply.video})")
    return None


_BROWSERS: Final = "use a current Chrome, Edge, Firefox or Safari"

_TITLES: Final = {
    RungName.WEBRTC: "WebRTC",
    RungName.MSE: "Video over the WebSocket",
    RungName.LL_HLS: "Low-latency HLS",
    RungName.HLS: "HLS",
}


def _family(codec: str) -> str:
    return {"avc1": "H.264", "avc3": "H.264", "hvc1": "H.265", "hev1": "H.265", "av01": "AV1"}.get(
        codec.partition(".")[0], codec
    )


def _advice(absent: list[Absent], video: str | None) -> str:
    """One sentence for the cause that somebody can do most about."""
    codes = {missing.code: missing for missing in absent}
    served = [missing for missing in absent if missing.code not in ("config", "not_allowed")]
    if not served:
        if "not_allowed" in codes:
            return "The page asked for none of the ways of watching that this gateway offers; allow another rung."
        return "Every way of watching is switched off on this gateway; ask whoever runs it to set hls.mode: embedded."
    camera = next((missing for missing in served if missing.code not in ("browser", "codec")), None)
    if camera is not None:
        return camera.message
    decode = next((missing for missing in served if missing.code == "codec"), None)
    if decode is not None:
        if video is not None and _family(video) == "H.264":
            return f"{decode.message}; {_BROWSERS}."
        return f"{decode.message}. Switch the camera's sub-stream to H.264, or use another browser."
    return f"This browser can play none of what this gateway offers; {_BROWSERS}."
