from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from dataclasses import dataclass, field

import pytest

from gateway.media.units import VIDEO_TIME_BASE, AccessUnit, StreamInfo, TrackKind
from gateway.source.doorbell import Doorbell, doorbell
from gateway.source.handover import MAX_BYTES, MAX_UNITS, UNWATCHED_INTERVAL_S, Ended, Handover, Item, Waiting
from gateway.source.status import Reason, ReasonCode


@dataclass
class HandClock:
    """Time that passes when a test says so."""

    time_s: float = 100.0

    def now(self) -> float:
        return self.time_s

    def monotonic(self) -> float:
        return self.time_s


@dataclass
class Rig:
    """A handover on the running loop and how often it woke it."""

    clock: HandClock = field(default_factory=HandClock)
    wakes: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.handover = Handover(asyncio.get_running_loop(), self._wake, clock=self.clock)

    def _wake(self) -> None:
        self.wakes += 1
        self.woken.set()

    async def settle(self) -> int:
        """Let the loop look at its files and return how often it was woken so far."""
        for _ in range(3):
            await asyncio.sleep(0)
        return self.wakes


def _unit(index: int = 0, *, keyframe: bool = False, size: int = 10, track: TrackKind = TrackKind.VIDEO) -> AccessUnit:
    return AccessUnit(track, index, index, 1, VIDEO_TIME_BASE, keyframe, bytes(size), 0.0)


async def test_items_come_out_in_order_and_once() -> None:
    rig = Rig()
    items: list[Item] = [StreamInfo(None), _unit(1), _unit(2), Waiting(), Ended(Reason(ReasonCode.CLOSED, "x"))]
    for item in items:
        rig.handover.put(item)
    assert rig.handover.take() == (items, 0)
    assert rig.handover.take() == ([], 0)
    rig.handover.close()


async def test_many_units_wake_the_loop_once() -> None:
    rig = Rig()
    for index in range(100):
        rig.handover.put(_unit(index))
    assert await rig.settle() == 1
    rig.handover.take()
    rig.handover.put(_unit())
    assert await rig.settle() == 2
    rig.handover.close()


async def test_another_thread_wakes_the_loop() -> None:
    rig = Rig()
    thread = threading.Thread(target=rig.handover.put, args=(_unit(),))
    thread.start()
    async with asyncio.timeout(10):
        await rig.woken.wait()
    thread.join()
    assert len(rig.handover.take()[0]) == 1
    rig.handover.close()


async def test_units_wait_while_nobody_watches_but_not_for_long() -> None:
    rig = Rig()
    rig.handover.watched = False
    wakes = []
    for index in range(4):
        rig.handover.put(_unit(index))
        wakes.append(await rig.settle())
        rig.handover.take() if wakes[-1] else None
        rig.clock.time_s += UNWATCHED_INTERVAL_S * 0.4
    assert wakes == [1, 1, 1, 2]
    rig.handover.put(Waiting())
    assert await rig.settle() == 3, "what is not a unit does not wait"
    rig.handover.close()


@pytest.mark.parametrize(("size", "fit"), [(10, MAX_UNITS), (MAX_BYTES // 4, 4)])
async def test_what_does_not_fit_is_dropped_up_to_a_keyframe(size: int, fit: int) -> None:
    rig = Rig()
    for index in range(fit + 5):
        rig.handover.put(_unit(index, size=size))
    units, dropped = rig.handover.take()
    assert (len(units), dropped) == (fit, 5)
    rig.handover.put(_unit(100))
    rig.handover.put(_unit(101, keyframe=True, track=TrackKind.AUDIO))
    rig.handover.put(_unit(102, keyframe=True))
    rig.handover.put(_unit(103))
    units, dropped = rig.handover.take()
    assert [unit.pts for unit in units if isinstance(unit, AccessUnit)] == [102, 103]
    assert dropped == 2
    rig.handover.close()


async def test_what_is_not_a_unit_is_never_dropped() -> None:
    rig = Rig()
    for index in range(MAX_UNITS + 1):
        rig.handover.put(_unit(index))
    rig.handover.put(Ended(Reason(ReasonCode.CLOSED, "x")))
    items, _ = rig.handover.take()
    assert isinstance(items[-1], Ended)
    rig.handover.close()


async def test_nobody_is_woken_after_close() -> None:
    rig = Rig()
    rig.handover.close()
    rig.handover.put(_unit())
    assert await rig.settle() == 0


@pytest.fixture(params=["linux", "elsewhere"])
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of bell, whatever this machine has; eventfd needs Linux."""
    monkeypatch.setattr(sys, "platform", request.param)
    return str(request.param)


async def test_a_bell_rings_through_until_silenced(platform: str) -> None:
    rung = asyncio.Event()
    bell = doorbell(asyncio.get_running_loop(), rung.set)
    assert platform
    for _ in range(2):
        threading.Thread(target=bell.ring).start()
        async with asyncio.timeout(10):
            await rung.wait()
        rung.clear()
    bell.ring()
    bell.silence()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not rung.is_set()


def test_a_bell_outlives_its_loop(platform: str) -> None:
    assert platform
    bells: list[Doorbell] = []

    async def hang_it() -> None:
        bells.append(doorbell(asyncio.get_running_loop(), lambda: None))

    asyncio.run(hang_it())
    bells[0].ring()
    bells[0].silence()


async def test_bells_leave_no_file_open() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (counting, not walking)
    for _ in range(20):
        Rig().handover.close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
