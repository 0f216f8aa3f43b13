"""Decides when a camera is opened, given up and tried again: events and `now` in, actions and a status out (pure).

    RESTING ──watch──→ WAITING ──time──→ OPENING ──picture──→ PLAYING ⇄ SILENT
       ↑                  ↑                 │                    │        │
       └── nobody ──── STOPPING ←───────────┴────── too long ────┴────────┘

All times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from gateway.source import backoff
from gateway.source.status import CameraState, Reason, ReasonCode

OPEN_WITHIN_S: Final = 5.0
KEYFRAME_WITHIN_S: Final = 30.0
"""For a camera that sends pictures but no keyframe: longer than any sensible GOP."""

STALLED_AFTER_S: Final = 1.8
"""Seen from outside it must be within 2 s."""

RECONNECT_AFTER_S: Final = 4.5
STOP_GRACE_S: Final = 1.0
LINGER_S: Final = 10.0
SETTLED_AFTER_S: Final = 10.0
"""A connection that played for this long starts the back-off anew."""

MAIN_AGAIN_AFTER_S: Final = 600.0


class Phase(Enum):
    """What the supervisor is occupied with; finer than the camera's public state."""

    RESTING = auto()
    WAITING = auto()
    OPENING = auto()
    PLAYING = auto()
    SILENT = auto()
    STOPPING = auto()
    CLOSED = auto()


class Rendition(Enum):
    """Which of the camera's URLs to read."""

    MAIN = auto()
    SUBSTREAM = auto()


class Action(Enum):
    """What the shell must do: start a reader, ask the reader to end, or let go of one that does not."""

    OPEN = auto()
    STOP = auto()
    ABANDON = auto()


@dataclass(frozen=True, slots=True)
class View:
    """A camera's public status in monotonic seconds."""

    state: CameraState
    since: float
    reason: Reason | None = None
    retry_at: float | None = None


_NO_ANSWER: Final = Reason(ReasonCode.NO_ANSWER, "No answer from the camera")
_NO_PICTURES: Final = Reason(ReasonCode.NO_PICTURES, "The camera has stopped sending pictures")
_AT_REST: Final = frozenset({Phase.RESTING, Phase.CLOSED})
_READING: Final = frozenset({Phase.OPENING, Phase.PLAYING, Phase.SILENT})
_KEPT_WHILE_TRYING: Final = frozenset({CameraState.OFFLINE, CameraState.UNSUPPORTED})


