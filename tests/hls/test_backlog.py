"""What waits for a slow viewer: bounded in bytes and time, and what is skipped ends at a keyframe."""

from __future__ import annotations

import pytest

from gateway.hls.backlog import LATE_S, MAX_BYTES, MAX_WAITING_S, Backlog, Kind, Message
from tests.webrtc.stage import HandClock

KEY = Message.binary(b"k" * 100, keyframe=True)
NEXT = Message.binary(b"n" * 10)
TYPE = Message.text("type")
INIT = Message.beginning(b"init")


def waiting(backlog: Backlog) -> list[Message]:
    taken = []
    while backlog.waits:
        taken.append(backlog.take())
    assert backlog.size == 0
    return taken


@pytest.mark.parametrize(("size", "header"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_a_message_is_framed_as_the_rfc_says(size: int, header: int) -> None:
    message = Message.binary(b"x" * size)
    assert (message.header_size, message.payload) == (header, b"x" * size)
    assert message.framed[0] == 0x82
    told = message.framed[1] if header == 2 else int.from_bytes(message.framed[2:header], "big")
    assert told == size


def test_text_is_text() -> None:
    assert (TYPE.kind, TYPE.framed) == (Kind.TEXT, b"\x81\x04type")


def test_everything_comes_in_order() -> None:
    backlog = Backlog(clock=HandClock())
    for message in (TYPE, INIT, KEY, NEXT, NEXT):
        backlog.add(message)
    assert backlog.size == sum(len(message.framed) for message in (TYPE, INIT, KEY, NEXT, NEXT))
    assert waiting(backlog) == [TYPE, INIT, KEY, NEXT, NEXT]
    assert backlog.skips == 0


def test_who_is_late_goes_on_with_the_next_keyframe() -> None:
    clock = HandClock()
    backlog = Backlog(clock=clock)
    for message in (KEY, NEXT, NEXT):
        backlog.add(message)
    clock.advance(LATE_S + 0.1)
    backlog.add(NEXT)
    backlog.add(KEY)
    backlog.add(NEXT)
    assert waiting(backlog) == [KEY, NEXT]
    assert backlog.skips == 1


def test_what_waits_too_long_is_skipped_and_only_a_keyframe_follows() -> None:
    clock = HandClock()
    backlog = Backlog(clock=clock)
    for message in (TYPE, INIT, KEY, NEXT):
        backlog.add(message)
    clock.advance(MAX_WAITING_S + 0.1)
    backlog.add(NEXT)
    assert not backlog.may_pass(NEXT)
    # How to read the rest is never skipped.
    assert waiting(backlog) == [TYPE, INIT]
    backlog.add(NEXT)
    assert not backlog.waits
    backlog.add(KEY)
    backlog.add(NEXT)
    assert waiting(backlog) == [KEY, NEXT]


def test_too_many_bytes_are_skipped() -> None:
    backlog = Backlog(clock=HandClock())
    big = Message.binary(b"x" * (MAX_BYTES // 3))
    for message in (KEY, big, big):
        backlog.add(message)
    backlog.add(big)
    assert (backlog.size, backlog.skips) == (0, 1)


def test_a_keyframe_that_need_not_wait_ends_the_skipping_too() -> None:
    clock = HandClock()
    backlog = Backlog(clock=clock)
    backlog.add(KEY)
    clock.advance(MAX_WAITING_S + 0.1)
    backlog.add(NEXT)
    assert [backlog.may_pass(message) for message in (NEXT, TYPE, KEY, NEXT)] == [False, True, True, True]


def test_clearing_begins_anew() -> None:
    clock = HandClock()
    backlog = Backlog(clock=clock)
    backlog.add(KEY)
    clock.advance(MAX_WAITING_S + 0.1)
    backlog.add(NEXT)
    backlog.clear()
    assert (backlog.size, backlog.waits, backlog.may_pass(NEXT)) == (0, False, True)
