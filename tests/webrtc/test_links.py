"""`Link` headers, as the draft writes them."""

from __future__ import annotations

from gateway.webrtc.links import alternate_link, ice_server_links


def test_a_turn_server_has_a_link_for_each_of_its_addresses() -> None:
    server = {"urls": ["turn:t.example.org:3478", "turns:t.example.org:443?transport=tcp"]}
    shown = 'rel="ice-server"; username="179:ab"; credential="x+/="; credential-type="password"'
    assert ice_server_links([server | {"username": "179:ab", "credential": "x+/="}]) == [
        f"<turn:t.example.org:3478>; {shown}",
        f"<turns:t.example.org:443?transport=tcp>; {shown}",
    ]
    assert ice_server_links([]) == []


def test_hls_is_an_alternate() -> None:
    assert alternate_link("https://g/cam/index.m3u8") == (
        '<https://g/cam/index.m3u8>; rel="alternate"; type="application/vnd.apple.mpegurl"'
    )
