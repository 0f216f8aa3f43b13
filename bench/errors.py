"""What stops a measurement, as a sentence for the person who started it."""

from __future__ import annotations


class BenchError(Exception):
    """Nothing can be measured; the text says why and what to do."""
