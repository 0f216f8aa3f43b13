"""Which addresses a viewer is told to try."""

from __future__ import annotations

import ipaddress

import ifaddr
import pytest

from gateway.webrtc.candidates import host_candidates, host_literal, interface_addresses, resolve

V4 = ipaddress.IPv4Address("192.0.2.1")
V6 = ipaddress.IPv6Address("2001:db8::1")


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("192.0.2.1", V4),
        ("192.0.2.1:8080", V4),
        (" 192.0.2.1:8080 ", V4),
        ("[2001:db8::1]", V6),
        ("[2001:db8::1]:8080", V6),
        ("2001:db8::1", V6),
        ("localhost", ipaddress.IPv4Address("127.0.0.1")),
        ("localhost:8080", ipaddress.IPv4Address("127.0.0.1")),
        ("cams.example.org", None),
        ("cams.example.org:443", None),
        ("[cams]:1", None),
        ("999.0.2.1", None),
        ("", None),
        (None, None),
    ],
)
def test_the_address_a_request_was_sent_to(header: str | None, address: object) -> None:
    assert host_literal(header) == address


def test_candidates_are_host_candidates_on_the_port_in_order_of_preference() -> None:
    first, second, *tcp = host_candidates([V4, V6], 8190)
    assert first.to_sdp() == f"u0 1 udp {first.priority} 192.0.2.1 8190 typ host"
    assert second.to_sdp() == f"u1 1 udp {second.priority} 2001:db8::1 8190 typ host"
    assert first.priority == 126 << 24 | 65_535 << 8 | 255
    assert first.priority > second.priority
    assert [candidate.to_sdp() for candidate in tcp] == [
        f"t0 1 tcp {tcp[0].priority} 192.0.2.1 8190 typ host tcptype passive",
        f"t1 1 tcp {tcp[1].priority} 2001:db8::1 8190 typ host tcptype passive",
    ]
    assert second.priority > tcp[0].priority > tcp[1].priority


def test_an_address_is_offered_once() -> None:
    assert [candidate.host for candidate in host_candidates([V4, V6, V4], 1)] == [str(V4), str(V6)] * 2


def test_the_number_of_candidates_is_bounded() -> None:
    assert len(host_candidates([V4 + n for n in range(40)], 1)) == 2 * 16


def test_addresses_only_this_machine_can_use_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str | tuple[str, int, int]] = [
        "127.0.0.1",
        "169.254.1.1",
        "192.0.2.1",
        ("::1", 0, 0),
        ("fe80::1%eth0", 0, 2),
        ("2001:db8::1", 0, 0),
    ]
    adapter = ifaddr.Adapter("eth0", "eth0", [ifaddr.IP(text, 24, "eth0") for text in texts])
    monkeypatch.setattr("gateway.webrtc.candidates.ifaddr.get_adapters", lambda: [adapter])
    assert interface_addresses() == [V4, V6]


def test_addresses_of_this_machine_are_found() -> None:
    assert all(not address.is_loopback for address in interface_addresses())


def test_literals_resolve_to_themselves() -> None:
    assert resolve(["192.0.2.1", "2001:db8::1"]) == [V4, V6]


def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(OSError, match=r".+"):
        resolve(["no-such-host.invalid"])
