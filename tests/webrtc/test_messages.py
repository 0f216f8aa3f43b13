"""The WebSocket's messages, go2rtc's and ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.negotiate.modes import Mode
from gateway.webrtc.messages import (
    CandidateMessage,
    ClockMessage,
    Message,
    MessageError,
    ModeMessage,
    MseMessage,
    NegotiateMessage,
    OfferMessage,
    ReportMessage,
    answer_message,
    error_message,
    offer_kind,
    parse_message,
)


def refusal(text: str) -> str:
    """What the client reads when a message is refused."""
    with pytest.raises(MessageError) as refused:
        parse_message(text)
    return str(error_message(refused.value.kind, str(refused.value))["value"])


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ({"type": "webrtc/offer", "value": "v=0"}, OfferMessage("v=0", 1)),
        ({"type": "webrtc", "value": {"type": "offer", "sdp": "v=0", "ice_servers": []}}, OfferMessage("v=0", 2)),
        ({"type": "webrtc/candidate", "value": "candidate:1 1 udp 1 192.0.2.1 9 typ host"}, CandidateMessage()),
        ({"type": "webrtc/candidate", "value": ""}, CandidateMessage()),
        ({"type": "webrtc", "value": {"type": "candidate", "candidate": "x"}}, CandidateMessage()),
        ({"type": "clock", "value": {"t0": 1.5}}, ClockMessage(1.5)),
        ({"type": "clock", "value": {"t0": -3}}, ClockMessage(-3.0)),
        ({"type": "negotiate", "value": {"mode": "stable"}}, NegotiateMessage({"mode": "stable"})),
        ({"type": "negotiate"}, NegotiateMessage(None)),
        ({"type": "mode", "value": "balanced"}, ModeMessage(Mode.BALANCED)),
        ({"type": "report", "value": {"camera": "x"}}, ReportMessage({"camera": "x"})),
    ],
)
def test_messages_are_understood(message: dict[str, Any], meaning: Message) -> None:
    assert parse_message(json.dumps(message)) == meaning


@pytest.mark.parametrize("text", ["", "hello", "{", "[" * 100_000, "1" * 5000])
def test_what_is_not_json_is_refused(text: str) -> None:
    assert refusal(text) == "message: not JSON"


@pytest.mark.parametrize("text", ["null", "[]", '"webrtc/offer"', "{}", '{"type": 1}', '{"type": null}'])
def test_a_message_without_a_type_is_refused(text: str) -> None:
    assert refusal(text) == "message: needs an object with a type"


@pytest.mark.parametrize("value", [None, 1, {"sdp": "v=0"}, ["v=0"]])
def test_a_v1_offer_must_be_text(value: object) -> None:
    assert refusal(json.dumps({"type": "webrtc/offer", "value": value})).startswith("webrtc/offer: ")


@pytest.mark.parametrize("value", [None, "v=0", {"type": "offer"}, {"type": "offer", "sdp": 1}, {"type": "answer"}, {}])
def test_a_v2_message_must_be_an_offer_or_a_candidate(value: object) -> None:
    assert refusal(json.dumps({"type": "webrtc", "value": value})).startswith("webrtc: ")


@pytest.mark.parametrize("t0", ["true", "null", '"1"', "NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "{}"])
def test_a_clock_that_is_no_time_is_refused(t0: str) -> None:
    assert refusal(f'{{"type": "clock", "value": {{"t0": {t0}}}}}').startswith("clock: needs t0")


def test_a_clock_message_without_a_value_is_refused() -> None:
    assert refusal('{"type": "clock"}').startswith("clock: needs t0")


def test_the_codecs_that_mse_plays_are_text() -> None:
    assert parse_message('{"type": "mse", "value": "avc1.640029,opus"}') == MseMessage("avc1.640029,opus")
    for value in (None, ["avc1.640029"], 1):
        assert refusal(json.dumps({"type": "mse", "value": value})).startswith("mse: needs the codecs")


@pytest.mark.parametrize("kind", ["hls", "webrtc/answer", "X-1_2"])
def test_an_unknown_type_is_named_in_its_error(kind: str) -> None:
    assert refusal(json.dumps({"type": kind, "value": ""})) == f"{kind}: unsupported message type"


@pytest.mark.parametrize(
    "kind",
    [
        "webrtc/offer ",
        " webrtc/offer",
        "xwebrtc/offerx",
        "webrtc/offer/offer",
        "webrtc\u0000/offer",
        "webrwebrtc/offertc/offer",
    ],
)
def test_no_unknown_type_is_shown_so_that_a_client_takes_it_for_its_offer(kind: str) -> None:
    assert "webrtc/offer" not in refusal(json.dumps({"type": kind, "value": "v=0"}))


@pytest.mark.parametrize(("kind", "shown"), [("x" * 500, "x" * 40), ("<script>", "script"), ("\n\x1b[31m", "31m")])
def test_an_unknown_type_is_shown_short_and_harmless(kind: str, shown: str) -> None:
    assert refusal(json.dumps({"type": kind})) == f"{shown}: unsupported message type"


def test_an_unprintable_type_is_called_a_message() -> None:
    assert refusal(json.dumps({"type": "\n"})) == "message: unsupported message type"


def test_answers_come_in_the_envelope_of_their_offer() -> None:
    assert answer_message("v=0", version=1) == {"type": "webrtc/answer", "value": "v=0"}
    assert answer_message("v=0", version=2) == {"type": "webrtc", "value": {"type": "answer", "sdp": "v=0"}}


def test_errors_name_the_type_the_offer_came_in() -> None:
    assert error_message(offer_kind(1), "no")["value"] == "webrtc/offer: no"
    assert error_message(offer_kind(2), "no")["value"] == "webrtc: no"


@pytest.mark.parametrize("value", [None, "", "fast", 1, ["stable"], {"mode": "stable"}, "Stable"])
def test_a_mode_must_be_one_there_is(value: object) -> None:
    said = refusal(json.dumps({"type": "mode", "value": value}))
    assert said == "mode: must be one of ultra-low, balanced, stable"
