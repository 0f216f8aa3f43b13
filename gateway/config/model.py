"""The shape of the configuration: every key, its default and its limits (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from gateway.access.hashes import parse_api_key_hash, parse_password_hash
from gateway.access.patterns import parse_pattern
from gateway.access.scopes import Scope
from gateway.config.durations import parse_duration
from gateway.config.edges import EdgesConfig
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.origins import parse_origin
from gateway.config.public_url import PublicUrl
from gateway.config.section import Section as _Section
from gateway.config.urls import SCHEMES, CameraUrl
from gateway.names import check_prefix_free, parse_camera_name

DEFAULT_HTTP_PORT: Final = 8080
DEFAULT_WEBRTC_PORT: Final = 8190
ADMIN_NAME: Final = "admin"
MIN_AGE_S: Final = 60.0
MAX_AGE_S: Final = 3600.0

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*"
)
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


class Transport(StrEnum):
    """How a camera's RTP travels: inside the RTSP connection, or as datagrams."""

    TCP = "tcp"
    UDP = "udp"


class ClockSource(StrEnum):
    """Whose wall clock dates a camera's pictures; `auto` trusts the camera's within 2 s of ours (design.md §3.10)."""

    AUTO = "auto"
    CAMERA = "camera"
    GATEWAY = "gateway"


class AccessMode(StrEnum):
    """Who may watch: those who signed in, or everybody who reaches the address."""

    REQUIRED = "required"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to serve on; port 0 takes any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: object) -> Self:
        """From `HOST:PORT`, IPv6 in brackets; ValueError with what to write instead."""
        if isinstance(text, cls):
            return text
        host, separator, port = str(text).rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        bare = host[1:-1] if bracketed else host
        if not separator or not bare or (":" in bare) != bracketed:
            raise ValueError("must be HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080")
        if not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError("must end in a port, a number from 0 to 65535")
        return cls(_checked_host(bare), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _checked_host(text: str) -> str:
    if _address(text) is None and (not _HOST_NAME.fullmatch(text) or text.rpartition(".")[2].isdigit()):
        raise ValueError("must be an IP address or a host name")
    return text


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _checked_advertised(text: str) -> str:
    if text.startswith("stun:"):
        host, separator, port = text.removeprefix("stun:").rpartition(":")
        if separator and port.isascii() and port.isdigit():
            if not 0 < int(port) < 65536:
                raise ValueError("must end in a port, a number from 1 to 65535")
        else:
            host = text.removeprefix("stun:")
        _checked_host(host)
        return text
    address = _address(_checked_host(text))
    if address is not None and (address.is_unspecified or address.is_multicast):
        raise ValueError("is not an address that a browser can reach")
    return text


def _separated(value: object) -> object:
    """One string is a list separated by commas, as an environment variable has to write it."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


class CameraConfig(_Section):
    """One camera; a plain address stands for `source` alone."""

    source: CameraUrl
    substream: CameraUrl | None = None
    transport: Transport = Transport.TCP
    on_demand: bool = False
    enabled: bool = True
    clock: ClockSource = ClockSource.AUTO


_TURN_URL = re.compile(
    r"turns?:(?P<host>\[[0-9A-Fa-f:.]+\]|[^:?]+)(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?:udp|tcp))?"
)


def _turn_url(text: str) -> str:
    parts = _TURN_URL.fullmatch(text)
    if parts is None or not 0 < int(parts["port"] or 1) < 65536:
        raise ValueError(
            "must be turn:HOST[:PORT] or turns:HOST[:PORT], with ?transport=udp or ?transport=tcp if need be"
        )
    _checked_host(parts["host"].strip("[]"))
    return text


class TurnConfig(_Section):
    """A TURN server (coturn with `use-auth-secret`) for viewers whom no direct way reaches; both or neither."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(_turn_url)], ...], BeforeValidator(_separated), Field(max_length=8)
    ] = ()
    secret: str | None = Field(None, min_length=16, max_length=256, repr=False, validate_default=True)

    @field_validator("secret")
    @classmethod
    def _both(cls, secret: str | None, info: ValidationInfo) -> str | None:
        if "urls" in info.data and (secret is None) == bool(info.data["urls"]):
            raise ValueError("webrtc.turn needs both urls and secret")
        return secret


