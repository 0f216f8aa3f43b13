"""Maps a camera's timestamps onto one timeline that only grows, audio and video together (pure).

Video is the master: one shift, in ticks of 1/90000 s, is added to both tracks, so they stay aligned as the camera
aligned them.  FFmpeg moves a track's timestamps at its first RTCP sender report when there is audio, and not at the
same moment for both; so sound that does not fit the pictures is left out until it does.

What arrives late says nothing of the camera's clock: a picture that lay in a buffer (FFmpeg's parser holds each until
the next begins) while the camera stalled is old, and the step to the next one is the stall, not a jump.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.media.units import VIDEO_CLOCK_RATE

JUMP_S: Final = 2.0
"""A step beyond what time passed by more than this, or backward by more than this, is a jump."""

LATENESS_FORGIVEN_PER_S: Final = 0.01
"""How fast lateness is forgotten, in seconds a second: faster than clocks drift apart, slower than any stall."""

AUDIO_TOLERANCE_S: Final = 2.0
AUDIO_PATIENCE_S: Final = 12.0
"""How long sound may disagree with the pictures (two intervals of sender reports) before it is aligned by arrival."""

DEFAULT_INTERVAL: Final = VIDEO_CLOCK_RATE // 30
_LATE_LIMIT: Final = 3


@dataclass(frozen=True, slots=True)
class Resume:
    """Where the timeline stood when a connection ended, for the next one to go on from.

    `video` is the last video timestamp in ticks, `arrived_s` the monotonic second it arrived, `audio_s` the last
    audio timestamp in seconds.
    """

    video: int
    arrived_s: float
    audio_s: float = 0.0


class Timeline:
    """One connection's part of the timeline.  Timestamps in and out are decoding timestamps."""

    def __init__(self, resume: Resume | None = None) -> None:
        self.rebases = 0
        self.backward = 0
        self._resume = resume
        self._started = False
        self._shift = 0
        self._last = resume.video if resume else -1
        self._good_source: int | None = None
        self._good = 0
        self._good_arrived_s = 0.0
        self._lateness_s = 0.0
        self._late = 0
        self._audio_last_s = resume.audio_s if resume else -1.0
        self._audio_shift = 0
        self._audio_misfit_since_s: float | None = None

    def video(self, source: int | None, *, arrived_s: float, interval: int) -> int:
        """The timeline's ticks for a picture with the camera's timestamp `source` (None: the camera gave none).

        `arrived_s` is monotonic, `interval` the usual ticks between pictures (> 0).  A picture is never dropped, for
        all that follow up to the next keyframe need it: one whose timestamp is backward only loses the timestamp.
        """
        if self._good_source is None:
            return self._first(source, arrived_s, interval)
        if source is None:
            source = self._good_source + interval
        step = source - self._good_source
        passed_s = max(0.0, arrived_s - self._good_arrived_s)
        due = round((passed_s + self._lateness_s) * VIDEO_CLOCK_RATE)
        jump = max(round(JUMP_S * VIDEO_CLOCK_RATE), 3 * interval)
        if step > due + jump or step < -jump:
            return self._rebase(source, due=due, arrived_s=arrived_s, interval=interval)
        if step <= 0:
            self.backward += 1
            self._late += 1
            if self._late > _LATE_LIMIT:
                return self._rebase(source, due=due, arrived_s=arrived_s, interval=interval)
            self._last += 1
            return self._last
        forgiven_s = LATENESS_FORGIVEN_PER_S * passed_s
        self._lateness_s = max(0.0, (due - step) / VIDEO_CLOCK_RATE - forgiven_s)
        return self._accept(source, arrived_s)

    def audio(self, source: int, *, clock_rate: int, arrived_s: float) -> int | None:
        """The timeline's value for a packet of sound in units of 1/`clock_rate` s; None if it is to be left out."""
        if not self._started:
            return None
        shift = self._shift + self._audio_shift
        value = source + round(shift * clock_rate / VIDEO_CLOCK_RATE)
        expected_s = self._last / VIDEO_CLOCK_RATE + arrived_s - self._good_arrived_s
        misfit_s = expected_s - value / clock_rate
        # Sound need not be late when the newest picture was.
        if not -AUDIO_TOLERANCE_S - self._lateness_s <= misfit_s <= AUDIO_TOLERANCE_S:
            if self._audio_misfit_since_s is None:
                self._audio_misfit_since_s = arrived_s
            if arrived_s - self._audio_misfit_since_s < AUDIO_PATIENCE_S:
                return None
            self._audio_shift += round(misfit_s * VIDEO_CLOCK_RATE)
            value += round(misfit_s * clock_rate)
        self._audio_misfit_since_s = None
        value_s = value / clock_rate
        if value_s <= self._audio_last_s:
            self.backward += 1
            return None
        self._audio_last_s = value_s
        return value

    def _first(self, source: int | None, arrived_s: float, interval: int) -> int:
        """Until the camera has given a timestamp; FFmpeg often leaves the very first one out."""
        if not self._started and self._resume is not None:
            passed = round((arrived_s - self._resume.arrived_s) * VIDEO_CLOCK_RATE)
            out = self._last + max(passed, interval)
        else:
            out = self._last + interval if self._started else 0
        self._started = True
        self._shift = 0 if source is None else out - source
        self._keep(source, out=out, arrived_s=arrived_s)
        return out

    def _accept(self, source: int, arrived_s: float) -> int:
        out = max(source + self._shift, self._last + 1)
        self._keep(source, out=out, arrived_s=arrived_s)
        return out

    def _rebase(self, source: int, *, due: int, arrived_s: float, interval: int) -> int:
        self.rebases += 1
        out = max(self._good + max(due, interval), self._last + 1)
        self._shift = out - source
        self._lateness_s = 0.0
        self._audio_shift = 0
        self._audio_misfit_since_s = None
        self._keep(source, out=out, arrived_s=arrived_s)
        return out

    def _keep(self, source: int | None, *, out: int, arrived_s: float) -> None:
        self._good_source = source
        self._good = self._last = out
        self._good_arrived_s = arrived_s
        self._late = 0


class FrameInterval:
    """Measures the usual time between pictures from their timestamps."""

    _KEPT: Final = 48
    _ENOUGH: Final = 12

    def __init__(self, nominal_fps: float = 0.0) -> None:
        self._steps: deque[int] = deque(maxlen=self._KEPT)
        self._last: int | None = None
        self._ticks = round(VIDEO_CLOCK_RATE / nominal_fps) if nominal_fps else 0
        self._measured = False
        self._until_next = self._ENOUGH

    @property
    def ticks(self) -> int:
        """Ticks of 1/90000 s, measured, else as the camera declares, else a guess; at least 1."""
        return max(1, self._ticks or DEFAULT_INTERVAL)

    @property
    def fps(self) -> float:
        """Pictures per second, to two decimals; 0 while neither declared nor measured."""
        return round(VIDEO_CLOCK_RATE / self._ticks, 2) if self._ticks else 0.0

    def observe(self, ticks: int) -> None:
        """Take the next picture's timestamp."""
        if self._last is not None:
            self._steps.append(ticks - self._last)
            self._until_next -= 1
            if self._until_next <= 0:
                self._measure()
        self._last = ticks

    def _measure(self) -> None:
        self._until_next = self._KEPT
        median = sorted(self._steps)[len(self._steps) // 2]
        # The mean of the usual ones: many cameras round timestamps to milliseconds, which bends the median.
        usual = [step for step in self._steps if median <= 2 * step <= 3 * median]
        if usual:
            self._ticks = round(sum(usual) / len(usual))
