"""A configuration as text, read from gateway.yml in the folder a test runs in."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config, load_config
from gateway.errors import ConfigError

CANARY = "cAnArY5ecret"
"""Stands where secrets do: no complaint may repeat it."""


def load(text: str, **environment: str) -> Config:
    """What it says, with these environment variables."""
    Path("gateway.yml").write_text(text, "utf-8")
    return load_config(Path("gateway.yml"), environment=environment).config


def complaints(text: str, **environment: str) -> list[str]:
    """What is wrong with it, in which no secret stands."""
    with pytest.raises(ConfigError) as caught:
        load(text, **environment)
    assert CANARY not in "".join(caught.value.lines)
    return list(caught.value.lines)
