from __future__ import annotations

import errno

import av
import pytest

from gateway.source.connection import READ_TIMEOUT_S
from gateway.source.failures import Attempt, classify, reason
from gateway.source.status import ReasonCode

URL = "rtsp://user:canary-secret@192.0.2.10:8554/stream?token=canary-secret"
EARLY = Attempt(opened=False, took_s=0.1)
LATE = Attempt(opened=False, took_s=READ_TIMEOUT_S)
PLAYING = Attempt(opened=True, took_s=100.0)


def _ffmpeg(name: str) -> BaseException:
    """An exception as PyAV raises it: with the URL in it."""
    kind = getattr(av.error, name)
    error = kind(5, "Something", URL)
    assert isinstance(error, BaseException)
    return error


@pytest.mark.parametrize(
    ("error", "attempt", "code"),
    [
        (_ffmpeg("HTTPUnauthorizedError"), EARLY, ReasonCode.AUTH_FAILED),
        (_ffmpeg("HTTPForbiddenError"), EARLY, ReasonCode.AUTH_FAILED),
        (_ffmpeg("HTTPNotFoundError"), EARLY, ReasonCode.NOT_FOUND),
        (_ffmpeg("HTTPServerError"), EARLY, ReasonCode.PROTOCOL),
        (_ffmpeg("HTTPOtherClientError"), EARLY, ReasonCode.PROTOCOL),
        (_ffmpeg("ConnectionRefusedError"), EARLY, ReasonCode.REFUSED),
        (_ffmpeg("TimeoutError"), EARLY, ReasonCode.NO_ANSWER),
        (_ffmpeg("TimeoutError"), PLAYING, ReasonCode.NO_PICTURES),
        (OSError(errno.EHOSTUNREACH, "No route to host", URL), EARLY, ReasonCode.NO_ANSWER),
        (_ffmpeg("InvalidDataError"), EARLY, ReasonCode.PROTOCOL),
        (_ffmpeg("InvalidDataError"), LATE, ReasonCode.NO_ANSWER),
        (_ffmpeg("PermissionError"), LATE, ReasonCode.NO_ANSWER),
        (_ffmpeg("InvalidDataError"), PLAYING, ReasonCode.CLOSED),
        (_ffmpeg("EOFError"), PLAYING, ReasonCode.CLOSED),
        (_ffmpeg("BrokenPipeError"), PLAYING, ReasonCode.CLOSED),
        (OSError(errno.EPROTONOSUPPORT, "Protocol not supported", URL), EARLY, ReasonCode.PROTOCOL),
        (OSError(errno.EIO, "Input/output error", URL), EARLY, ReasonCode.PROTOCOL),
    ],
)
def test_each_failure_has_its_reason_without_secrets(error: BaseException, attempt: Attempt, code: ReasonCode) -> None:
    found = classify(error, URL, attempt)
    assert found.code is code
    assert found.address == "192.0.2.10:8554"
    assert found.message
    assert "canary" not in repr(found)


@pytest.mark.parametrize("url", ["rtsp://no-such-host.invalid/x", "rtsp://host:99999/x"])
def test_a_host_that_is_unknown_says_so(url: str) -> None:
    error = OSError(errno.EIO, "Input/output error", url)
    assert classify(error, url, EARLY).code is ReasonCode.UNRESOLVED


def test_similar_failures_have_different_advice() -> None:
    errors = [_ffmpeg("HTTPForbiddenError"), _ffmpeg("HTTPUnauthorizedError"), _ffmpeg("HTTPServerError")]
    errors += [OSError(errno.EPROTONOSUPPORT, ""), _ffmpeg("InvalidDataError")]
    assert len({classify(error, URL, EARLY).message for error in errors}) == len(errors)


def test_no_address_is_no_address() -> None:
    assert reason(ReasonCode.CLOSED, "rtsp:///x").address is None
