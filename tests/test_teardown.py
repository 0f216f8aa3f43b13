"""Taking parts down: all at once, under one deadline, whatever fails or hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator
from unittest import mock

import pytest
import pytest_asyncio

from gateway import teardown
from gateway.teardown import ExitDeadline, StopSignal, Teardown
from tests.webrtc.stage import settled


class Parts:
    """Parts that note when they are closed."""

    def __init__(self) -> None:
        self.teardown = Teardown()
        self.closed: list[str] = []
        self.begun: list[str] = []

    def add(self, name: str, *, until: asyncio.Event | None = None, last: bool = False) -> None:
        async def close() -> None:
            self.begun.append(name)
            if until is not None:
                await until.wait()
            self.closed.append(name)

        self.teardown.add(name, close, last=last)


@pytest.mark.asyncio
async def test_all_begin_at_once_the_newest_first_and_the_last_come_last() -> None:
    parts = Parts()
    gate = asyncio.Event()
    parts.add("port", last=True)
    parts.add("cameras", until=gate)
    parts.add("http", until=gate)
    parts.add("sessions")
    closing = asyncio.create_task(parts.teardown.close())
    await settled(lambda: len(parts.begun) == 3, "not all begin")
    assert (parts.begun, parts.closed) == (["sessions", "http", "cameras"], ["sessions"])
    gate.set()
    await closing
    assert parts.closed[-1] == "port"
    assert sorted(parts.closed) == ["cameras", "http", "port", "sessions"]


@pytest.mark.asyncio
async def test_a_part_that_hangs_is_left_behind_by_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(teardown, "TOGETHER_S", 0.0)
    parts = Parts()
    parts.add("the port", last=True)
    parts.add("cameras", until=asyncio.Event())
    parts.add("sessions")
    await parts.teardown.close()
    assert parts.closed == ["sessions", "the port"]
    assert "cameras did not end within 0 s" in caplog.text


@pytest.mark.asyncio
async def test_a_part_that_fails_keeps_nothing_else_open(caplog: pytest.LogCaptureFixture) -> None:
    parts = Parts()
    parts.add("port", last=True)

    async def fail() -> None:
        raise OSError("no")

    parts.teardown.add("cameras", fail)
    await parts.teardown.close()
    assert parts.closed == ["port"]
    assert "closing cameras failed" in caplog.text


@pytest.mark.asyncio
async def test_what_was_closed_is_not_closed_again() -> None:
    parts = Parts()
    parts.add("port")
    await parts.teardown.close()
    await parts.teardown.close()
    assert parts.closed == ["port"]


@pytest.mark.parametrize(("done", "code"), [(True, 0), (False, 1)])
def test_the_process_ends_at_its_deadline_and_says_what_hangs(
    caplog: pytest.LogCaptureFixture, *, done: bool, code: int
) -> None:
    left: list[int] = []
    ended = threading.Event()

    def leave(status: int) -> None:
        left.append(status)
        ended.set()

    deadline = ExitDeadline(0.0, leave=leave)
    deadline.done = done
    with caplog.at_level(logging.WARNING):
        deadline.begin()
        deadline.begin()
        assert ended.wait(10)
    assert left == [code]
    assert "MainThread" in caplog.text


class Starting:
    """Something that takes its time to start."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.undone = False

    async def start(self) -> str:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.undone = True
            raise
        return "started"


@pytest_asyncio.fixture(name="stop")
async def _stop() -> AsyncIterator[StopSignal]:
    yield StopSignal(mock.Mock(spec=ExitDeadline))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)


@pytest.mark.asyncio
async def test_what_starts_before_the_signal_is_used(stop: StopSignal) -> None:
    starting = Starting()
    starting.go.set()
    assert await stop.outruns(starting.start()) == "started"


@pytest.mark.asyncio
async def test_the_signal_undoes_what_is_still_starting(stop: StopSignal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    starting = Starting()
    outrunning = asyncio.create_task(stop.outruns(starting.start()))
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    assert await outrunning is None
    assert starting.undone
    await stop.wait()
    assert caplog.messages.count("stopping") == 1


@pytest.mark.asyncio
async def test_what_fails_to_start_says_so(stop: StopSignal) -> None:
    async def fail() -> None:
        raise OSError("taken")

    with pytest.raises(OSError, match="taken"):
        await stop.outruns(fail())
