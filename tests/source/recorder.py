"""An outlet for tests that remembers everything and lets a test wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from gateway.media.units import AccessUnit, StreamInfo, TrackKind
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, CameraStatus, ReasonCode
from gateway.source.supervisor import Supervisor

DEADLINE_S = 20.0


class Recorder:
    """An `Outlet`; all calls come on the loop."""

    def __init__(self) -> None:
        self.streams: list[StreamInfo] = []
        self.units: list[AccessUnit] = []
        self.statuses: list[CameraStatus] = []
        self.order: list[str] = []
        self.firsts: list[AccessUnit] = []
        """The first unit after each change of the stream."""

        self._changed = asyncio.Event()

    def stream_changed(self, stream: StreamInfo) -> None:
        self.streams.append(stream)
        self._note("stream")

    def deliver(self, units: Sequence[AccessUnit]) -> None:
        if len(self.firsts) < len(self.streams):
            self.firsts.append(units[0])
        self.units += units
        self._note("units")

    def status_changed(self, status: CameraStatus) -> None:
        self.statuses.append(status)
        self._note(status.state.value)

    def _note(self, what: str) -> None:
        if not self.order or self.order[-1] != what:
            self.order.append(what)
        self._changed.set()

    @property
    def video(self) -> list[AccessUnit]:
        return [unit for unit in self.units if unit.track is TrackKind.VIDEO]

    @property
    def audio(self) -> list[AccessUnit]:
        return [unit for unit in self.units if unit.track is TrackKind.AUDIO]

    @property
    def states(self) -> list[CameraState]:
        """The states it went through, without repetitions."""
        states = [status.state for status in self.statuses]
        return [state for index, state in enumerate(states) if index == 0 or state is not states[index - 1]]

    async def until(self, true: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
        """Wait until `true()`; it is asked again after each call to the outlet."""
        async with asyncio.timeout(deadline_s):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    async def pictures(self, count: int) -> list[AccessUnit]:
        """Wait for `count` more pictures and return them."""
        seen = len(self.video)
        await self.until(lambda: len(self.video) >= seen + count)
        return self.video[seen:]

    async def state(self, state: CameraState, *, code: ReasonCode | None = None) -> CameraStatus:
        """Wait until the camera's newest status is `state`, for the reason `code` if one is given."""
        await self.until(lambda: bool(self.statuses) and _matches(self.statuses[-1], state, code))
        return self.statuses[-1]


def _matches(status: CameraStatus, state: CameraState, code: ReasonCode | None) -> bool:
    return status.state is state and (code is None or (status.reason is not None and status.reason.code is code))


@asynccontextmanager
async def supervised(settings: SourceSettings, *, watched: bool = True) -> AsyncIterator[tuple[Supervisor, Recorder]]:
    """A running supervisor and what it delivers; closed, with no thread left, at the end of the block."""
    recorder = Recorder()
    supervisor = Supervisor("cam", settings, recorder)
    supervisor.start()
    if watched:
        supervisor.set_watched(watched=True)
    try:
        yield supervisor, recorder
    finally:
        await supervisor.close()
