"""The second, independent camera that other tests rely on."""

from __future__ import annotations

import pytest

from tests.demo.ffmpeg_client import ffprobe
from tests.support.gst_camera import GstSpec, gst_camera


async def test_gstreamer_camera_plays_with_sound() -> None:
    async with gst_camera(GstSpec(audio="pcma")) as camera:
        video, audio = await ffprobe(camera.url)
    assert (video["codec_name"], video["profile"], video["width"]) == ("h264", "Constrained Baseline", 320)
    assert audio["codec_name"] == "pcm_alaw"


async def test_gstreamer_camera_asks_for_its_password_and_restarts_on_its_port() -> None:
    async with gst_camera(GstSpec(login="viewer:secret")) as camera:
        url = camera.url
        with pytest.raises(AssertionError, match="401 Unauthorized"):
            await ffprobe(url.replace("secret", "guess"))
        await camera.kill()
        with pytest.raises(AssertionError, match="Connection refused"):
            await ffprobe(url)
        await camera.restart()
        assert camera.url == url
        assert (await ffprobe(url))[0]["codec_name"] == "h264"
