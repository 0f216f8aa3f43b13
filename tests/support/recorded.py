"""Figures that tests come by: seen with -o log_cli=true -o log_cli_level=info."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)


def record_gap(what: str, gap_ms: float) -> None:
    """The longest time without a new picture."""
    _log.info("%s: longest gap %.0f ms", what, gap_ms)


def record_latency(what: str, median_ms: float) -> None:
    """From the camera's clock in the picture to the screen."""
    _log.info("%s: median latency %.0f ms", what, median_ms)
