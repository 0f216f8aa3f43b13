"""Where cameras that are added over the API may be."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from gateway.access.sources import forbidden

LAN = (ip_network("192.168.0.0/16"), ip_network("fd12::/16"))


@pytest.mark.parametrize("text", ["192.168.1.10", "10.0.0.1", "203.0.113.7", "2001:db8::7", "fd12::1", "172.16.0.9"])
def test_cameras_may_be_anywhere_else(text: str) -> None:
    assert forbidden(ip_address(text)) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("127.0.0.1", "own machine"),
        ("127.9.9.9", "own machine"),
        ("::1", "own machine"),
        ("0.0.0.0", "own machine"),
        ("::", "own machine"),
        ("::ffff:127.0.0.1", "own machine"),
        ("64:ff9b::7f00:1", "own machine"),
        ("2002:7f00:1::", "own machine"),
        ("64:ff9b:1::7f00:1", "own machine"),
        ("::127.0.0.1", "own machine"),
        ("0.1.2.3", "own machine"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("fe80::1", "link-local"),
        ("fd00:ec2::254", "a cloud keeps"),
        ("100.100.100.200", "a cloud keeps"),
        ("224.0.0.1", "no single machine"),
        ("ff02::1", "no single machine"),
        ("255.255.255.255", "no single machine"),
    ],
)
def test_but_not_at_the_machine_itself_its_link_or_its_cloud(text: str, reason: str) -> None:
    for networks in ((), (ip_network("0.0.0.0/0"), ip_network("::/0"))):
        assert reason in (forbidden(ip_address(text), networks) or "")


def test_configured_networks_are_the_only_ones() -> None:
    assert forbidden(ip_address("192.168.7.7"), LAN) is None
    assert forbidden(ip_address("fd12::7"), LAN) is None
    assert forbidden(ip_address("::ffff:192.168.7.7"), LAN) is None
    for outside in ("10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"):
        assert forbidden(ip_address(outside), LAN) == "is outside sources.networks"