class WebRtcConfig(_Section):
    """The media port, UDP and TCP alike, and what viewers are told about it."""

    port: int = Field(DEFAULT_WEBRTC_PORT, ge=0, le=65535)
    advertise: Annotated[
        tuple[Annotated[str, AfterValidator(_checked_advertised)], ...], BeforeValidator(_separated)
    ] = ()
    max_viewers: int = Field(1000, ge=1, le=100_000)
    max_viewers_per_camera: int = Field(500, ge=1, le=100_000)
    turn: TurnConfig = TurnConfig()


class HlsMode(StrEnum):
    """Who makes HLS: the gateway itself; MediaMTX beside it, and the gateway while that is away; nobody."""

    EMBEDDED = "embedded"
    MEDIAMTX = "mediamtx"
    OFF = "off"


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else parse_duration(str(value))


class HlsConfig(_Section):
    """HTTP Live Streaming, low-latency.  Lengths in seconds."""

    mode: HlsMode = HlsMode.EMBEDDED
    segment: Annotated[float, BeforeValidator(_seconds), Field(ge=0.5, le=10)] = 1.0
    part: Annotated[float, BeforeValidator(_seconds), Field(ge=0.05, le=2)] = 0.17
    segments: int = Field(12, ge=7, le=100)
    always: bool = False

    @field_validator("mode", mode="before")
    @classmethod
    def _word(cls, value: object) -> object:
        # YAML reads a bare off as false.
        return HlsMode.OFF if value is False else value

    @field_validator("part")
    @classmethod
    def _fit(cls, part: float, info: ValidationInfo) -> float:
        segment = info.data.get("segment")
        if segment is not None and part * 2 > segment:
            raise ValueError("must be at most half of hls.segment")
        return part


_Patterns = Annotated[
    tuple[Annotated[str, AfterValidator(parse_pattern)], ...], BeforeValidator(_separated), Field(min_length=1)
]
_Scopes = Annotated[frozenset[Scope], BeforeValidator(_separated), Field(min_length=1)]


class UserConfig(_Section):
    """A person with a password."""

    hash: Annotated[str, AfterValidator(parse_password_hash)] = Field(repr=False)
    cameras: _Patterns
    scopes: _Scopes | None = None

    def scopes_of(self, name: str) -> frozenset[Scope]:
        """What is written; else view and sign, and for the user called admin everything."""
        if self.scopes is not None:
            return self.scopes
        return frozenset(Scope) if name == ADMIN_NAME else frozenset({Scope.VIEW, Scope.SIGN})


class ApiKeyConfig(_Section):
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


class AccessConfig(_Section):
    """Who may watch: without more being said those who signed in, whatever the address (design.md §3.8)."""

    mode: AccessMode = AccessMode.REQUIRED
    users: Annotated[Mapping[AccountName, UserConfig], AfterValidator(MappingProxyType)] = Field(default_factory=_none)
    api_keys: Annotated[Mapping[AccountName, ApiKeyConfig], AfterValidator(MappingProxyType)] = Field(
        default_factory=_none
    )
    keys_file: Path | None = None
    max_age: Annotated[float, BeforeValidator(_max_age_s)] = MAX_AGE_S
    """The longest time, in seconds, that an address may be signed for."""
    origins: Annotated[tuple[Annotated[str, AfterValidator(parse_origin)], ...], BeforeValidator(_separated)] = ()
    writes_per_s: int = Field(10, ge=0, le=10_000)
    """POST, PUT, PATCH and DELETE of one address, six times as many at once; 0 for no limit."""


class TlsConfig(_Section):
    """Certificate chain and private key, as PEM files; both or neither."""

    cert: Path | None = None
    key: Path | None = Field(None, validate_default=True)

    @field_validator("key")
    @classmethod
    def _both(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("cert") is None):
            raise ValueError("tls needs both cert and key")
        return key

    @property
    def files(self) -> tuple[Path, Path] | None:
        """Certificate and key, None where the gateway itself speaks plain HTTP."""
        return None if self.cert is None or self.key is None else (self.cert, self.key)


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value).strip())
    except ValueError:
        raise ValueError("must be an address or a network, such as 10.0.0.0/8 or fd00::/8") from None


