"""What is wrong with the router's packets, as nftables rules (pure)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

MEDIA_PORTS: Final = (8190, 8199)
"""The media ports of all gateways of a rig lie in this range."""

WEB_PORTS: Final = (8080, 8089)
"""Likewise their HTTP ports."""

_PARTS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """`loss` (0…1) falls on every UDP packet either way, `loss_down` on those to the viewers only.

    `udp_blocked` is for the viewer's line alone, its neighbours have UDP.

    `media_only_to` is the one address of the gateway's whose media ports can be reached.

    `media_blocked` keeps the viewer's line from all media ports, UDP and TCP.

    `web_through` is a port of the router's: all the viewer's HTTP goes through what listens there, connections that are
    there already excepted.

    `blocked_source` is a viewer's UDP port that nothing comes from any more.

    `nat_address` is what viewers look like beyond the router; None leaves their addresses alone.
    """

    udp_blocked: bool = False
    media_only_to: str | None = None
    media_blocked: bool = False
    web_through: int | None = None
    loss: float = 0.0
    loss_down: float = 0.0
    nat_address: str | None = None
    blocked_source: int | None = None

    def ruleset(self) -> str:
        """Takes the place of the former one in a single step."""
        passing = []
        low, high = MEDIA_PORTS
        if self.udp_blocked:
            passing += [f'{way} "viewer" meta l4proto udp drop' for way in ("iifname", "oifname")]
        if self.blocked_source is not None:
            passing.append(f"udp sport {self.blocked_source} drop")
        if self.media_only_to is not None:
            others = _others(ipaddress.ip_address(self.media_only_to))
            passing += [f"{other} meta l4proto {{ tcp, udp }} th dport {low}-{high} drop" for other in others]
        if self.media_blocked:
            passing.append(f'iifname "viewer" meta l4proto {{ tcp, udp }} th dport {low}-{high} drop')
        if self.loss:
            passing.append(f"meta l4proto udp {_chance(self.loss)} drop")
        if self.loss_down:
            passing.append(f'iifname "gateway" meta l4proto udp {_chance(self.loss_down)} drop')
        chains = [_chain("passing", "type filter hook forward priority 0; policy accept;", passing)]
        if self.web_through is not None:
            low, high = WEB_PORTS
            turned = f'iifname "viewer" tcp dport {low}-{high} redirect to :{self.web_through}'
            chains.append(_chain("turning", "type nat hook prerouting priority -100; policy accept;", [turned]))
        if self.nat_address is not None:
            # A mapping that is gone lets nothing in, as with any NAT.
            closed = 'iifname "gateway" ct state new drop'
            chains.append(_chain("arriving", "type filter hook prerouting priority -150; policy accept;", [closed]))
            mapped = f'oifname "gateway" snat ip to {self.nat_address}'
            chains.append(_chain("leaving", "type nat hook postrouting priority 100; policy accept;", [mapped]))
        return "table inet rig\ndelete table inet rig\ntable inet rig {\n" + "".join(chains) + "}\n"


def _others(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> tuple[str, str]:
    """What matches packets to all addresses but this one."""
    if address.version == 4:
        return f"ip daddr != {address}", "meta nfproto ipv6"
    return f"ip6 daddr != {address}", "meta nfproto ipv4"


def _chance(share: float) -> str:
    return f"numgen random mod {_PARTS} < {round(share * _PARTS)}"


def _chain(name: str, hook: str, rules: list[str]) -> str:
    body = "".join(f"    {line}\n" for line in [hook, *rules])
    return f"  chain {name} {{\n{body}  }}\n"
