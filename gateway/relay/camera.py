"""A camera as the rest of the gateway knows it: its hub, its source, and who is watching."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gateway.clock import SYSTEM_CLOCK, Clock
from gateway.errors import CameraOffline, NotFound, Unprocessable
from gateway.media.units import StreamInfo
from gateway.relay.hub import Hub
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState, CameraStatus
from gateway.source.supervisor import Supervisor

OPEN_DEADLINE_S: Final = 10.0
"""How long a viewer waits for the first picture of a camera that has to be opened for it."""

_PLAYING = (CameraState.LIVE, CameraState.STALLED)


class Camera:
    """One configured camera.  Belongs to the event loop's thread."""

    def __init__(
        self, name: str, settings: SourceSettings, *, clock: Clock = SYSTEM_CLOCK, start_delay_s: float = 0.0
    ) -> None:
        self.name = name
        self.on_demand = settings.on_demand
        """Whether it is only read while somebody watches."""
        self.hub = Hub(name, status=CameraStatus(CameraState.CONNECTING, since=clock.now()))
        self.source = Supervisor(name, settings, self.hub, clock=clock, start_delay_s=start_delay_s)
        self.hub.status_changed(self.source.status)
        self.substream = None if settings.substream is None else _substream(name, settings, clock)
        """Its smaller rendition, read while somebody watches that one; None where there is none."""
        self._watchers = 0
        self._waiting: set[asyncio.Event] = set()

    @property
    def status(self) -> CameraStatus:
        """What the camera is doing now."""
        return self.hub.status

    @property
    def stream(self) -> StreamInfo | None:
        """The tracks of the current connection, None before the first."""
        return self.hub.stream

    def start(self) -> None:
        """Begin to read it, or, on demand, be ready to."""
        self.source.start()
        if self.substream is not None:
            self.substream.start()

    def retire(self) -> None:
        """It is none of the gateway's cameras any more; whoever waits for its pictures is told so."""
        self.hub.retired = True
        if self.substream is not None:
            self.substream.retire()
        for waiting in self._waiting:
            waiting.set()

    async def close(self) -> None:
        """Stop reading; bounded in time."""
        substream = self.substream
        await asyncio.gather(self.source.close(), *([] if substream is None else [substream.close()]))

    def watch(self) -> None:
        """Somebody watches from now on; undo with `unwatch`, once each."""
        self._watchers += 1
        if self._watchers == 1:
            self.source.set_watched(watched=True)

    def unwatch(self) -> None:
        """One watcher less."""
        self._watchers -= 1
        if self._watchers == 0:
            self.source.set_watched(watched=False)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch for the duration of a block."""
        self.watch()
        try:
            yield
        finally:
            self.unwatch()

    async def playing(self, *, deadline_s: float = OPEN_DEADLINE_S) -> StreamInfo:
        """Wait until the camera sends pictures and return its tracks.

        Raises CameraOffline, with the reason, when it does not in `deadline_s` seconds or is known not to;
        Unprocessable when what it sends can't be shown; NotFound when it is retired.
        """
        settled = asyncio.Event()

        def changed(*_: object) -> None:
            if self._settled():
                settled.set()

        self.hub.events.on("status", changed)
        self._waiting.add(settled)
        try:
            changed()
            async with asyncio.timeout(deadline_s):
                await settled.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.remove(settled)
            self.hub.events.remove_listener("status", changed)
        return self._require_playing()

    def _settled(self) -> bool:
        if self.hub.retired:
            return True
        state = self.status.state
        if state in _PLAYING:
            return self.stream is not None
        return state in (CameraState.OFFLINE, CameraState.UNSUPPORTED)

    def check_there(self) -> None:
        """Raises NotFound once it is retired."""
        if self.hub.retired:
            raise NotFound.camera(self.name)

    def _require_playing(self) -> StreamInfo:
        self.check_there()
        status = self.status
        if status.state in _PLAYING and self.stream is not None:
            return self.stream
        if status.state is CameraState.UNSUPPORTED:
            message = status.reason.message if status.reason else "This camera sends nothing a browser can play"
            raise Unprocessable(message, code="unsupported")
        message = status.reason.message if status.reason else "The camera has sent no pictures yet"
        raise CameraOffline(message, retry_after_s=2)


def _substream(name: str, settings: SourceSettings, clock: Clock) -> Camera:
    """A camera of its own: its state is not that of the camera it is the substream of."""
    assert settings.substream is not None  # noqa: S101  the only caller looks
    only = replace(settings, source=settings.substream, substream=None, on_demand=True)
    return Camera(f"{name} (substream)", only, clock=clock)
