"""Log lines that strangers can provoke: each kind once in a while, with a count of those left out."""

from __future__ import annotations

import logging
from typing import Final

from gateway.clock import SYSTEM_CLOCK, Clock

INTERVAL_S: Final = 10.0
_MAX_KINDS: Final = 256


class SparingLog:
    """Wraps a logger; a kind of line is its level and its words before arguments are put in."""

    def __init__(self, logger: logging.Logger, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._logger = logger
        self._clock = clock
        self._told: dict[tuple[int, str], float] = {}
        self._left_out: dict[tuple[int, str], int] = {}

    def info(self, words: str, *arguments: object) -> None:
        """Unless such a line was written in the last 10 s."""
        self._log(logging.INFO, words, arguments)

    def warning(self, words: str, *arguments: object) -> None:
        """Unless such a line was written in the last 10 s."""
        self._log(logging.WARNING, words, arguments)

    def exception(self, words: str, *arguments: object, kind: str = "") -> None:
        """With the traceback, unless such a line was; `kind` tells lines of the same words apart."""
        self._log(logging.ERROR, words, arguments, kind=kind, traceback=True)

    def _log(
        self, level: int, words: str, arguments: tuple[object, ...], *, kind: str = "", traceback: bool = False
    ) -> None:
        if not self._logger.isEnabledFor(level):
            return
        key, now = (level, kind or words), self._clock.monotonic()
        if now - self._told.get(key, float("-inf")) < INTERVAL_S:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return
        if len(self._told) >= _MAX_KINDS:
            self._told.clear()
            self._left_out.clear()
        self._told[key] = now
        left_out = self._left_out.pop(key, 0)
        if left_out:
            words = f"{words} (and {left_out} more like it before)"
        self._logger.log(level, words, *arguments, exc_info=traceback)
