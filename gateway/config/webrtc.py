"""The section `webrtc`: the media port, what viewers are told about it, and a TURN server (pure)."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from gateway.config.hosts import address_of, checked_host
from gateway.config.section import Section
from gateway.config.values import separated

DEFAULT_WEBRTC_PORT: Final = 8190


def _checked_advertised(text: str) -> str:
    if text.startswith("stun:"):
        host, separator, port = text.removeprefix("stun:").rpartition(":")
        if separator and port.isascii() and port.isdigit():
            if not 0 < int(port) < 65536:
                raise ValueError("must end in a port, a number from 1 to 65535")
        else:
            host = text.removeprefix("stun:")
        checked_host(host)
        return text
    address = address_of(checked_host(text))
    if address is not None and (address.is_unspecified or address.is_multicast):
        raise ValueError("is not an address that a browser can reach")
    return text


_TURN_URL = re.compile(
    r"turns?:(?P<host>\[[0-9A-Fa-f:.]+\]|[^:?]+)(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?:udp|tcp))?"
)


def _turn_url(text: str) -> str:
    parts = _TURN_URL.fullmatch(text)
    if parts is None or not 0 < int(parts["port"] or 1) < 65536:
        raise ValueError(
            "must be turn:HOST[:PORT] or turns:HOST[:PORT], with ?transport=udp or ?transport=tcp if need be"
        )
    checked_host(parts["host"].strip("[]"))
    return text


class TurnConfig(Section):
    """A TURN server (coturn with `use-auth-secret`) for viewers whom no direct way reaches; both or neither."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(_turn_url)], ...], BeforeValidator(separated), Field(max_length=8)
    ] = ()
    secret: str | None = Field(None, min_length=16, max_length=256, repr=False, validate_default=True)

    @field_validator("secret")
    @classmethod
    def _both(cls, secret: str | None, info: ValidationInfo) -> str | None:
        if "urls" in info.data and (secret is None) == bool(info.data["urls"]):
            raise ValueError("webrtc.turn needs both urls and secret")
        return secret


class WebRtcConfig(Section):
    """The media port, UDP and TCP alike, and what viewers are told about it."""

    port: int = Field(DEFAULT_WEBRTC_PORT, ge=0, le=65535)
    advertise: Annotated[
        tuple[Annotated[str, AfterValidator(_checked_advertised)], ...], BeforeValidator(separated)
    ] = ()
    max_viewers: int = Field(1000, ge=1, le=100_000)
    max_viewers_per_camera: int = Field(500, ge=1, le=100_000)
    turn: TurnConfig = TurnConfig()
