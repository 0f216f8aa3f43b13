"""How a broadcast shares its work among viewers and time: on a driven clock, with packets that cost time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

import gateway.rtp.shared
import gateway.webrtc.streams as module
from gateway.media.units import VIDEO_TIME_BASE, AccessUnit, TrackKind
from gateway.relay.hub import Hub
from gateway.rtp.packetizer import packetize_h264
from gateway.rtp.sequence import SequenceMap
from gateway.rtp.stream import RtpFrame, RtpTrack
from gateway.rtp.templates import PacketClass, Run, lay_out
from gateway.source.status import CameraState, CameraStatus
from gateway.webrtc.broadcasts import Broadcasts
from gateway.webrtc.fanout import Broadcast
from gateway.webrtc.pump import SLICE_S
from gateway.webrtc.viewer import Viewer
from tests.webrtc.driven import CostlyPath, driven, make_viewer
from tests.webrtc.stage import HandClock

FPS = 30
# What a run and each packet of it cost on a slow, busy core; on an idle one it is a third of that.
CALL_S = 15e-6
PACKET_S = 2.5e-6


def picture(number: int, size: int, *, keyframe: bool, clock: HandClock) -> AccessUnit:
    data = b"\x00\x00\x00\x01" + (b"\x65" if keyframe else b"\x41") + b"\x55" * (size - 1)
    pts = number * 90_000 // FPS
    return AccessUnit(TrackKind.VIDEO, pts, pts, 90_000 // FPS, VIDEO_TIME_BASE, keyframe, data, clock.now())


class Scene:
    """Cameras on one pump."""

    def __init__(self, *, call_s: float = CALL_S, packet_s: float = PACKET_S) -> None:
        self.clock = HandClock()
        self.broadcasts = Broadcasts(clock=self.clock)
        self._costs = (call_s, packet_s)
        self.viewers: list[tuple[Broadcast, Viewer]] = []

    def camera(self, name: str = "yard") -> Hub:
        return Hub(name, status=CameraStatus(CameraState.LIVE, self.clock.now()))

    def join(self, hub: Hub, count: int = 1, *, payload_type: int = 102, playout_delay_id: int = 0) -> list[CostlyPath]:
        broadcast = self.broadcasts.of(hub)
        paths = [CostlyPath(self.clock, *self._costs) for _ in range(count)]
        for path in paths:
            viewer = make_viewer(
                broadcast,
                path,
                clock=self.clock,
                payload_type=payload_type,
                playout_delay_id=playout_delay_id,
            )
            self.viewers.append((broadcast, viewer))
            broadcast.join(viewer)
        return paths

    def deliver(self, hub: Hub, number: int, size: int, *, keyframe: bool = False) -> None:
        hub.deliver([picture(number, size, keyframe=keyframe, clock=self.clock)])

    def run(self, work: Callable[[], Awaitable[None]]) -> list[BaseException]:
        """Do `work`, then let all viewers leave; what callbacks raised."""

        async def whole() -> None:
            try:
                await work()
            finally:
                for broadcast, viewer in self.viewers:
                    broadcast.leave(viewer)
                self.broadcasts.close()

        _, raised = driven(self.clock, whole())
        return raised


async def frames(scene: Scene, hub: Hub, sizes: list[int], *, delivered_at: list[float]) -> None:
    """Thirty pictures a second, the first a keyframe."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number, size in enumerate(sizes):
        await asyncio.sleep(max(0.0, begun + number / FPS - loop.time()))
        # When it came in, not when the loop got round to it: that is a part of the delay.
        delivered_at.append(begun + number / FPS)
        scene.deliver(hub, number, size, keyframe=number == 0)


def delays(path: CostlyPath, delivered_at: list[float]) -> list[float]:
    assert len(path.ended_at) == len(delivered_at)
    return [ended - delivered for ended, delivered in zip(path.ended_at, delivered_at, strict=True)]


