from __future__ import annotations

import pytest

from gateway.source.status import CameraState, Reason, ReasonCode
from gateway.source.supervision import Action, Phase, Rendition, Supervision

CLOSED = Reason(ReasonCode.CLOSED, "The camera closed the connection")
REFUSED = Reason(ReasonCode.REFUSED, "Its port is closed")
LOCKED = Reason(ReasonCode.AUTH_FAILED, "Wrong user name or password")
H265 = Reason(ReasonCode.CODEC, "This camera sends H.265")
SUB_H265 = Reason(ReasonCode.CODEC, "This sub-stream sends H.265")


class Rig:
    """A supervision and a clock that runs only when told to; jitter is none."""

    def __init__(self, *, on_demand: bool = False, has_substream: bool = False) -> None:
        self.now = 100.0
        self.actions: list[tuple[float, Action]] = []
        self.core = Supervision(on_demand=on_demand, has_substream=has_substream, random=lambda: 0.5, now=self.now)

    def start(self, delay_s: float = 0.0) -> Rig:
        self.core.start(self.now, delay_s=delay_s)
        self._collect()
        return self

    def watch(self) -> None:
        self.core.watch(self.now)
        self._collect()

    def unwatch(self) -> None:
        self.core.unwatch(self.now)
        self._collect()

    def retry(self) -> None:
        self.core.retry(self.now)
        self._collect()

    def play(self, seconds: float = 0.0, *, step_s: float = 1.0) -> Rig:
        self.core.picture(self.now, interval_s=step_s if step_s > 1 else 1 / 30)
        end = self.now + seconds
        while self.now < end:
            self.wait(step_s)
            self.core.picture(self.now, interval_s=step_s if step_s > 1 else 1 / 30)
        return self

    def end(self, reason: Reason = CLOSED, *, rejected: bool = False) -> None:
        self.core.ended(self.now, reason, rejected=rejected)
        self._collect()

    def fail(self, times: int, reason: Reason = REFUSED) -> list[float]:
        """Let attempts fail at once, each when it is due; returns the planned waits."""
        planned = []
        for _ in range(times):
            if self.core.phase is Phase.WAITING:
                assert self.core.deadline is not None
                self.wait(self.core.deadline - self.now)
            self.end(reason)
            assert self.core.view.retry_at is not None
            planned.append(round(self.core.view.retry_at - self.now, 3))
        return planned

    def abandoned_end(self) -> None:
        self.core.abandoned_ended(self.now)
        self._collect()

    def close(self) -> None:
        self.core.close()
        self._collect()

    def wait(self, seconds: float) -> Rig:
        """Let time pass as the shell does: from deadline to deadline."""
        end = self.now + seconds
        while self.core.deadline is not None and self.core.deadline <= end:
            self.now = max(self.now, self.core.deadline)
            self.core.tick(self.now)
            self._collect()
        self.now = end
        self.core.tick(end)
        self._collect()
        return self

    def _collect(self) -> None:
        self.actions += [(self.now, action) for action in self.core.take_actions()]

    def is_in(self, state: CameraState) -> bool:
        return self.core.view.state is state

    def reads(self, rendition: Rendition) -> bool:
        return self.core.rendition is rendition

    @property
    def state(self) -> CameraState:
        return self.core.view.state

    @property
    def code(self) -> ReasonCode | None:
        return self.core.view.reason.code if self.core.view.reason else None

    def opened(self) -> list[float]:
        return [round(moment - 100.0, 3) for moment, action in self.actions if action is Action.OPEN]

    def last(self) -> Action:
        return self.actions[-1][1]


def test_an_always_on_camera_is_opened_at_once() -> None:
    rig = Rig().start()
    assert rig.opened() == [0.0]
    assert (rig.state, rig.code) == (CameraState.CONNECTING, None)
    rig.play()
    assert (rig.state, rig.code) == (CameraState.LIVE, None)


