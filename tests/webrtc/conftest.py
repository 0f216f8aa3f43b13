"""Fixtures for everything that needs a gateway with viewers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.webrtc.stage import Stage, stage


@pytest_asyncio.fixture(name="stage")
async def _stage() -> AsyncIterator[Stage]:
    async with stage() as running:
        yield running