def test_a_4k_keyframe_to_100_viewers_delays_no_other_cameras_frame_by_more_than_10_ms() -> None:
    scene = Scene()
    rich, small = scene.camera("4k"), scene.camera("small")
    worst_s: list[float] = []
    finished: list[int] = []

    async def work() -> None:
        for number in range(10):
            scene.deliver(rich, number, 100_000, keyframe=number == 0)
            scene.clock.advance(1 / FPS)
        crowd = scene.join(rich, 100)
        few = scene.join(small, 5)
        # What they join with is sent first.
        await asyncio.sleep(5)
        for path in crowd:
            path.ended_at.clear()
        delivered_at: list[float] = []
        small_camera = asyncio.create_task(frames(scene, small, [4000] * 60, delivered_at=delivered_at))
        await asyncio.sleep(0.1)
        scene.deliver(rich, 100, 1_000_000, keyframe=True)
        await small_camera
        await asyncio.sleep(0.1)
        worst_s.extend(max(delays(path, delivered_at)) for path in few)
        finished.extend(len(path.ended_at) for path in crowd)

    assert scene.run(work) == []
    assert max(worst_s) < 0.010
    assert finished == [1] * 100


def test_many_busy_cameras_delay_a_small_one_no_more_than_one_does() -> None:
    scene = Scene()
    busy = [scene.camera(f"busy{number}") for number in range(12)]
    small = scene.camera("small")
    worst_s: list[float] = []

    async def work() -> None:
        for hub in busy:
            scene.deliver(hub, 0, 20_000, keyframe=True)
            scene.join(hub, 20)
        (path,) = scene.join(small)
        await asyncio.sleep(2)
        delivered_at: list[float] = []
        small_camera = asyncio.create_task(frames(scene, small, [4000] * 20, delivered_at=delivered_at))
        await asyncio.sleep(0.05)
        for hub in busy:
            scene.deliver(hub, 1, 300_000, keyframe=True)
        await small_camera
        await asyncio.sleep(0.1)
        worst_s.append(max(delays(path, delivered_at)))

    assert scene.run(work) == []
    assert worst_s[0] < 0.010


@pytest.fixture(name="laid_out")
def _laid_out(monkeypatch: pytest.MonkeyPatch) -> list[RtpFrame]:
    """The frames that were laid out, once for each time."""
    frames_laid_out: list[RtpFrame] = []

    def counting(frame: RtpFrame, packet_class: PacketClass) -> tuple[Run, ...]:
        frames_laid_out.append(frame)
        return lay_out(frame, packet_class)

    monkeypatch.setattr(gateway.rtp.shared, "lay_out", counting)
    return frames_laid_out


def test_a_group_is_laid_out_once_per_class_however_many_join(laid_out: list[RtpFrame]) -> None:
    scene = Scene()
    hub = scene.camera()
    for number in range(60):
        scene.deliver(hub, number, 5000, keyframe=number == 0)

    async def work() -> None:
        paths = scene.join(hub, 10)
        await asyncio.sleep(1)
        assert len(laid_out) == 60
        paths += scene.join(hub, 10)
        await asyncio.sleep(1)
        assert len(laid_out) == 60
        paths += scene.join(hub, 5, payload_type=96)
        await asyncio.sleep(1)
        assert len(laid_out) == 120
        assert {len(path.ended_at) for path in paths} == {60}

    assert scene.run(work) == []


def test_joining_lays_out_no_more_than_may_leave_now(laid_out: list[RtpFrame]) -> None:
    scene = Scene(call_s=0.0, packet_s=0.0)
    hub = scene.camera()
    for number in range(300):
        scene.deliver(hub, number, 10_000, keyframe=number == 0)

    async def work() -> None:
        (path,) = scene.join(hub)
        # 32 KiB leave at once, three frames and a part of the next.
        assert len(laid_out) == 4
        await asyncio.sleep(5)
        assert len(path.ended_at) == 300

    assert scene.run(work) == []


