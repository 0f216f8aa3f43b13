"""Viewers are those who were heard of not long ago."""

from __future__ import annotations

from gateway.hls.viewers import MAX_VIEWERS, HttpViewers


def test_who_is_silent_for_long_enough_has_left() -> None:
    viewers = HttpViewers()
    viewers.seen("a", now=10.0)
    viewers.seen("b", now=11.0)
    viewers.seen("a", now=12.0)
    assert viewers.forget_silent(now=13.9, idle_s=3.0) == 2
    assert viewers.forget_silent(now=14.0, idle_s=3.0) == 1
    assert viewers.forget_silent(now=15.0, idle_s=3.0) == 0
    assert len(viewers) == 0


def test_there_are_never_more_than_can_be_kept() -> None:
    viewers = HttpViewers()
    for number in range(MAX_VIEWERS + 5):
        viewers.seen(number, now=float(number))
    assert len(viewers) == MAX_VIEWERS
