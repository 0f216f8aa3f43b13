"""Which addresses of this machine a viewer is told to try (RFC 8445 section 5.1)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence

import ifaddr
from aioice import Candidate

_UDP_TYPE_PREFERENCE = 126
_TCP_TYPE_PREFERENCE = 90
"""Below every UDP candidate: TCP is for viewers whose UDP is blocked (RFC 6544 section 4.2)."""

_TCP_PASSIVE_DIRECTION = 4
_MAX_CANDIDATES = 16

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def host_literal(host_header: str | None) -> IpAddress | None:
    """The address in a request's Host header, None when it holds a name; `localhost` means 127.0.0.1.

    Where the viewer's browser reached the page, media will most likely reach us too; behind docker it is the
    only address that means anything outside.
    """
    if not host_header:
        return None
    host = host_header.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    if host == "localhost":
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def interface_addresses() -> list[IpAddress]:
    """Addresses of this machine's interfaces that another machine could use; loopback and link-local left out."""
    found: list[IpAddress] = []
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            text = address.ip if isinstance(address.ip, str) else address.ip[0]
            parsed = ipaddress.ip_address(text.partition("%")[0])
            if not (parsed.is_loopback or parsed.is_link_local or parsed.is_multicast):
                found.append(parsed)
    return found


def resolve(names: Iterable[str]) -> list[IpAddress]:
    """The addresses of `advertise` entries; blocks while names are looked up, raises OSError for unknown ones."""
    found: list[IpAddress] = []
    for name in names:
        for *_, address in socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM):
            found.append(ipaddress.ip_address(str(address[0]).partition("%")[0]))
    return found


def host_candidates(addresses: Sequence[IpAddress], port: int) -> list[Candidate]:
    """UDP and passive TCP host candidates, first the most preferred; duplicates and surplus left out."""
    chosen = list(dict.fromkeys(addresses))[:_MAX_CANDIDATES]
    udp = [_candidate(address, port, place, protocol="udp") for place, address in enumerate(chosen)]
    tcp = [_candidate(address, port, place, protocol="tcp") for place, address in enumerate(chosen)]
    return udp + tcp


def _candidate(address: IpAddress, port: int, place: int, *, protocol: str) -> Candidate:
    udp = protocol == "udp"
    # RFC 8445 section 5.1.2.1; for TCP the local preference begins with the direction (RFC 6544 section 4.2).
    local = 65_535 - place if udp else (_TCP_PASSIVE_DIRECTION << 13) | (8191 - place)
    preference = _UDP_TYPE_PREFERENCE if udp else _TCP_TYPE_PREFERENCE
    return Candidate(
        foundation=f"{protocol[0]}{place}",
        component=1,
        transport=protocol,
        priority=(preference << 24) | (local << 8) | 255,
        host=str(address),
        port=port,
        type="host",
        tcptype=None if udp else "passive",
    )