def test_the_first_to_join_a_long_group_holds_up_the_loop_for_a_slice_only(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    hub = scene.camera()
    split: list[int] = []

    def costly(data: bytes) -> list[bytes]:
        scene.clock.advance(0.0002)
        split.append(len(data))
        return packetize_h264(data, max_payload=1000)

    monkeypatch.setitem(module._PACKETIZE, TrackKind.VIDEO, costly)
    for number in range(300):
        scene.deliver(hub, number, 2000, keyframe=number == 0)

    async def work() -> None:
        begun = scene.clock.monotonic()
        (path,) = scene.join(hub)
        assert scene.clock.monotonic() - begun < 2 * SLICE_S
        assert 0 < len(split) < 30
        # What comes meanwhile has its place behind the group, and so has who joins meanwhile.
        scene.deliver(hub, 300, 2000)
        (second,) = scene.join(hub)
        await asyncio.sleep(2)
        scene.deliver(hub, 301, 2000)
        await asyncio.sleep(0.1)
        for one in (path, second):
            assert len(one.timestamps) == 302
            assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(one.timestamps)} == {3000}
            # Reports: the sooner the better, and one a second.
            assert one.single

    assert scene.run(work) == []


def test_a_viewer_that_can_not_be_sent_to_delays_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene()
    hub = scene.camera()
    sent = CostlyPath.send_packets

    async def work() -> None:
        well, ill, last = scene.join(hub, 3)
        failing = True

        def send_packets(path: CostlyPath, packets: memoryview, stride: int) -> int:
            if failing and path is ill:
                raise RuntimeError("no way")
            return sent(path, packets, stride)

        monkeypatch.setattr(CostlyPath, "send_packets", send_packets)
        for number in range(6):
            failing = number < 3
            scene.deliver(hub, number, 2000, keyframe=number in (0, 4))
            for path in (well, last):
                assert len(path.timestamps) == number + 1
        # It goes on with the next keyframe.
        assert ill.timestamps == well.timestamps[4:]
        monkeypatch.undo()

    assert scene.run(work) == []
    assert [record.getMessage() for record in caplog.records] == ["yard: sending to a viewer failed"]


