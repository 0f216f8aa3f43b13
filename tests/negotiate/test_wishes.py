"""Reading what a viewer says it can do."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.json_fields import MAX_ITEMS
from gateway.negotiate.modes import Mode
from gateway.negotiate.wishes import CandidateType, Device, Failure, RungName, Wishes, parse_wishes

WHOLE: dict[str, Any] = {
    "version": 1,
    "mode": "balanced",
    "webrtc": ["h264/42e01f", "H264/640029", "opus", "pcmu"],
    "mse": ["avc1.640028", "mp4a.40.2"],
    "native_hls": True,
    "device": "mobile",
    "network": {"type": "wifi", "downlink_bps": 10_000_000},
    "failures": [{"rung": "webrtc", "reason": "ice", "age_s": 40}],
    "allow": ["webrtc", "mse"],
    "candidates": ["udp", "relay"],
    "region": "eu",
}


def test_a_whole_request_is_read() -> None:
    assert parse_wishes(WHOLE) == Wishes(
        mode=Mode.BALANCED,
        webrtc=frozenset({"h264/42e01f", "h264/640029", "opus", "pcmu"}),
        mse=frozenset({"avc1.640028", "mp4a.40.2"}),
        native_hls=True,
        device=Device.MOBILE,
        network="wifi",
        downlink_bps=10_000_000.0,
        failures=(Failure(RungName.WEBRTC, "ice", 40.0),),
        allow=frozenset({RungName.WEBRTC, RungName.MSE}),
        candidates=frozenset({CandidateType.UDP, CandidateType.RELAY}),
        region="eu",
    )


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"mode": None, "webrtc": None, "failures": None, "network": None, "allow": None},
        {"network": {"type": None, "downlink_bps": None}},
    ],
)
def test_what_is_not_said_has_its_default(value: dict[str, Any]) -> None:
    assert parse_wishes(value) == Wishes()


def test_a_browser_that_says_it_has_no_codecs_is_not_one_that_says_nothing() -> None:
    assert parse_wishes({"mse": []}).mse == frozenset()
    assert parse_wishes({}).mse is None


def test_keys_of_a_newer_page_are_ignored() -> None:
    assert parse_wishes({"hdr": True, "network": {"type": "wifi", "rtt": 5}}) == Wishes(network="wifi")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "negotiate: must be an object"),
        (None, "negotiate: must be an object"),
        ({"version": 2}, "version: this gateway understands version 1"),
        ({"version": True}, "version:"),
        ({"mode": "fast"}, "mode: must be one of ultra-low, balanced, stable"),
        ({"mode": ["stable"]}, "mode: must be one of"),
        ({"webrtc": "h264"}, "webrtc: must be a list"),
        ({"webrtc": [""]}, "webrtc: must be text of 1 to 128"),
        ({"mse": ["a\nb"]}, "mse: must be text"),
        ({"mse": ["x" * 129]}, "mse: must be text"),
        ({"mse": ["avc1.640028"] * (MAX_ITEMS + 1)}, f"mse: must be a list of at most {MAX_ITEMS}"),
        ({"native_hls": 1}, "native_hls: must be true or false"),
        ({"device": "watch"}, "device: must be one of desktop"),
        ({"network": "wifi"}, "network: must be an object"),
        ({"network": {"type": 4}}, "network.type: must be text"),
        ({"network": {"downlink_bps": "fast"}}, "network.downlink_bps: must be a number"),
        ({"network": {"downlink_bps": float("nan")}}, "network.downlink_bps: must be a number"),
        ({"network": {"downlink_bps": -1}}, "network.downlink_bps: must be a number"),
        ({"network": {"downlink_bps": 10**400}}, "network.downlink_bps: must be a number"),
        ({"network": {"downlink_bps": True}}, "network.downlink_bps: must be a number"),
        ({"failures": ["webrtc"]}, r"failures\[0\]: must be an object"),
        ({"failures": [{"rung": "webrtc", "reason": "ice"}]}, r"failures\[0\].age_s: say how many seconds"),
        ({"failures": [{"rung": "x", "reason": "ice", "age_s": 1}]}, r"failures\[0\].rung: must be one of webrtc, mse"),
        ({"failures": [{"rung": "mse", "age_s": 1}]}, r"failures\[0\].reason: must be text"),
        ({"allow": ["rtmp"]}, "allow: must be one of webrtc, mse, ll-hls, hls"),
        ({"region": ["eu"]}, "region: must be text of 1 to 128"),
        ({"candidates": ["sctp"]}, "candidates: must be one of udp, tcp, relay"),
    ],
)
def test_nonsense_is_refused_with_the_key_that_is_wrong(value: object, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        parse_wishes(value)
