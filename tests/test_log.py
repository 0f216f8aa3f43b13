"""No secret reaches the log, whichever way it was logged."""

from __future__ import annotations

import io
import logging
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from gateway import log
from gateway.redaction import escape_controls, redact

CANARY = "cAnArY-5ecret"
GRANT_SIGNATURE = "0123456789abcdef" * 4
GRANT = f"k1.1790000000.00112233445566aa.{GRANT_SIGNATURE}"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is written while logging is set up at DEBUG; everything global is put back."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.raiseExceptions, sys.excepthook, threading.excepthook)
    stream = io.StringIO()
    log.setup("debug", stream=stream)
    yield stream
    logging.captureWarnings(capture=False)
    root.handlers[:], level, logging.raiseExceptions, sys.excepthook, threading.excepthook = before
    root.setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        f"rtsp://user:{CANARY}@192.0.2.10/stream",
        f"RTSPS://user:{CANARY}@host",
        f"rtsp://{CANARY}@host/",
        f"rtsp://:{CANARY}@host/",
        f"rtsp://user:p@{CANARY}@host/",
        f"rtsp://user:a/{CANARY}@host/",
        f"rtsp://user:a'\"{CANARY}@host/",
        f"http://proxy:{CANARY}@proxy:3128",
        f"open failed: 'rtsp://user:{CANARY}@host/x': [Errno 5]",
        f"Authorization: Basic {CANARY}",
        f"authorization:{CANARY}",
        f'Authorization: Digest username="u", realm="r", response="{CANARY}"\r\n',
        f"{{'Authorization': 'Bearer {CANARY}'}}",
        f"(b'Authorization', b'Basic {CANARY}')",
        f"<CIMultiDict('Proxy-Authorization': \"Basic {CANARY}\")>",
        f"sent Bearer {CANARY}",
        f"GET /front/index.m3u8?grant={CANARY}&x=1",
        f"token={CANARY}",
        f"/user=admin&password={CANARY}&channel=1",
        f"/user=admin_password={CANARY}_channel=1",
        f'{{"password": "{CANARY}"}}',
        f"api_key={CANARY} secret={CANARY} pwd={CANARY}",
        f"cgk_{CANARY}",
        f"Cookie: a=b; camera_gateway={CANARY}; c=d",
        f"DELETE /front/whep/{CANARY} 200",
        "a=ice-pwd:cAnArY5ecret/+cAnArY",
        f"GET /g/{GRANT}/front/",
        GRANT.replace(".", "%2E"),
    ],
)
def test_a_secret_is_taken_out(text: str) -> None:
    shown = redact(text)
    assert "5ecret" not in shown
    assert GRANT_SIGNATURE[:8] not in shown.replace("k1.1790000000", "")


@pytest.mark.parametrize(
    "text",
    [
        "camera front-door is live: 1920x1080, 25.0 fps",
        "no answer from 192.0.2.10:554",
        "rtsp://192.0.2.10:554/stream1",
        "Wrong user name or password",
        "Basic information about the camera",
        "the bearer of this message",
        "version 1.16.0, av 18.1.0",
        "POST /front/whep 201",
        "GET /healthz 200",
        "front: reconnecting in 1.2 s",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_the_user_and_the_host_stay_readable() -> None:
    assert redact("rtsp://admin:pw@192.0.2.10/s") == "rtsp://admin:***@192.0.2.10/s"


def test_which_grant_was_used_stays_readable() -> None:
    assert redact(f"/g/{GRANT}/front/") == "/g/k1.1790000000.00112233445566aa.***/front/"


def test_secrets_in_message_arguments_and_exceptions_are_not_written(written: io.StringIO) -> None:
    logger = logging.getLogger("gateway.test")
    url = f"rtsp://user:{CANARY}@host/x"
    logger.debug("opening " + url)  # noqa: G003 (a message with the secret in it)
    logger.info("opening %s with %r", url, {"Authorization": f"Basic {CANARY}"})
    try:
        try:
            raise OSError(5, "input/output error", url)
        except OSError as error:
            raise RuntimeError(f"can't open {url}") from error
    except RuntimeError:
        logger.exception("camera failed", stack_info=True)
    text = written.getvalue()
    assert CANARY not in text
    assert text.count("user:***@host") >= 4
    assert "RuntimeError" in text


def test_a_traceback_that_another_handler_formatted_is_not_written_as_it_is(written: io.StringIO) -> None:
    try:
        raise ValueError(f"rtsp://user:{CANARY}@host")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "m", None, (type(error), error, None))
    raw = logging.Formatter().format(record)
    assert CANARY in raw
    logging.getLogger().handle(record)
    assert CANARY not in written.getvalue()
    assert record.exc_text
    assert CANARY in record.exc_text  # left to the other handler as it was


def test_what_a_client_sent_cannot_forge_a_second_record(written: io.StringIO) -> None:
    logging.getLogger("x").warning("asked for %s", "a\r\n2026-01-01 ERROR forged\x1b[31m\u2028")
    lines = written.getvalue().splitlines()
    assert len(lines) == 1
    assert r"a\r\n2026-01-01 ERROR forged\x1b[31m\u2028" in lines[0]


def test_a_record_names_time_level_and_logger(written: io.StringIO) -> None:
    logging.getLogger("gateway.source").warning("front: offline")
    line = written.getvalue()
    assert line.endswith(" WARNING gateway.source: front: offline\n")
    assert line[4] == "-"
    assert line[10] == "T"


def test_a_record_that_cannot_be_formatted_does_not_print_its_arguments(
    written: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("x").warning("%d", CANARY)
    assert CANARY not in written.getvalue()
    assert CANARY not in capsys.readouterr().err


def test_uncaught_exceptions_and_warnings_go_the_same_way(written: io.StringIO) -> None:
    secret = f"rtsp://user:{CANARY}@host"
    try:
        raise RuntimeError(secret)
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, None)))
    threading.excepthook(threading.ExceptHookArgs((SystemExit, None, None, None)))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(secret, stacklevel=1)
    text = written.getvalue()
    assert text.count("user:***@host") == 3
    assert CANARY not in text


def test_setting_up_twice_writes_once(written: io.StringIO) -> None:
    log.setup("info", stream=written)
    logging.getLogger("x").debug("below the level")
    logging.getLogger("x").info("once")
    assert written.getvalue().count("once") == 1
    assert "below" not in written.getvalue()


def test_control_characters_are_escaped_and_umlauts_are_not() -> None:
    assert escape_controls("Tür\t\x00\x85") == r"Tür\t\x00\x85"
