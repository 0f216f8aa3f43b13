"""The thread behind one demo camera: draws, records and encodes on time, while somebody wants it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av

from gateway.demo.audio_encoder import AudioConfig, AudioEncoder
from gateway.demo.picture import Picture
from gateway.demo.schedule import Grid
from gateway.demo.video_encoder import VideoConfig, VideoEncoder

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.demo.spec import CameraSpec

_log = logging.getLogger(__name__)

_HELD_LIMIT = 256
_AUDIO_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class VideoUnit:
    """One access unit (Annex B, no parameter sets); `capture_s` is on the monotonic clock."""

    config: VideoConfig
    capture_s: float
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class AudioUnit:
    """One audio frame; `number` counts frames since the camera's start, whether made or skipped."""

    config: AudioConfig
    number: int
    data: bytes


Unit = VideoUnit | AudioUnit


class Optics:
    """A picture and the encoder for it; replaced together when the resolution changes."""

    def __init__(self, spec: CameraSpec) -> None:
        self.spec = spec
        self.picture = Picture(spec)
        self.encoder = VideoEncoder(spec)


class Handover:
    """Carries units from the capture thread to the event loop, at most 256.

    When the loop is that late, newer units are dropped, video up to the next keyframe, and the loss is logged once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Unit], None], *, name: str) -> None:
        self._loop = loop
        self._deliver = deliver
        self._name = name
        self._lock = threading.Lock()
        self._units: deque[Unit] = deque()
        self._await_keyframe = False
        self._scheduled = False

    def put(self, unit: Unit) -> None:
        """Called in the capture thread."""
        with self._lock:
            if not self._accepts(unit):
                return
            self._units.append(unit)
            if self._scheduled:
                return
            self._scheduled = True
        self._loop.call_soon_threadsafe(self._drain)

    def _accepts(self, unit: Unit) -> bool:
        full = len(self._units) >= _HELD_LIMIT
        if isinstance(unit, AudioUnit):
            return not full
        if full and not self._await_keyframe:
            self._await_keyframe = True
            _log.warning(
                "Demo camera %s: the event loop is late, pictures are dropped to the next keyframe", self._name
            )
        elif not full and unit.keyframe:
            self._await_keyframe = False
        return not self._await_keyframe

    def _drain(self) -> None:
        with self._lock:
            units, self._units = self._units, deque()
            self._scheduled = False
        for unit in units:
            self._deliver(unit)


class CaptureThread:
    """Makes units on a fixed time grid that starts at `epoch_s` (monotonic); late pictures are skipped, not queued."""

    def __init__(self, *, optics: Optics, audio: AudioEncoder | None, epoch_s: float, handover: Handover) -> None:
        self._optics = optics
        self._next_optics: Optics | None = None
        self._audio = audio
        self._epoch_s = epoch_s
        self._handover = handover
        self._changed = threading.Condition()
        self._wanted = False
        self._keyframe_due = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"demo-{optics.spec.name}", daemon=True)

    def start(self) -> None:
        """Starts the thread; it sleeps until `resume`."""
        self._thread.start()

    def resume(self) -> None:
        """Captures from now on, beginning with a keyframe."""
        with self._changed:
            self._wanted = True
            self._keyframe_due = True
            self._changed.notify()

    def pause(self) -> None:
        """Stops capturing; costs nothing until `resume`."""
        with self._changed:
            self._wanted = False
            self._changed.notify()

    def replace_optics(self, optics: Optics) -> None:
        """Takes another picture and encoder from the next picture on."""
        with self._changed:
            self._next_optics = optics

    def stop(self) -> None:
        """Ends the thread and waits for it: call it in a worker thread, not on an event loop."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while self._await_wanted():
                self._capture()
        except av.FFmpegError:
            _log.exception("Demo camera %s stopped: its encoder failed", self._optics.spec.name)

    def _await_wanted(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._stopping)
            return not self._stopping

    def _capture(self) -> None:
        """Captures until paused or stopped."""
        now_s = time.monotonic()
        pictures = Grid(epoch_s=self._epoch_s, rate_hz=float(self._optics.spec.fps))
        pictures.restart(now_s)
        sounds = self._sound_grid(now_s)
        while True:
            sound_is_next = sounds is not None and sounds.due_s <= pictures.due_s
            due = sounds if sounds is not None and sound_is_next else pictures
            if not self._wait_until(due.due_s):
                return
            if sound_is_next:
                self._record(due.number, end_s=due.due_s)
            else:
                self._take_picture(due.due_s)
            due.advance(time.monotonic())

    def _sound_grid(self, now_s: float) -> Grid | None:
        if self._audio is None:
            return None
        frame_s = self._audio.config.frame_s
        # A packet can leave when its last sample was taken.
        grid = Grid(epoch_s=self._epoch_s + frame_s, rate_hz=1 / frame_s, patience_s=_AUDIO_PATIENCE_S)
        grid.restart(now_s)
        return grid

    def _wait_until(self, due_s: float) -> bool:
        """False when told to pause or stop before that."""
        with self._changed:
            self._changed.wait_for(self._interrupted, timeout=max(0.0, due_s - time.monotonic()))
            return not self._interrupted()

    def _interrupted(self) -> bool:
        return self._stopping or not self._wanted

    def _record(self, number: int, *, end_s: float) -> None:
        audio = self._audio
        if audio is None:
            return
        data = audio.encode(wall_s=_wall_time(end_s - audio.config.frame_s))
        if data:
            self._handover.put(AudioUnit(audio.config, number, data))

    def _take_picture(self, capture_s: float) -> None:
        with self._changed:
            keyframe, self._keyframe_due = self._keyframe_due, False
            if self._next_optics is not None:
                self._optics, self._next_optics = self._next_optics, None
        optics = self._optics
        frame = optics.picture.draw(wall_s=_wall_time(capture_s))
        for coded in optics.encoder.encode(frame, capture_s=capture_s, keyframe=keyframe):
            self._handover.put(VideoUnit(optics.encoder.config, coded.capture_s, coded.keyframe, coded.data))


def _wall_time(monotonic_s: float) -> float:
    """Unix seconds of a recent moment on the monotonic clock."""
    return time.time() - (time.monotonic() - monotonic_s)
