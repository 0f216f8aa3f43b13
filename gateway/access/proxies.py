"""Who really asks when a proxy stands between: the client's address and scheme (pure)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

_MAX_HOPS = 32
_ADDRESSES = 256


@dataclass(frozen=True, slots=True)
class Client:
    """`address` as text; `is_secure` if the browser's side of the connection is encrypted as far as can be known."""

    address: str
    is_secure: bool


def client_of(
    remote: str | None,
    *,
    forwarded_for: Sequence[str] = (),
    forwarded_proto: Sequence[str] = (),
    is_secure: bool = False,
    trusted: Sequence[Network] = (),
) -> Client:
    """The client of a connection from `remote`; the headers X-Forwarded-For and -Proto as often as they came.

    Only a trusted proxy's headers count.  X-Forwarded-For is read from the right, what the nearest proxy wrote, and as
    long as what it names is a trusted proxy itself: the first that is not is the client, whatever it claims further
    left.  An entry that is no address ends the reading at the proxy that wrote it.
    """
    if not trusted:
        return Client(remote or "", is_secure)
    here = _parse(remote or "")
    if here is None or not _is_trusted(here, trusted):
        return Client(remote or "", is_secure)
    proto = forwarded_proto[-1].rpartition(",")[2].strip().lower() if forwarded_proto else ""
    secure = is_secure or proto == "https"
    hops = [hop.strip() for header in forwarded_for for hop in header.split(",")]
    for hop in reversed(hops[-_MAX_HOPS:]):
        address = _parse(hop)
        if address is None:
            break
        here = address
        if not _is_trusted(here, trusted):
            break
    return Client(str(here), secure)


@functools.lru_cache(maxsize=_ADDRESSES)
def _parse(text: str) -> IPv4Address | IPv6Address | None:
    # Some proxies add the port.
    bare = text.partition("]")[0].removeprefix("[") if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _is_trusted(address: IPv4Address | IPv6Address, trusted: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in trusted)
