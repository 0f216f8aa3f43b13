"""Demo cameras as a process: for people, and as a child that never outlives its parent."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import textwrap

import pytest

from gateway.demo.__main__ import main
from gateway.demo.process import spawn_demo_cameras
from tests.demo.ffmpeg_client import ffprobe
from tests.demo.rtsp_client import rtsp_client

_SMALL = ("--camera", "cam:320x240@20:copies=2")


async def test_child_serves_its_cameras_and_ends_with_close() -> None:
    async with await spawn_demo_cameras(arguments=_SMALL) as cameras:
        assert list(cameras.urls) == ["cam-1", "cam-2"]
        assert (await ffprobe(cameras.urls["cam-2"]))[0]["codec_name"] == "h264"
        pid = cameras.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_child_that_cannot_start_is_an_error_with_its_reason(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="could not be started"):
        await spawn_demo_cameras(arguments=["--camera", "cam:321x240"])
    assert "width and height are even" in capfd.readouterr().err


async def test_child_that_dies_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async with await spawn_demo_cameras(arguments=_SMALL) as cameras:
        os.kill(cameras.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            while not caplog.records:  # noqa: ASYNC110 - a log record wakes nobody
                await asyncio.sleep(0.01)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "status -9" in record.getMessage()


async def test_child_ends_when_its_parent_is_killed() -> None:
    program = textwrap.dedent("""
        import asyncio
        from gateway.demo.process import spawn_demo_cameras

        async def run():
            cameras = await spawn_demo_cameras(arguments=["--camera", "cam:320x240@20"])
            print(cameras.urls["cam"], flush=True)
            await asyncio.sleep(60)

        asyncio.run(run())
    """)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        url = (await parent.stdout.readline()).decode().strip()
        async with rtsp_client(url) as client:
            assert (await client.request("OPTIONS")).status == 200
            parent.kill()
            # The child's end of its output closes when it is gone, and so does its connection.
            with pytest.raises(ConnectionResetError):
                await client.end()
        await parent.communicate()


async def test_command_prints_addresses_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "gateway.demo", "--port", "0", "--login", "u:p", *_SMALL]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        name, url = (await process.stdout.readline()).decode().split()
        assert name == "cam-1"
        async with rtsp_client(url) as client:
            assert (await client.request("DESCRIBE")).status == 401
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


def test_taken_port_is_one_sentence_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--camera", "cam:64x64@5"]) == 2
    error = capsys.readouterr().err
    assert f"can't listen on 127.0.0.1:{port}" in error
    assert "Traceback" not in error
