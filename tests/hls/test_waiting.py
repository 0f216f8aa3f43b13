"""Those who wait: looking again when there is something new, a few at a time, and no longer than they may."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gateway.hls.waiting import AT_ONCE, Waiting


class Guest:
    """Is answered at the look of this number."""

    def __init__(self, *, answered_at: int = 1) -> None:
        self.looks = 0
        self.gave_up = False
        self._answered_at = answered_at

    def look(self) -> bool:
        self.looks += 1
        return self.looks >= self._answered_at

    def give_up(self) -> None:
        self.gave_up = True


def waiting(guests: Iterable[Guest]) -> Waiting:
    room = Waiting()
    for place, guest in enumerate(guests):
        room.add(guest, deadline=float(place))
    return room


async def turns(count: int = 1) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_nobody_looks_while_a_picture_is_delivered() -> None:
    guest = Guest()
    room = waiting([guest])
    room.changed()
    assert guest.looks == 0
    await turns()
    assert (guest.looks, len(room)) == (1, 0)


async def test_who_found_nothing_looks_again_at_the_next_change_only() -> None:
    patient, quick = Guest(answered_at=2), Guest()
    room = waiting([patient, quick])
    room.changed()
    await turns(3)
    assert (patient.looks, quick.looks, len(room)) == (1, 1, 1)
    room.changed()
    await turns(3)
    assert (patient.looks, quick.looks, len(room)) == (2, 1, 0)


async def test_others_have_their_turn_between_a_few_who_look() -> None:
    guests = [Guest() for _ in range(2 * AT_ONCE + 1)]
    room = waiting(guests)
    room.changed()
    for looked in (AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1):
        await turns()
        assert sum(guest.looks for guest in guests) == looked
    assert len(room) == 0


async def test_a_change_meanwhile_has_all_look_who_still_wait() -> None:
    guests = [Guest(answered_at=2) for _ in range(AT_ONCE + 1)]
    room = waiting(guests)
    room.changed()
    await turns()
    room.changed()
    await turns(3)
    assert [guest.looks for guest in guests] == [2] * AT_ONCE + [1]


async def test_who_left_does_not_look() -> None:
    early, late = Guest(), Guest()
    room = waiting([early, late])
    room.remove(early)
    room.changed()
    room.remove(late)
    await turns(2)
    assert (early.looks, late.looks) == (0, 0)
    room.remove(late)


async def test_who_waited_too_long_gives_up() -> None:
    guests = [Guest() for _ in range(3)]
    room = waiting(guests)
    room.expire(1.0)
    assert [guest.gave_up for guest in guests] == [True, True, False]
    room.changed()
    await turns()
    assert [guest.looks for guest in guests] == [0, 0, 1]


async def test_a_change_that_nobody_waits_for_costs_nothing() -> None:
    room = Waiting()
    room.changed()
    guest = Guest()
    room.add(guest, deadline=1.0)
    await turns(2)
    assert guest.looks == 0
