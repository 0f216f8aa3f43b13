"""From the capture thread to the event loop: in order, bounded, and whole GOPs after a loss."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway.demo.audio_encoder import AudioConfig
from gateway.demo.capture import AudioUnit, Handover, Unit, VideoUnit
from gateway.demo.spec import AudioChoice
from gateway.demo.video_encoder import VideoConfig
from gateway.media.units import VideoCodec

_VIDEO = VideoConfig(codec=VideoCodec.H264, width=64, height=64, fps=30.0, parameter_sets=())
_AUDIO = AudioConfig(AudioChoice.PCMU, 8000, 1, 160)


def _picture(number: int, *, keyframe: bool = False) -> VideoUnit:
    return VideoUnit(_VIDEO, float(number), keyframe, b"")


async def test_units_arrive_in_order_in_the_loop() -> None:
    arrived: list[Unit] = []
    handover = Handover(asyncio.get_running_loop(), arrived.append, name="cam")
    units: list[Unit] = [_picture(0, keyframe=True), AudioUnit(_AUDIO, 0, b""), _picture(1)]

    def capture() -> None:
        for unit in units:
            handover.put(unit)

    await asyncio.to_thread(capture)
    await asyncio.sleep(0)
    assert arrived == units


async def test_late_loop_loses_pictures_up_to_the_next_keyframe(caplog: pytest.LogCaptureFixture) -> None:
    arrived: list[Unit] = []
    handover = Handover(asyncio.get_running_loop(), arrived.append, name="cam")
    for number in range(300):
        handover.put(_picture(number))
    handover.put(AudioUnit(_AUDIO, 0, b""))
    await asyncio.sleep(0)
    assert len(arrived) == 256
    handover.put(_picture(300))
    handover.put(AudioUnit(_AUDIO, 1, b""))
    handover.put(_picture(301, keyframe=True))
    handover.put(_picture(302))
    await asyncio.sleep(0)
    assert arrived[256:] == [AudioUnit(_AUDIO, 1, b""), _picture(301, keyframe=True), _picture(302)]
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "cam" in warnings[0].getMessage()
