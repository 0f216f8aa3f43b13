"""Addresses and host names in the configuration: what may be one, and where to listen (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*"
)


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
        return cls(checked_host(bare), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def checked_host(text: str) -> str:
    if address_of(text) is None and (not _HOST_NAME.fullmatch(text) or text.rpartition(".")[2].isdigit()):
        raise ValueError("must be an IP address or a host name")
    return text


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
