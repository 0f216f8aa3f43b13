from __future__ import annotations

import pytest

from gateway.source.settings import SourceSettings, address_of


def test_passwords_stay_out_of_the_repr() -> None:
    settings = SourceSettings("rtsp://u:canary@192.0.2.1/a", substream="rtsp://u:canary@192.0.2.1/b")
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("rtsp://u:p@192.0.2.10/stream1", "192.0.2.10:554"),
        ("rtsps://cam.example/x", "cam.example:322"),
        ("rtsp://cam.example:8554/x", "cam.example:8554"),
        ("rtsp://[2001:db8::1]/x", "[2001:db8::1]:554"),
        ("other://cam.example/x", "cam.example"),
        ("rtsp:///x", ""),
        ("rtsp://cam.example:port/x", ""),
    ],
)
def test_the_address_is_host_and_port_only(url: str, address: str) -> None:
    assert address_of(url) == address