def test_many_cameras_start_one_after_another() -> None:
    rig = Rig().start(delay_s=0.4)
    assert rig.is_in(CameraState.CONNECTING)
    assert rig.wait(1).opened() == [0.4]


def test_starting_twice_opens_once() -> None:
    rig = Rig().start()
    rig.start()
    assert rig.opened() == [0.0]


def test_silence_is_shown_within_two_seconds_and_reconnects_within_five() -> None:
    rig = Rig().start().play(20)
    silent_since = rig.now
    rig.wait(1.5)
    assert rig.is_in(CameraState.LIVE)
    rig.wait(0.5)
    assert (rig.state, rig.code) == (CameraState.STALLED, ReasonCode.NO_PICTURES)
    rig.wait(2.5)
    assert rig.last() is Action.STOP
    rig.end()
    assert rig.opened()[-1] <= silent_since - 100 + 5
    assert (rig.state, rig.code) == (CameraState.CONNECTING, ReasonCode.NO_PICTURES)


def test_pictures_end_a_stall() -> None:
    rig = Rig().start().play(20).wait(3)
    assert rig.is_in(CameraState.STALLED)
    rig.play(1)
    assert rig.is_in(CameraState.LIVE)
    assert rig.opened() == [0.0]


@pytest.mark.parametrize("interval_s", [1.001, 3.0])
def test_a_slow_camera_is_neither_stalled_nor_reconnected(interval_s: float) -> None:
    rig = Rig().start().play(60, step_s=interval_s)
    assert rig.is_in(CameraState.LIVE)
    assert rig.opened() == [0.0]
    rig.wait(2.9 * interval_s)
    assert rig.is_in(CameraState.LIVE)
    rig.wait(0.2 * interval_s)
    assert rig.is_in(CameraState.STALLED)


def test_a_camera_dead_at_start_is_tried_on_the_schedule() -> None:
    assert Rig().start().fail(23) == [1.0] * 5 + [5.0] * 5 + [10.0] * 10 + [60.0] * 3


def test_offline_lasts_through_the_attempts_with_its_reason() -> None:
    rig = Rig().start()
    rig.end(REFUSED)
    since = rig.core.view.since
    rig.wait(1)
    assert rig.opened() == [0.0, 1.0]
    assert (rig.state, rig.code, rig.core.view.since) == (CameraState.OFFLINE, ReasonCode.REFUSED, since)
    assert rig.core.view.retry_at is None
    rig.end(LOCKED)
    assert (rig.state, rig.code, rig.core.view.since) == (CameraState.OFFLINE, ReasonCode.AUTH_FAILED, since)
    rig.wait(1)
    rig.play()
    assert rig.is_in(CameraState.LIVE)


def test_watching_shortens_the_wait_to_two_seconds() -> None:
    rig = Rig().start()
    rig.fail(12)
    attempts = len(rig.opened())
    rig.watch()
    assert rig.core.view.retry_at == rig.now + 2
    rig.wait(2)
    assert len(rig.opened()) == attempts + 1
    rig.end(REFUSED)
    assert rig.core.view.retry_at == pytest.approx(rig.now + 2)


def test_watching_does_not_hurry_a_refused_password() -> None:
    rig = Rig().start()
    rig.fail(12, LOCKED)
    planned = rig.core.deadline
    rig.watch()
    assert rig.core.deadline == planned
    assert rig.fail(1, LOCKED) == [10.0]


def test_asking_for_a_retry_does_it_at_once() -> None:
    rig = Rig().start()
    rig.end(LOCKED)
    rig.retry()
    assert rig.opened() == [0.0, 0.0]
    rig.retry()
    assert rig.opened() == [0.0, 0.0]


def test_a_connection_that_lasted_starts_the_schedule_anew() -> None:
    rig = Rig().start()
    for _ in range(7):
        rig.end(REFUSED)
        rig.wait(5)
    rig.play(11)
    rig.end()
    assert rig.core.view.retry_at == pytest.approx(rig.now + 1)
    assert rig.is_in(CameraState.CONNECTING)


