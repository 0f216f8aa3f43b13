"""Digest answers, computed here step by step as RFC 2617 section 3.2.2 says."""

from __future__ import annotations

import hashlib
import re

import pytest

from gateway.demo.digest import Credentials, DigestChallenge

_URI = "rtsp://camera/stream"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _nonce(challenge: DigestChallenge) -> str:
    found = re.search(r'nonce="([0-9a-f]+)"', challenge.header)
    assert found is not None
    return found[1]


def _answer(
    challenge: DigestChallenge,
    *,
    password: str = "pass",
    user: str = "user",
    uri: str = _URI,
    count: str | None = None,
    qop: str = "auth",
) -> str:
    nonce = _nonce(challenge)
    ha1, ha2 = _md5(f"{user}:realm:{password}"), _md5(f"PLAY:{uri}")
    fields = f'username="{user}", realm="realm", nonce="{nonce}", uri="{uri}"'
    if count is None:
        return f'Digest {fields}, response="{_md5(f"{ha1}:{nonce}:{ha2}")}"'
    response = _md5(f"{ha1}:{nonce}:{count}:cn:{qop}:{ha2}")
    return f'digest {fields}, response="{response}", qop={qop}, nc={count}, cnonce="cn", algorithm=MD5'


@pytest.fixture
def challenge() -> DigestChallenge:
    return DigestChallenge(Credentials("user", "pass"), realm="realm")


def _accepts(challenge: DigestChallenge, authorization: str | None) -> bool:
    return challenge.accepts(authorization, method="PLAY", uri=_URI)


def test_right_answer_with_and_without_qop(challenge: DigestChallenge) -> None:
    assert _accepts(challenge, _answer(challenge))
    assert _accepts(challenge, _answer(challenge, count="00000001"))
    assert _accepts(challenge, _answer(challenge, count="0000000a"))


def test_answer_with_qop_is_good_once(challenge: DigestChallenge) -> None:
    answer = _answer(challenge, count="00000002")
    assert _accepts(challenge, answer)
    assert not _accepts(challenge, answer)
    assert not _accepts(challenge, _answer(challenge, count="00000001"))


def test_wrong_answers_are_refused(challenge: DigestChallenge) -> None:
    other = DigestChallenge(Credentials("user", "pass"), realm="realm")
    wrong = [
        None,
        "",
        "Basic dXNlcjpwYXNz",
        "Digest",
        _answer(challenge, password="Pass"),
        _answer(challenge, user="admin"),
        _answer(challenge, uri="rtsp://camera/other"),
        _answer(other),
        _answer(challenge, count="1"),
        _answer(challenge, count="00000001", qop="auth-int"),
        _answer(challenge).replace("response=", "answer="),
    ]
    assert not any(_accepts(challenge, authorization) for authorization in wrong)
    assert not challenge.accepts(_answer(challenge), method="SETUP", uri=_URI)


def test_password_is_not_in_the_repr() -> None:
    assert "pass" not in repr(Credentials("user", "pass"))
