"""Where a camera that is added over the API may be, so that nobody makes the gateway ask its own machine (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

# NAT64, its local use with the longest prefix (RFC 8215), and what came before IPv4-mapped: all end with an address.
_WITH_IPV4: Final = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")
# Clouds tell whoever asks there the machine's own credentials; 169.254.169.254 is link-local anyway.
_METADATA: Final = frozenset(ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192"))


def forbidden(address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network] = ()) -> str | None:
    """Why there may be no camera at `address`, in words that go on from it; None if there may.

    `networks` are the configured ones; without any, every address is good but the machine's own, its link's, its
    cloud's or nobody's.  An IPv4 address inside an IPv6 one is judged as what it leads to.
    """
    plain = _unwrapped(address)
    if plain.is_loopback or plain.is_unspecified or plain in _THIS_NETWORK:
        return "is the gateway's own machine"
    if plain.is_link_local:
        return "is link-local, where clouds keep their secrets"
    if plain in _METADATA:
        return "is where a cloud keeps its secrets"
    if plain.is_multicast or plain == IPv4Address("255.255.255.255"):
        return "is no single machine"
    if networks and not any(plain.version == network.version and plain in network for network in networks):
        return "is outside sources.networks"
    return None


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if not address.is_loopback and any(address in network for network in _WITH_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