def test_a_connection_that_did_not_last_does_not() -> None:
    rig = Rig().start()
    for _ in range(7):
        rig.wait(6)
        rig.play(1)
        rig.end()
    assert rig.core.view.retry_at == pytest.approx(rig.now + 5)


def test_an_attempt_without_an_answer_is_given_up() -> None:
    rig = Rig().start().wait(4.9)
    assert rig.is_in(CameraState.CONNECTING)
    rig.wait(0.1)
    assert rig.last() is Action.STOP
    assert (rig.state, rig.code) == (CameraState.OFFLINE, ReasonCode.NO_ANSWER)
    rig.end(REFUSED)
    assert rig.code is ReasonCode.NO_ANSWER
    rig.wait(1)
    assert rig.opened() == [0.0, 6.0]


def test_a_camera_with_a_long_gop_has_half_a_minute_for_its_keyframe() -> None:
    rig = Rig().start()
    for _ in range(29):
        rig.wait(1)
        rig.core.waiting(rig.now)
    assert rig.is_in(CameraState.CONNECTING)
    rig.wait(1)
    rig.core.waiting(rig.now)
    assert rig.is_in(CameraState.OFFLINE)


def test_pictures_without_keyframe_count_only_while_opening() -> None:
    rig = Rig().start().play(3)
    deadline = rig.core.deadline
    rig.core.waiting(rig.now)
    assert rig.core.deadline == deadline


def test_a_reader_that_hangs_is_left_behind_once() -> None:
    rig = Rig().start().play(20).wait(4.5)
    assert rig.last() is Action.STOP
    rig.wait(1)
    assert [action for _, action in rig.actions[-2:]] == [Action.ABANDON, Action.OPEN]
    # The next one hangs too: now there is no more room.
    rig.wait(60)
    assert rig.actions.count((rig.actions[-1][0], Action.ABANDON)) == 0
    assert rig.last() is Action.STOP
    assert rig.core.phase is Phase.STOPPING
    assert rig.core.deadline is None


def test_an_attempt_goes_on_when_the_hanging_reader_ends_at_last() -> None:
    rig = Rig().start().play(20).wait(70)
    rig.abandoned_end()
    assert [action for _, action in rig.actions[-2:]] == [Action.ABANDON, Action.OPEN]


def test_an_attempt_goes_on_when_the_current_reader_ends_at_last() -> None:
    rig = Rig().start().play(20).wait(70)
    rig.end()
    assert rig.last() is Action.OPEN


def test_an_on_demand_camera_rests_until_somebody_watches() -> None:
    rig = Rig(on_demand=True).start().wait(100)
    assert (rig.state, rig.opened()) == (CameraState.IDLE, [])
    rig.watch()
    assert (rig.state, rig.opened()) == (CameraState.CONNECTING, [100.0])
    rig.play(3)
    assert rig.is_in(CameraState.LIVE)


def test_it_closes_ten_seconds_after_the_last_viewer() -> None:
    rig = Rig(on_demand=True).start()
    rig.watch()
    rig.play(3)
    rig.unwatch()
    rig.play(9)
    assert rig.is_in(CameraState.LIVE)
    rig.wait(1)
    assert (rig.state, rig.last()) == (CameraState.IDLE, Action.STOP)
    rig.end()
    assert (rig.core.phase, rig.core.deadline) == (Phase.RESTING, None)


def test_it_stays_open_when_a_viewer_comes_back_in_time() -> None:
    rig = Rig(on_demand=True).start()
    rig.watch()
    rig.play(3)
    rig.unwatch()
    rig.play(9)
    rig.watch()
    rig.play(20)
    assert rig.is_in(CameraState.LIVE)


def test_it_opens_again_for_a_viewer_who_comes_while_it_closes() -> None:
    rig = Rig(on_demand=True).start()
    rig.watch()
    rig.play(3)
    rig.unwatch()
    rig.play(9).wait(1.2)
    assert rig.core.phase is Phase.STOPPING
    rig.watch()
    assert rig.is_in(CameraState.CONNECTING)
    rig.end()
    assert (rig.last(), rig.state) == (Action.OPEN, CameraState.CONNECTING)


