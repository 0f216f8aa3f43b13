"""Sets up logging: one line a record on standard error, without secrets whatever was logged."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Final, TextIO

from gateway.redaction import escape_controls, redact

LEVELS: Final = ("debug", "info", "warning", "error")
DEFAULT_LEVEL: Final = "info"

_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s"
_DATE_FORMAT = "%Y-%m-%dT%H:%M:%S"
_logger = logging.getLogger(__name__)


class RedactingFormatter(logging.Formatter):
    """Formats a record, then takes the secrets out of all of it: message, arguments, traceback.

    A message stays on one line: what a camera or a client sent can't forge a second record.  Lines of a traceback
    follow, indented.
    """

    def __init__(self) -> None:
        super().__init__(_FORMAT, _DATE_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name is logging's)
        """The one line of the record, control characters escaped."""
        return escape_controls(redact(super().formatMessage(record)))

    def formatException(  # noqa: N802 (the name is logging's)
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """The traceback, each line indented so that it can't pass for a record."""
        return _indent(redact(super().formatException(ei)))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 (the name is logging's)
        """The stack, like a traceback."""
        return _indent(redact(super().formatStack(stack_info)))

    def format(self, record: logging.LogRecord) -> str:
        """The whole record; its cached traceback, made by another handler, is not used as it is."""
        cached, record.exc_text = record.exc_text, None
        try:
            return super().format(record)
        finally:
            record.exc_text = cached


def setup(level: str = DEFAULT_LEVEL, *, stream: TextIO | None = None) -> None:
    """Sends records of `level` (one of LEVELS) and above to `stream` (standard error), uncaught exceptions too."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, RedactingFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.raiseExceptions = False  # a record that can't be formatted must not print its arguments
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _logger.critical("The gateway stopped by an error of its own", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "?"
    if args.exc_value is not None:
        exc_info = (args.exc_type, args.exc_value, args.exc_traceback)
        _logger.error("Thread %s stopped by an error of its own", name, exc_info=exc_info)


def _indent(text: str) -> str:
    return "\n".join("    " + escape_controls(line) for line in text.split("\n"))