def test_one_viewers_failing_report_costs_nobody_elses(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene()
    sent = CostlyPath.send
    hub = scene.camera()

    async def work() -> None:
        scene.deliver(hub, 0, 2000, keyframe=True)
        ill, well = scene.join(hub, 2)
        before = len(well.single)

        def send(path: CostlyPath, datagram: bytes | memoryview) -> bool:
            if path is ill:
                raise RuntimeError("no way")
            return sent(path, datagram)

        monkeypatch.setattr(CostlyPath, "send", send)
        await asyncio.sleep(5.5)
        assert len(well.single) - before == 5
        monkeypatch.undo()

    assert scene.run(work) == []
    assert [record.getMessage() for record in caplog.records] == ["yard: reporting to a viewer failed"]


def test_requests_for_a_keyframe_that_may_not_go_again_are_not_each_looked_into(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene()
    hub = scene.camera()
    looked_up = 0
    number_of = SequenceMap.number_of

    def counted(numbers: SequenceMap, index: int) -> int | None:
        nonlocal looked_up
        looked_up += 1
        return number_of(numbers, index)

    async def work() -> None:
        nonlocal looked_up
        (path,) = scene.join(hub)
        scene.deliver(hub, 0, 500_000, keyframe=True)
        await asyncio.sleep(2)
        assert path.timestamps
        (track,) = scene.viewers[0][1].tracks.values()
        monkeypatch.setattr(SequenceMap, "number_of", counted)
        for _ in range(100):
            track.on_picture_loss()
        assert not track.repeats
        once = looked_up
        assert 0 < once <= path.packets + 1
        await asyncio.sleep(0.2)
        track.on_picture_loss()
        assert looked_up == 2 * once

    assert scene.run(work) == []


def test_the_reports_of_many_viewers_are_spread_over_the_second() -> None:
    scene = Scene(call_s=100e-6, packet_s=0.0)
    hub = scene.camera()

    async def work() -> None:
        scene.deliver(hub, 0, 500, keyframe=True)
        paths = scene.join(hub, 100)
        await asyncio.sleep(3)
        begun = [len(path.single) for path in paths]
        loop = asyncio.get_running_loop()
        longest_s, end = 0.0, loop.time() + 4
        while loop.time() < end:
            before = loop.time()
            await asyncio.sleep(0.001)
            longest_s = max(longest_s, loop.time() - before - 0.001)
        # 100 of them take 10 ms.
        assert longest_s < 0.005
        assert {len(path.single) - number for path, number in zip(paths, begun, strict=True)} <= {3, 4, 5}

    assert scene.run(work) == []


def test_a_viewers_delay_moves_by_a_tenth_of_a_second_each_second_and_back() -> None:
    scene = Scene()
    hub = scene.camera()
    told: list[int] = []
    others: list[int] = []
    repeated: list[int] = []

    async def work() -> None:
        (path,) = scene.join(hub, playout_delay_id=5)
        (other,) = scene.join(hub, playout_delay_id=5)
        viewer = scene.viewers[0][1]
        viewer.aim(0.3)
        await frames(scene, hub, [4000] * 5 * FPS, delivered_at=[])
        (track,) = viewer.tracks.values()
        path.single.clear()
        track.on_nack([track.counters.packets])
        await asyncio.sleep(0.01)
        repeated.append(int.from_bytes(path.single[0][17:20], "big") >> 12)
        viewer.aim(0.0)
        for number in range(5 * FPS, 10 * FPS):
            scene.deliver(hub, number, 4000)
            await asyncio.sleep(1 / FPS)
        told.extend(path.told_delays)
        others.extend(other.told_delays)

    assert scene.run(work) == []
    steps = [told[0], *(later for earlier, later in pairwise(told) if later != earlier)]
    assert steps == [*range(31), *reversed(range(30))]
    # Three pictures to a step, there and back.
    assert {told.count(value) for value in range(1, 30)} <= {4, 5, 6, 7, 8}
    assert repeated == [30]
    assert set(others) == {0}, "who asked for nothing keeps what they had"


def test_a_player_that_does_not_know_the_extension_is_told_nothing() -> None:
    scene = Scene()
    hub = scene.camera()
    told: list[int] = []

    async def work() -> None:
        (path,) = scene.join(hub)
        scene.viewers[0][1].aim(0.3)
        await frames(scene, hub, [4000] * 3 * FPS, delivered_at=[])
        assert path.ended_at
        told.extend(path.told_delays)

    assert scene.run(work) == []
    assert told == []


def test_ten_thousand_nacks_a_second_are_looked_up_no_more_often_than_repeats_could_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up = 0
    find = RtpTrack.find

    def counted(track: RtpTrack, index: int) -> tuple[RtpFrame, int] | None:
        nonlocal looked_up
        looked_up += 1
        return find(track, index)

    monkeypatch.setattr(RtpTrack, "find", counted)
    scene = Scene()
    hub = scene.camera()
    a_second_later: list[int] = []

    async def work() -> None:
        scene.join(hub)
        await frames(scene, hub, [4000] * FPS, delivered_at=[])
        (track,) = scene.viewers[0][1].tracks.values()
        everything = list(range(track.counters.packets))
        for _ in range(10_000):
            track.on_nack(everything * 10)
        a_second_later.append(looked_up)
        scene.clock.advance(1.0)
        track.on_nack(everything)
        a_second_later.append(looked_up - a_second_later[0])

    assert scene.run(work) == []
    # Those that are there are found; a moment later a viewer that lost some is answered again.
    assert 0 < a_second_later[0] <= 2048
    assert 0 < a_second_later[1] <= 512
