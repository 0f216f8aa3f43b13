"""Which entry of a Transport header is served (RFC 2326 section 12.39)."""

from __future__ import annotations

import pytest

from gateway.demo.delivery import InterleavedChoice, UdpChoice, choose_transport


@pytest.mark.parametrize(
    ("header", "choice"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3", InterleavedChoice((2, 3))),
        ("RTP/AVP/TCP;unicast;interleaved=4", InterleavedChoice((4, 5))),
        ("rtp/avp/tcp", InterleavedChoice(None)),
        ('RTP/AVP/TCP;unicast;interleaved=0-1;mode="PLAY"', InterleavedChoice((0, 1))),
        ("RTP/AVP;unicast;client_port=5000-5001", UdpChoice((5000, 5001))),
        ("RTP/AVP/UDP;unicast;client_port=5000", UdpChoice((5000, 5001))),
        ("RTP/AVP;multicast,RTP/AVP/TCP;interleaved=0-1", InterleavedChoice((0, 1))),
        ("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP", UdpChoice((5000, 5001))),
        ("", None),
        ("RTP/SAVP;unicast;client_port=5000-5001", None),
        ("RTP/AVP;unicast", None),
        ("RTP/AVP;unicast;client_port=x", None),
        ("RTP/AVP;unicast;client_port=65535-65536", None),
        ("RTP/AVP;unicast;client_port=7-7", None),
        ("RTP/AVP/TCP;interleaved=255", None),
        ("RTP/AVP/TCP;interleaved=0-1;mode=RECORD", None),
    ],
)
def test_first_servable_entry_is_chosen(header: str, choice: InterleavedChoice | UdpChoice | None) -> None:
    assert choose_transport(header) == choice
