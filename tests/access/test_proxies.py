"""Whose address counts behind proxies, and which names an open gateway answers to."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from gateway.access.hosts import is_own_host
from gateway.access.proxies import client_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("::1", ("203.0.113.9",), "203.0.113.9"),
        ("::ffff:10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("192.0.2.66, 203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("192.0.2.66", "203.0.113.9"), "203.0.113.9"),
        ("10.0.0.1", ("203.0.113.9, 10.0.0.2",), "203.0.113.9"),
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", ("192.0.2.66, nonsense, 10.0.0.2",), "10.0.0.2"),
        ("10.0.0.1", ("nonsense",), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9:4711",), "203.0.113.9"),
        ("10.0.0.1", ("[2001:db8::7]:4711",), "2001:db8::7"),
        ("10.0.0.1", ("2001:db8::7",), "2001:db8::7"),
        ("10.0.0.1", ("203.0.113.9, " + "10.0.0.2, " * 40 + "10.0.0.2",), "10.0.0.2"),
        (None, ("203.0.113.9",), ""),
        ("unix", ("203.0.113.9",), "unix"),
    ],
)
def test_the_first_from_the_right_that_is_no_proxy_is_the_client(
    remote: str | None, forwarded: tuple[str, ...], address: str
) -> None:
    assert client_of(remote, forwarded_for=forwarded, trusted=PROXIES).address == address


@pytest.mark.parametrize(
    ("remote", "proto", "own", "secure"),
    [
        ("198.51.100.7", ("https",), False, False),
        ("198.51.100.7", (), True, True),
        ("10.0.0.1", ("https",), False, True),
        ("10.0.0.1", ("http",), False, False),
        ("10.0.0.1", ("https, http",), False, False),
        ("10.0.0.1", ("http", " HTTPS"), False, True),
    ],
)
def test_only_a_proxy_can_say_that_the_browser_came_by_https(
    remote: str,
    proto: tuple[str, ...],
    own: bool,  # noqa: FBT001 (a table's column)
    secure: bool,  # noqa: FBT001
) -> None:
    assert client_of(remote, forwarded_proto=proto, is_secure=own, trusted=PROXIES).is_secure is secure


@pytest.mark.parametrize(
    "host",
    [None, "", "127.0.0.1", "192.0.2.7:8080", "[::1]", "[2001:db8::7]:8080", "localhost:8080", "cams", "cams.local",
     "Cams.LAN:80", "x.home.arpa", "a.b.internal", "a.localhost", "cams.example.org", "CAMS.example.org.:443"],
)  # fmt: skip
def test_names_that_nobody_else_can_have_are_ours(host: str | None) -> None:
    assert is_own_host(host, own={"cams.example.org"})


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "cams.example.org.evil.example", "127.0.0.1.evil.example", "local.evil.com",
     "xlocal.com", "127.0.0.1.nip.io:8080", "a.b:c"],
)  # fmt: skip
def test_names_that_somebody_can_buy_are_not(host: str) -> None:
    assert not is_own_host(host, own={"cams.example.org"})
