"""The shape of the configuration: its keys, their defaults and limits, in sections (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from gateway.config.access import AccessConfig, AccessMode
from gateway.config.durations import parse_duration
from gateway.config.edges import EdgesConfig
from gateway.config.hosts import Listen
from gateway.config.mediamtx import MediaMtxConfig
from gateway.config.public_url import PublicUrl
from gateway.config.section import Section
from gateway.config.urls import SCHEMES, CameraUrl
from gateway.config.values import none, separated
from gateway.config.webrtc import WebRtcConfig
from gateway.names import check_prefix_free, parse_camera_name

DEFAULT_HTTP_PORT: Final = 8080


class Transport(StrEnum):
    """How a camera's RTP travels: inside the RTSP connection, or as datagrams."""

    TCP = "tcp"
    UDP = "udp"


class ClockSource(StrEnum):
    """Whose wall clock dates a camera's pictures; `auto` trusts the camera's within 2 s of ours."""

    AUTO = "auto"
    CAMERA = "camera"
    GATEWAY = "gateway"


class CameraConfig(Section):
    """One camera; a plain address stands for `source` alone."""

    source: CameraUrl
    substream: CameraUrl | None = None
    transport: Transport = Transport.TCP
    on_demand: bool = False
    enabled: bool = True
    clock: ClockSource = ClockSource.AUTO


class HlsMode(StrEnum):
    """Who makes HLS: the gateway itself; MediaMTX beside it, and the gateway while that is away; nobody."""

    EMBEDDED = "embedded"
    MEDIAMTX = "mediamtx"
    OFF = "off"


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else parse_duration(str(value))


class HlsConfig(Section):
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


class TlsConfig(Section):
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
    tuple[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)], ...], BeforeValidator(separated)
]


def _scheme(text: str) -> str:
    if text not in SCHEMES:
        raise ValueError(f"must be one of: {', '.join(SCHEMES)}")
    return text


class SourcesConfig(Section):
    """What cameras may be added while the gateway runs, over the API."""

    by_api: bool = False
    schemes: Annotated[tuple[Annotated[str, AfterValidator(_scheme)], ...], BeforeValidator(separated)] = SCHEMES
    networks: _Networks = ()
    """Where such cameras may be; without any every address but those of the machine itself and of its cloud."""


def _long_form(value: object) -> object:
    return {"source": value} if isinstance(value, str | CameraUrl) else value


CameraName = Annotated[str, AfterValidator(parse_camera_name)]
CameraEntry = Annotated[CameraConfig, BeforeValidator(_long_form)]


class Config(Section):
    """All of `gateway.yml`; later layers (environment, command line) are already in it."""

    access: AccessConfig = Field(default_factory=AccessConfig)
    listen: Annotated[Listen, BeforeValidator(Listen.parse)] = Listen("127.0.0.1", DEFAULT_HTTP_PORT)
    cameras: Annotated[Mapping[CameraName, CameraEntry], AfterValidator(MappingProxyType)] = Field(default_factory=none)
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
