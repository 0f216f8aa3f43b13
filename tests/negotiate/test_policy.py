"""Which rungs a viewer gets, in which order, and why not the others: one table for each question."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gateway.negotiate.answer import plan_json
from gateway.negotiate.modes import Mode
from gateway.negotiate.policy import Obstacle, Place, Plan, Supply, negotiate
from gateway.negotiate.wishes import FORGIVEN_S, CandidateType, Device, Failure, RungName, Wishes

WEBRTC, MSE, LL_HLS, HLS = RungName
TURN = {"urls": ["turn:turn.example.org"], "username": "1:x", "credential": "y"}
PLACES = {
    WEBRTC: Place("https://g/cam/whep", 0.1, 1790000300.0),
    MSE: Place("wss://g/api/ws?src=cam", 0.3, 1790000300.0),
    LL_HLS: Place("https://g/cam/index.m3u8", 0.9, 1790000300.0),
    HLS: Place("https://g/cam/index.m3u8", 4.0, 1790000300.0),
}
SUPPLY = Supply(PLACES, video="avc1.640028")
CHROME = Wishes(webrtc=frozenset({"h264/42e01f", "opus"}), mse=frozenset({"avc1.640033", "mp4a.40.2"}))
IPHONE = Wishes(webrtc=frozenset({"h264/640c1f"}), mse=frozenset(), native_hls=True, device=Device.MOBILE)
B_FRAMES = Obstacle("b_frames", "This camera sends B-frames, which can't go over WebRTC.")


def order(plan: Plan) -> list[RungName]:
    return [rung.rung for rung in plan.rungs]


def failed(rung: RungName, *, age_s: float = 30.0) -> Failure:
    return Failure(rung, "ice", age_s)


@pytest.mark.parametrize(
    ("wishes", "supply", "rungs"),
    [
        pytest.param(CHROME, SUPPLY, [WEBRTC, MSE, LL_HLS, HLS], id="everything"),
        pytest.param(Wishes(), SUPPLY, [WEBRTC, MSE, LL_HLS, HLS], id="a viewer that says nothing is believed able"),
        pytest.param(IPHONE, SUPPLY, [WEBRTC, LL_HLS, HLS], id="native HLS without Media Source"),
        pytest.param(replace(CHROME, webrtc=frozenset()), SUPPLY, [MSE, LL_HLS, HLS], id="no WebRTC"),
        pytest.param(replace(CHROME, mse=frozenset()), SUPPLY, [WEBRTC], id="no Media Source"),
        pytest.param(replace(CHROME, webrtc=frozenset({"vp8"})), SUPPLY, [MSE, LL_HLS, HLS], id="no H.264 in WebRTC"),
        pytest.param(replace(CHROME, allow=frozenset({MSE})), SUPPLY, [MSE], id="forced"),
        pytest.param(
            CHROME, replace(SUPPLY, obstacles={WEBRTC: B_FRAMES}), [MSE, LL_HLS, HLS], id="a camera with B-frames"
        ),
        pytest.param(CHROME, Supply({WEBRTC: PLACES[WEBRTC]}), [WEBRTC], id="HLS switched off"),
        pytest.param(
            replace(CHROME, failures=(failed(WEBRTC),)), SUPPLY, [MSE, LL_HLS, HLS, WEBRTC], id="what failed comes last"
        ),
        pytest.param(
            replace(CHROME, failures=(failed(MSE), failed(WEBRTC))),
            SUPPLY,
            [LL_HLS, HLS, WEBRTC, MSE],
            id="of what failed the quickest first",
        ),
        pytest.param(
            replace(CHROME, failures=(failed(WEBRTC, age_s=FORGIVEN_S),)),
            SUPPLY,
            [WEBRTC, MSE, LL_HLS, HLS],
            id="what failed long ago is forgiven",
        ),
        pytest.param(
            replace(CHROME, candidates=frozenset({CandidateType.RELAY})), SUPPLY, [MSE, LL_HLS, HLS], id="no relay here"
        ),
        pytest.param(replace(CHROME, candidates=frozenset()), SUPPLY, [MSE, LL_HLS, HLS], id="no candidates at all"),
    ],
)
def test_rungs_come_in_the_order_of_trying(wishes: Wishes, supply: Supply, rungs: list[RungName]) -> None:
    plan = negotiate(wishes, supply)
    assert order(plan) == rungs
    assert {missing.rung for missing in plan.absent} == set(RungName) - set(rungs), "each is there or has its reason"
    assert plan.message is None


@pytest.mark.parametrize(
    ("wishes", "supply", "rung", "code", "says"),
    [
        (CHROME, Supply({}), WEBRTC, "config", "WebRTC is switched off"),
        (replace(CHROME, allow=frozenset({MSE})), SUPPLY, WEBRTC, "not_allowed", "asked not to"),
        (CHROME, replace(SUPPLY, obstacles={WEBRTC: B_FRAMES}), WEBRTC, "b_frames", "sends B-frames"),
        (replace(CHROME, webrtc=frozenset()), SUPPLY, WEBRTC, "browser", "no WebRTC"),
        (replace(CHROME, webrtc=frozenset({"vp8"})), SUPPLY, WEBRTC, "codec", r"can't decode H\.264"),
        (replace(CHROME, candidates=frozenset({CandidateType.RELAY})), SUPPLY, WEBRTC, "config", "TURN"),
        (replace(CHROME, candidates=frozenset()), SUPPLY, WEBRTC, "not_allowed", "no kind of candidate"),
        (replace(CHROME, mse=frozenset()), SUPPLY, LL_HLS, "browser", "Media Source"),
        (replace(CHROME, mse=frozenset({"vp9"})), SUPPLY, HLS, "codec", r"H\.264 \(avc1\.640028\)"),
        (CHROME, replace(SUPPLY, video="vp09.00.10.08"), MSE, "codec", "vp09"),
    ],
)
def test_every_absent_rung_has_its_reason(wishes: Wishes, supply: Supply, rung: RungName, code: str, says: str) -> None:
    missing = {missing.rung: missing for missing in negotiate(wishes, supply).absent}[rung]
    assert missing.code == code
    assert re.search(says, missing.message)


@pytest.mark.parametrize(
    ("wishes", "supply", "says"),
    [
        (CHROME, Supply({}), "hls.mode: embedded"),
        (replace(CHROME, allow=frozenset()), SUPPLY, "allow another rung"),
        (replace(CHROME, webrtc=frozenset(), mse=frozenset()), SUPPLY, "use a current Chrome"),
        (
            replace(CHROME, webrtc=frozenset({"vp8"}), mse=frozenset({"vp9"})),
            SUPPLY,
            "H.264 over WebRTC; use a current",
        ),
        (CHROME, replace(SUPPLY, video="hvc1.1.6.L93.B0"), "sub-stream to H.264"),
        (
            replace(CHROME, mse=frozenset()),
            replace(SUPPLY, obstacles={WEBRTC: B_FRAMES}),
            "This camera sends B-frames",
        ),
    ],
)
def test_nothing_left_is_one_sentence_that_says_what_helps(wishes: Wishes, supply: Supply, says: str) -> None:
    plan = negotiate(wishes, supply)
    assert plan.rungs == ()
    assert plan.message is not None
    assert says in plan.message
    assert plan_json(plan)["message"] == plan.message


@pytest.mark.parametrize(
    ("wishes", "supply", "timeout_s"),
    [
        (CHROME, SUPPLY, 2.0),
        (replace(CHROME, network="2g"), SUPPLY, 4.0),
        (replace(CHROME, device=Device.LOW_END), SUPPLY, 4.0),
        (replace(CHROME, downlink_bps=1.5e6), replace(SUPPLY, bitrate_bps=2_000_000), 4.0),
        (replace(CHROME, downlink_bps=2e6), replace(SUPPLY, bitrate_bps=2_000_000), 2.0),
        (replace(CHROME, downlink_bps=1.5e6), SUPPLY, 2.0),
        (CHROME, replace(SUPPLY, idle=True), 12.0),
    ],
)
def test_slow_networks_devices_and_sleeping_cameras_get_more_time(
    wishes: Wishes, supply: Supply, timeout_s: float
) -> None:
    assert negotiate(wishes, supply).rungs[0].timeout_s == timeout_s


def test_whole_segments_get_the_time_that_one_of_them_takes() -> None:
    supply = Supply({HLS: Place("https://gateway/index.m3u8", 21.0, segment_s=6.0)})
    assert negotiate(CHROME, supply).rungs[0].timeout_s == 12.0


@pytest.mark.parametrize(
    ("mode", "latencies"),
    [
        (Mode.ULTRA_LOW, [0.1, 0.3, 0.9, 4.0]),
        (Mode.BALANCED, [1.5, 1.5, 1.5, 4.0]),
        (Mode.STABLE, [4.0, 4.0, 4.0, 4.0]),
    ],
)
def test_a_mode_sets_the_least_delay(mode: Mode, latencies: list[float]) -> None:
    assert [rung.latency_s for rung in negotiate(replace(CHROME, mode=mode), SUPPLY).rungs] == latencies


def test_the_answer_is_as_protocol_md_says() -> None:
    wishes = replace(CHROME, allow=frozenset({WEBRTC, MSE}))
    assert plan_json(negotiate(wishes, replace(SUPPLY, ice_servers=(TURN,)))) == {
        "version": 1,
        "rungs": [
            {
                "rung": "webrtc",
                "url": "https://g/cam/whep",
                "timeout_s": 2.0,
                "latency_s": 0.1,
                "expires_at": 1790000300.0,
                "ice_servers": [TURN],
                "candidates": ["udp", "tcp", "relay"],
            },
            {
                "rung": "mse",
                "url": "wss://g/api/ws?src=cam",
                "timeout_s": 2.0,
                "latency_s": 0.3,
                "expires_at": 1790000300.0,
            },
        ],
        "absent": [
            {"rung": "ll-hls", "code": "not_allowed", "message": "The page asked not to use this"},
            {"rung": "hls", "code": "not_allowed", "message": "The page asked not to use this"},
        ],
    }


def test_turn_servers_are_for_viewers_who_may_relay() -> None:
    supply = replace(SUPPLY, ice_servers=(TURN,))
    direct = negotiate(replace(CHROME, candidates=frozenset({CandidateType.UDP})), supply).rungs[0]
    assert direct.ice_servers == ()
    assert direct.candidates == (CandidateType.UDP,)
    assert negotiate(CHROME, SUPPLY).rungs[0].candidates == (CandidateType.UDP, CandidateType.TCP)


def test_urls_and_turn_credentials_are_not_shown() -> None:
    plan = negotiate(CHROME, replace(SUPPLY, ice_servers=(TURN,)))
    assert "whep" not in repr(plan)
    assert "credential" not in repr(plan)
