"""What a loop that is too slow costs, and what is written about it."""

from __future__ import annotations

import logging
import time

import pytest

from gateway.source import handover
from gateway.source.settings import SourceSettings
from tests.source.recorder import supervised
from tests.source.scripted_rtsp import Script, flood, scripted_server


async def test_a_loop_that_stands_still_loses_units_up_to_a_keyframe_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    # Small enough that the flood overflows it however slowly this machine feeds the reader.
    monkeypatch.setattr(handover, "MAX_UNITS", 32)
    async with (
        scripted_server(Script(after_play=flood(1500))) as server,
        supervised(SourceSettings(server.url)) as (_, outlet),
    ):
        await outlet.pictures(1)
        # The server and the loop share a thread; what it has sent is in the kernel's buffers already.
        blocked_until_s = time.monotonic() + 1.5
        while time.monotonic() < blocked_until_s:
            pass
        await outlet.until(lambda: "dropped" in caplog.text)
        await outlet.pictures(15)
        numbers = [unit.pts // 3000 for unit in outlet.video]
    gaps = [index for index in range(1, len(numbers)) if numbers[index] != numbers[index - 1] + 1]
    assert gaps
    assert all(outlet.video[index].keyframe for index in gaps)
    assert caplog.text.count("dropped") == 1