_Networks = Annotated[
    tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...], BeforeValidator(_separated)
]


def _scheme(text: str) -> str:
    if text not in SCHEMES:
        raise ValueError(f"must be one of: {', '.join(SCHEMES)}")
    return text


class SourcesConfig(_Section):
    """What cameras may be added while the gateway runs, over the API."""

    by_api: bool = False
    schemes: Annotated[tuple[Annotated[str, AfterValidator(_scheme)], ...], BeforeValidator(_separated)] = SCHEMES
    networks: _Networks = ()
    """Where such cameras may be; without any every address but those of the machine itself and of its cloud."""


def _long_form(value: object) -> object:
    return {"source": value} if isinstance(value, str | CameraUrl) else value


CameraName = Annotated[str, AfterValidator(parse_camera_name)]
CameraEntry = Annotated[CameraConfig, BeforeValidator(_long_form)]


class Config(_Section):
    """All of `gateway.yml`; later layers (environment, command line) are already in it."""

    access: AccessConfig = Field(default_factory=AccessConfig)
    listen: Annotated[Listen, BeforeValidator(Listen.parse)] = Listen("127.0.0.1", DEFAULT_HTTP_PORT)
    cameras: Annotated[Mapping[CameraName, CameraEntry], AfterValidator(MappingProxyType)] = Field(
        default_factory=_none
    )
    webrtc: WebRtcConfig = WebRtcConfig()
    hls: HlsConfig = HlsConfig()
    tls: TlsConfig = TlsConfig()
    public_url: PublicUrl | None = None
    trusted_proxies: _Networks = ()
    sources: SourcesConfig = SourcesConfig()
    mediamtx: Annotated[MediaMtxConfig, Field(validate_default=True)] = MediaMtxConfig()
    edges: EdgesConfig = ()

    @field_validator("webrtc")
    @classmethod
    def _relay_for_known(cls, webrtc: WebRtcConfig, info: ValidationInfo) -> WebRtcConfig:
        access = info.data.get("access")
        if webrtc.turn.secret is not None and access is not None and access.mode is AccessMode.OPEN:
            raise ValueError("turn needs access.mode: required; in open mode the relay would be anybody's")
        return webrtc

    @field_validator("cameras")
    @classmethod
    def _keep_apart(cls, cameras: Mapping[str, CameraConfig]) -> Mapping[str, CameraConfig]:
        check_prefix_free(cameras)
        return cameras

    @field_validator("edges")
    @classmethod
    def _can_be_used(cls, edges: EdgesConfig, info: ValidationInfo) -> EdgesConfig:
        access, hls = info.data.get("access"), info.data.get("hls")
        public = info.data.get("public_url")
        if edges and access is not None and access.mode is AccessMode.OPEN:
            raise ValueError("needs access.mode: required; an edge lets nobody in who has no signed address")
        if edges and hls is not None and hls.mode is HlsMode.OFF:
            raise ValueError("needs hls.mode: embedded or mediamtx; edges pass on nothing else")
        if edges and "public_url" in info.data and public is None:
            raise ValueError("needs public_url, the address of the pages that load pictures from the edges")
        plain = next((edge.url for edge in edges if not edge.url.is_secure), None)
        if plain is not None and public is not None and public.is_secure:
            raise ValueError(f"has {plain}; from a page at https:// browsers load nothing but https://")
        return edges

    @field_validator("mediamtx")
    @classmethod
    def _suffices(cls, mediamtx: MediaMtxConfig, info: ValidationInfo) -> MediaMtxConfig:
        hls = info.data.get("hls")
        if hls is not None and hls.mode is HlsMode.MEDIAMTX:
            mediamtx.require("hls.mode: mediamtx", "hls", "public_hls", "api", "hook_secret")
        return mediamtx