def test_it_does_not_go_on_trying_for_nobody() -> None:
    rig = Rig(on_demand=True).start()
    rig.watch()
    rig.end(REFUSED)
    rig.unwatch()
    rig.wait(5)
    rig.end(REFUSED)
    rig.wait(100)
    assert (rig.state, rig.core.deadline) == (CameraState.IDLE, None)


def test_it_rests_even_if_it_was_being_given_up_just_then() -> None:
    rig = Rig(on_demand=True).start()
    rig.watch()
    rig.wait(1.5)
    rig.unwatch()
    rig.wait(4)
    rig.end(REFUSED)
    # The second attempt, begun at 6 s, is given up at 11 s; the ten seconds are over at 11.5 s.
    rig.wait(5.8)
    assert (rig.opened(), rig.core.phase) == ([0.0, 6.0], Phase.STOPPING)
    rig.wait(0.4)
    assert rig.is_in(CameraState.IDLE)
    rig.end(REFUSED)
    assert (rig.state, rig.core.phase, rig.core.deadline) == (CameraState.IDLE, Phase.RESTING, None)


def test_watching_an_always_on_camera_that_plays_changes_nothing() -> None:
    rig = Rig().start().play(3)
    rig.watch()
    rig.unwatch()
    rig.play(30)
    assert (rig.state, rig.opened()) == (CameraState.LIVE, [0.0])


def test_a_refused_stream_is_looked_at_again_after_a_minute() -> None:
    rig = Rig().start()
    rig.end(H265, rejected=True)
    assert (rig.state, rig.code) == (CameraState.UNSUPPORTED, ReasonCode.CODEC)
    since = rig.core.view.since
    rig.watch()
    rig.wait(59)
    assert rig.opened() == [0.0]
    rig.wait(1)
    assert rig.opened() == [0.0, 60.0]
    assert rig.is_in(CameraState.UNSUPPORTED)
    rig.end(H265, rejected=True)
    assert rig.core.view.since == since
    rig.wait(60)
    rig.play()
    assert rig.is_in(CameraState.LIVE)


def test_the_substream_takes_over_at_once() -> None:
    rig = Rig(has_substream=True).start()
    assert rig.reads(Rendition.MAIN)
    rig.end(H265, rejected=True)
    assert (rig.core.rendition, rig.opened()) == (Rendition.SUBSTREAM, [0.0, 0.0])
    assert rig.is_in(CameraState.CONNECTING)
    rig.play(30)
    rig.end()
    rig.wait(1)
    assert rig.reads(Rendition.SUBSTREAM)


def test_the_main_stream_is_looked_at_again_at_a_later_connection() -> None:
    rig = Rig(has_substream=True).start()
    rig.end(H265, rejected=True)
    rig.play(700)
    rig.end()
    rig.wait(1)
    assert rig.reads(Rendition.MAIN)


def test_when_both_are_refused_the_main_streams_reason_counts() -> None:
    rig = Rig(has_substream=True).start()
    rig.end(H265, rejected=True)
    rig.end(SUB_H265, rejected=True)
    assert (rig.state, rig.core.view.reason) == (CameraState.UNSUPPORTED, H265)
    rig.wait(60)
    assert rig.reads(Rendition.MAIN)


def test_closing_stops_the_reader_and_leaves_nothing_due() -> None:
    rig = Rig(on_demand=True).start()
    rig.watch()
    rig.play(1)
    rig.unwatch()
    rig.close()
    assert rig.last() is Action.STOP
    assert rig.core.deadline is None
    rig.end()
    rig.watch()
    rig.retry()
    rig.unwatch()
    assert rig.wait(100).opened() == [0.0]


def test_closing_a_waiting_camera_needs_no_stop() -> None:
    rig = Rig().start()
    rig.end(REFUSED)
    rig.close()
    assert rig.actions == [(100.0, Action.OPEN)]
