"""What MediaMTX asks, and what it is answered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.access.api_keys import hash_api_key, new_api_key
from gateway.access.decision import Policy
from gateway.access.grants import SKEW_S, sign_grant
from gateway.access.keys import Keys, SigningKey
from gateway.access.prefixes import known_prefixes
from gateway.access.principal import Account, Kind, everybody
from gateway.access.scopes import Scope
from gateway.mediamtx.hook import HlsRight, Question, hls_right, may, parse_question

NOW = 1_790_000_000.0
KEY = SigningKey("current", "ab" * 32, 1_789_999_000)
OLD_KEY = SigningKey("gone", "cd" * 32, 1_780_000_000)
SECRET = "cAnArY-hook-secret"
CAMERAS = frozenset({"cam1", "cam10", "site1/yard", "live/yard"})
PUBLISHER, VIEWER = new_api_key(), new_api_key()
ID = "0123456789abcdef"


def program(key: str, scope: Scope, *cameras: str) -> Account:
    return Account.of(Kind.API_KEY, scope, secret_hash=hash_api_key(key), cameras=cameras, scopes=[scope])


POLICY = Policy(
    Keys((KEY,)),
    CAMERAS,
    known_prefixes(CAMERAS),
    api_keys={
        "encoder": program(PUBLISHER, Scope.PUBLISH, "site1/*"),
        "viewer": program(VIEWER, Scope.VIEW, "*"),
    },
    base_path="/live",
    media_server_secret=SECRET,
)
OPEN = replace(POLICY, everybody=everybody([Scope.VIEW]), api_keys={})


def grant(prefix: str, *, lasts_s: float = 60, key: SigningKey = KEY) -> str:
    return sign_grant(key, prefix=prefix, expires=int(NOW + lasts_s), grant_id=ID)


def forged(token: str) -> str:
    return token[:-1] + ("0" if token[-1] != "0" else "1")


GOOD = grant("/cam1/")
HLS = Question("read", "hls", "cam1", query=f"grant={GOOD}")
GATEWAY = Question("read", "rtsp", "cam1", user="gateway", password=SECRET)
ENCODER = Question("publish", "rtsp", "site1/yard", user="any", password=PUBLISHER)


@pytest.mark.parametrize(
    "question",
    [
        HLS,
        replace(HLS, query=f"grant={grant('/')}"),
        replace(HLS, path="site1/yard", query=f"grant={grant('/site1/')}"),
        # A base path is no part of MediaMTX's paths.
        replace(HLS, path="live/yard", query=f"grant={grant('/live/yard/')}"),
        replace(HLS, query=f"a=1&grant={GOOD}&muted=true"),
        replace(HLS, query=f"grant={grant('/cam1/', lasts_s=-SKEW_S)}"),
        # What else somebody shows does not count.
        replace(HLS, user="gateway", password="wrong"),
        GATEWAY,
        replace(GATEWAY, protocol="rtsps"),
        replace(GATEWAY, path="no camera yet"),
        replace(GATEWAY, action="api", protocol="", path=""),
        ENCODER,
        replace(ENCODER, protocol="webrtc", path="site1/new", user=""),
    ],
)
def test_yes(question: Question) -> None:
    assert may(question, POLICY, now=NOW)


@pytest.mark.parametrize(
    "question",
    [
        replace(HLS, query=""),
        replace(HLS, query="grant="),
        replace(HLS, query=f"grant={forged(GOOD)}"),
        replace(HLS, query=f"grant={GOOD}&grant={GOOD}"),
        replace(HLS, query=f"gr%61nt={GOOD}"),
        replace(HLS, query=f"Grant={GOOD}"),
        replace(HLS, query=f"grant={GOOD}#"),
        replace(HLS, query=f"grant={GOOD}&x={'x' * 5000}"),
        replace(HLS, query=f"grant={grant('/cam1/', lasts_s=-SKEW_S - 1)}"),
        replace(HLS, query=f"grant={grant('/cam1/', lasts_s=3600 + SKEW_S + 1)}"),
        replace(HLS, query=f"grant={grant('/cam1/', key=OLD_KEY)}"),
        # Signed for something else.
        replace(HLS, path="cam10"),
        replace(HLS, path="site1/yard"),
        # Covered, but no camera.
        replace(HLS, path="nosuch", query=f"grant={grant('/')}"),
        replace(HLS, path="", query=f"grant={grant('/')}"),
        # Paths that would read as something else at the gateway.
        replace(HLS, path=f"g/{GOOD}/cam1", query=""),
        replace(HLS, path=f"g/{GOOD}/cam1"),
        replace(HLS, path="cam1/index.m3u8"),
        replace(HLS, path="cam1/whep"),
        replace(HLS, path="cam1?x="),
        replace(HLS, path="cam1/../cam1"),
        replace(HLS, path="/cam1"),
        replace(HLS, path="cam1/"),
        replace(HLS, path="cam%31"),
        replace(HLS, path="static"),
        # Other ways to watch, and other things to do.
        *(replace(HLS, protocol=protocol) for protocol in ("rtsp", "rtmp", "webrtc", "srt", "moq", "")),
        *(replace(HLS, action=action) for action in ("playback", "publish", "api", "metrics", "pprof", "", "READ")),
        replace(GATEWAY, password=SECRET + "x"),
        replace(GATEWAY, password=""),
        replace(GATEWAY, user="mediamtx"),
        replace(GATEWAY, user=""),
        *(replace(GATEWAY, action=action) for action in ("publish", "playback", "metrics", "pprof", "")),
        *(replace(GATEWAY, protocol=protocol) for protocol in ("hls", "webrtc", "rtmp", "srt", "")),
        replace(ENCODER, path="cam1"),
        replace(ENCODER, password=VIEWER),
        replace(ENCODER, password=PUBLISHER[:-1]),
        replace(ENCODER, password=""),
        replace(ENCODER, action="read"),
        replace(ENCODER, action="api"),
    ],
)
def test_no(question: Question) -> None:
    assert not may(question, POLICY, now=NOW)


def test_without_a_secret_nobody_is_the_gateway() -> None:
    policy = replace(POLICY, media_server_secret=None)
    assert not may(replace(GATEWAY, password=""), policy, now=NOW)
    assert not may(GATEWAY, policy, now=NOW)
    assert may(HLS, policy, now=NOW)


def test_a_camera_that_is_not_at_mediamtx_under_its_name_is_not_watched_there() -> None:
    assert not may(HLS, POLICY, now=NOW, is_served=lambda path: path != "cam1")


def test_a_grant_made_for_somebody_is_as_good_as_they_are() -> None:
    assert may(HLS, POLICY, now=NOW, still_theirs=lambda grant_id: grant_id == ID)
    assert not may(HLS, POLICY, now=NOW, still_theirs=lambda grant_id: grant_id != ID)


def test_a_grant_that_was_withdrawn_is_none() -> None:
    policy = replace(POLICY)
    assert hls_right("cam1", HLS.query, policy, now=NOW) == HlsRight(allowed=True, grant_id=ID)
    policy.revocations.withdraw(ID, expires=NOW + 60, now=NOW)
    assert hls_right("cam1", HLS.query, policy, now=NOW) == HlsRight(allowed=False)
    policy.revocations.withdraw(ID, expires=NOW - 100, now=NOW)


def test_open_mode_lets_everybody_watch_what_there_is_and_nothing_more() -> None:
    for query in ("", "grant=nonsense", f"grant={GOOD}"):
        assert may(replace(HLS, query=query), OPEN, now=NOW)
    assert not may(replace(HLS, path="nosuch", query=""), OPEN, now=NOW)
    assert not may(replace(HLS, path=f"g/{GOOD}/cam1", query=""), OPEN, now=NOW)
    assert not may(replace(HLS, action="publish"), OPEN, now=NOW)
    assert not may(Question("api", "", ""), OPEN, now=NOW)
    assert may(GATEWAY, OPEN, now=NOW)


def test_a_question_as_mediamtx_sends_it() -> None:
    body = {
        "ip": "192.0.2.1",
        "user": "",
        "password": "cAnArY",
        "token": "",
        "action": "read",
        "path": "cam1",
        "protocol": "hls",
        "id": "a29843d0-dd44-4915-bcbe-f9cf1c388672",
        "query": "grant=cAnArY",
        "userAgent": "hls.js",
    }
    question = parse_question(json.dumps(body))
    assert question == Question("read", "hls", "cam1", password="cAnArY", query="grant=cAnArY")
    assert "cAnArY" not in repr(question)


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '{"path": 1}', '{"query": null}', "[" * 100_000, "1"])
def test_what_is_no_question_is_said_to_be_none(body: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        parse_question(body)


def test_an_empty_question_is_answered_with_no() -> None:
    assert not may(parse_question("{}"), POLICY, now=NOW)
    assert not may(parse_question("{}"), OPEN, now=NOW)