class Supervision:
    """One camera's decisions.  The shell calls an event, carries out `take_actions`, and sleeps until `deadline`."""

    def __init__(self, *, on_demand: bool, has_substream: bool, random: Callable[[], float], now: float) -> None:
        self._on_demand = on_demand
        self._has_substream = has_substream
        self._random = random
        self._phase = Phase.RESTING
        self._actions: list[Action] = []
        self._watched = False
        self._rest_at: float | None = None
        self._rest_after_stop = False
        self._failures = 0
        self._interval_s = 0.0
        self._opened_at = self._open_by = self._played_since = self._last_picture = self._retry_at = self._stop_by = now
        self._abandoned = False
        self._main_refused: tuple[float, Reason] | None = None
        self.rendition = Rendition.MAIN
        self.view = View(CameraState.IDLE, now)

    @property
    def phase(self) -> Phase:
        """What it is occupied with."""
        return self._phase

    @property
    def deadline(self) -> float | None:
        """When `tick` must be called next; None: only an event can change anything."""
        moments = [moment for moment in (self._phase_deadline(), self._rest_at) if moment is not None]
        return min(moments, default=None)

    def take_actions(self) -> list[Action]:
        """What to do now, in order; each is returned once."""
        actions, self._actions = self._actions, []
        return actions

    def start(self, now: float, *, delay_s: float = 0.0) -> None:
        """Begin; `delay_s` spreads the starts of many cameras.  An on-demand camera waits for `watch`."""
        if self._phase is Phase.RESTING and not self._on_demand:
            self._wait(now + delay_s)
            self._show(CameraState.CONNECTING, now)
            self.tick(now)

    def watch(self, now: float) -> None:
        """Somebody watches."""
        self._watched = True
        self._rest_at = None
        if self._phase is Phase.RESTING and self._on_demand:
            self._wait(now)
        elif self._phase is Phase.STOPPING and self._rest_after_stop:
            self._rest_after_stop = False
            self._retry_at = now
            self._show(CameraState.CONNECTING, now)
        elif self._phase is Phase.WAITING and not self._must_be_patient():
            self._hasten(now + backoff.WATCHED_DELAY_S)
        self.tick(now)

    def unwatch(self, now: float) -> None:
        """Nobody watches any more."""
        self._watched = False
        if self._on_demand and self._phase not in _AT_REST and not self._rest_after_stop:
            self._rest_at = now + LINGER_S

    def retry(self, now: float) -> None:
        """Somebody asked for an attempt right now; it changes nothing while one runs."""
        if self._phase is Phase.WAITING:
            self._hasten(now)
        self.tick(now)

    def waiting(self, now: float) -> None:
        """Pictures arrive, but no keyframe yet."""
        if self._phase is Phase.OPENING:
            self._open_by = max(self._open_by, min(now + OPEN_WITHIN_S, self._opened_at + KEYFRAME_WITHIN_S))

    def picture(self, now: float, *, interval_s: float) -> None:
        """A picture was delivered; `interval_s` is the usual time to the next."""
        self._last_picture = now
        self._interval_s = interval_s
        if self._phase is Phase.OPENING:
            self._played_since = now
        if self._phase in (Phase.OPENING, Phase.SILENT):
            self._phase = Phase.PLAYING
            self._show(CameraState.LIVE, now)

    def ended(self, now: float, reason: Reason, *, rejected: bool = False) -> None:
        """The current reader is gone; `rejected`: what it read can't be shown."""
        if self._phase is Phase.STOPPING:
            self._after_stop()
        elif self._phase in _READING:
            if rejected:
                self._refuse(now, reason)
            else:
                self._plan_retry(now, reason)
            self._phase = Phase.WAITING
        self.tick(now)

    def abandoned_ended(self, now: float) -> None:
        """The reader that was let go of is gone at last."""
        self._abandoned = False
        self.tick(now)

    def close(self) -> None:
        """End for good: after this there are no actions and no deadline but a last STOP."""
        if self._phase in _READING:
            self._actions.append(Action.STOP)
        self._phase = Phase.CLOSED
        self._rest_at = None

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._rest_at is not None and now >= self._rest_at:
            self._rest(now)
        due = self._phase_deadline()
        if due is None or now < due:
            return
        match self._phase:
            case Phase.WAITING:
                self._open(now)
            case Phase.OPENING:
                self._give_up(now, _NO_ANSWER)
            case Phase.PLAYING:
                self._phase = Phase.SILENT
                self._show(CameraState.STALLED, now, _NO_PICTURES)
            case Phase.SILENT:
                self._give_up(now, _NO_PICTURES)
            case _:
                # STOPPING: the thread hangs in FFmpeg.  One such may be left behind, never two.
                self._abandoned = True
                self._actions.append(Action.ABANDON)
                self._after_stop()
                self.tick(now)

    def _phase_deadline(self) -> float | None:
        match self._phase:
            case Phase.WAITING:
                return self._retry_at
            case Phase.OPENING:
                return self._open_by
            case Phase.PLAYING:
                return self._last_picture + max(STALLED_AFTER_S, 3 * self._interval_s)
            case Phase.SILENT:
                return self._last_picture + max(RECONNECT_AFTER_S, 5 * self._interval_s)
            case Phase.STOPPING:
                return None if self._abandoned else self._stop_by
            case _:
                return None

    def _wait(self, until: float) -> None:
        self._phase = Phase.WAITING
        self._retry_at = until

    def _open(self, now: float) -> None:
        self._phase = Phase.OPENING
        self._opened_at = now
        self._open_by = now + OPEN_WITHIN_S
        self._actions.append(Action.OPEN)
        kept = self.view.state if self.view.state in _KEPT_WHILE_TRYING else CameraState.CONNECTING
        self._show(kept, now, self.view.reason)

    def _give_up(self, now: float, reason: Reason) -> None:
        self._plan_retry(now, reason)
        self._stop(now)

    def _stop(self, now: float) -> None:
        self._phase = Phase.STOPPING
        self._stop_by = now + STOP_GRACE_S
        self._actions.append(Action.STOP)

    def _after_stop(self) -> None:
        self._phase = Phase.RESTING if self._rest_after_stop else Phase.WAITING
        self._rest_after_stop = False

    def _rest(self, now: float) -> None:
        self._rest_at = None
        if self._phase in _READING:
            self._rest_after_stop = True
            self._stop(now)
        elif self._phase is Phase.STOPPING:
            self._rest_after_stop = True
        else:
            self._phase = Phase.RESTING
        self._show(CameraState.IDLE, now)

    def _plan_retry(self, now: float, reason: Reason) -> None:
        was_live = self._phase is not Phase.OPENING
        if was_live and now - self._played_since >= SETTLED_AFTER_S:
            self._failures = 0
        self._failures += 1
        if self._main_refused is not None and now - self._main_refused[0] >= MAIN_AGAIN_AFTER_S:
            self.rendition, self._main_refused = Rendition.MAIN, None
        delay_s = backoff.delay_s(
            self._failures,
            random=self._random(),
            watched=self._watched,
            lockout_risk=reason.code is ReasonCode.AUTH_FAILED,
        )
        # Silence has already been waited for.
        self._retry_at = max(now, (self._last_picture if was_live else now) + delay_s)
        self._show(CameraState.CONNECTING if was_live else CameraState.OFFLINE, now, reason, retry_at=self._retry_at)

    def _refuse(self, now: float, reason: Reason) -> None:
        if self.rendition is Rendition.MAIN and self._has_substream:
            self.rendition, self._main_refused = Rendition.SUBSTREAM, (now, reason)
            self._retry_at = now
            return
        if self._main_refused is not None:
            # The main stream's reason is the one to act on.
            reason = self._main_refused[1]
        self.rendition, self._main_refused = Rendition.MAIN, None
        self._retry_at = now + backoff.slow_delay_s(random=self._random())
        self._show(CameraState.UNSUPPORTED, now, reason, retry_at=self._retry_at)

    def _must_be_patient(self) -> bool:
        reason = self.view.reason
        return self.view.state is CameraState.UNSUPPORTED or (
            reason is not None and reason.code is ReasonCode.AUTH_FAILED
        )

    def _hasten(self, until: float) -> None:
        if until < self._retry_at:
            self._retry_at = until
            self.view = replace(self.view, retry_at=until)

    def _show(
        self, state: CameraState, now: float, reason: Reason | None = None, *, retry_at: float | None = None
    ) -> None:
        since = self.view.since if state is self.view.state else now
        self.view = View(state, since, reason, retry_at)
