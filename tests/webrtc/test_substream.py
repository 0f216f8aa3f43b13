"""A viewer on a narrow link: the camera's substream in the same connection, and the main stream again later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

import av
import pytest

from gateway.media.units import StreamInfo, TrackKind
from gateway.relay.camera import Camera
from gateway.source.settings import SourceSettings
from gateway.source.status import CameraState
from gateway.webrtc.renditions import FIRST_TRY_S, MOVE_WITHIN_S, NARROW_S, TOO_NARROW, Rendition
from gateway.webrtc.session import Session
from gateway.webrtc.track import ViewerTrack
from gateway.webrtc.viewer import Viewer
from tests.relay.units import OPUS_STREAM, SILENT_STREAM
from tests.webrtc.client import Client, watching
from tests.webrtc.stage import FPS, GOP, HandClock, Publisher, Stage, as_file, settled, stage

MAIN, SUBSTREAM = Rendition.MAIN, Rendition.SUBSTREAM


@dataclass(slots=True)
class Scene:
    """A camera with a substream, one connected viewer, and time in our hands."""

    stage: Stage
    clock: HandClock
    main: Publisher
    smaller: Publisher
    viewer: Client
    session: Session
    told: list[Rendition]
    second: int = 0

    @property
    def sent(self) -> Viewer:
        assert self.session.viewer is not None
        return self.session.viewer

    @property
    def video(self) -> ViewerTrack:
        return self.sent.tracks[TrackKind.VIDEO]

    def play(self, pictures: int = 1) -> None:
        """Both streams go on."""
        for _ in range(pictures):
            self.main.pictures()
            self.smaller.pictures()
            self.clock.advance(1 / FPS)

    async def report(self, lost_fraction: float, seconds: float) -> None:
        """The viewer reports so much loss for so long."""
        track = self.video
        for _ in range(round(seconds) + 1):
            self.second += 1
            second = self.second
            lost = round(100 * second * lost_fraction)
            await self.viewer.receiver_report(
                lost=lost, highest=1000 + 100 * second, jitter=second, last_report=0, delay=0
            )
            await settled(lambda: track.counters.jitter == second, "the report is not heard")  # noqa: B023
            self.clock.advance(1.0)

    async def go_down(self) -> None:
        await self.report(0.6, NARROW_S + 1)
        self.smaller.until_keyframe()
        assert self.session.rendition is SUBSTREAM


@asynccontextmanager
async def scene(*kinds: str, stream: StreamInfo = SILENT_STREAM) -> AsyncIterator[Scene]:
    clock = HandClock()
    async with stage(clock=clock) as parts:
        camera = parts.camera()
        # Never started, so that nothing is read: the test publishes what it sends.
        camera.substream = Camera("yard (substream)", SourceSettings("rtsp://192.0.2.10/small"), clock=clock)
        smaller = Publisher(camera.substream, clock)
        smaller.live()
        parts.publisher().live(stream)
        async with watching(parts, *kinds) as (viewer, session):
            await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
            told: list[Rendition] = []
            session.events.on("rendition", told.append)
            yield Scene(parts, clock, parts.publisher(), smaller, viewer, session, told)


def timestamps(viewer: Client) -> list[int]:
    """Of each picture, in the order they came in."""
    return [packet.timestamp for packet in viewer.video.packets if packet.marker]


def decoded(viewer: Client) -> int:
    units = [b"".join(b"\x00\x00\x00\x01" + nal for nal in picture) for picture in viewer.video.pictures()]
    with av.open(as_file(units), "r", format="h264") as container:
        return len(list(container.decode(video=0)))


async def test_down_and_up_again_is_one_stream_of_pictures_for_the_viewer() -> None:
    async with scene() as one:
        one.play(5)
        await one.report(0.6, NARROW_S + 1)
        assert one.session.rendition is MAIN
        assert one.smaller.camera.hub.sink_count == 1
        one.play(GOP)
        assert one.session.rendition is SUBSTREAM
        one.play(GOP)
        await one.report(0.0, FIRST_TRY_S + 2)
        assert one.session.rendition is SUBSTREAM
        one.play(2 * GOP)
        assert one.session.rendition is MAIN
        one.play(5)
        assert one.told == [SUBSTREAM, MAIN]
        assert one.smaller.camera.hub.sink_count == 0
        await settled(lambda: len(one.viewer.video.packets) == one.video.counters.packets, "not all arrives")
        numbers = one.viewer.video.numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len({packet.ssrc for packet in one.viewer.video.packets}) == 1
        times = timestamps(one.viewer)
        assert all(0 < (later - earlier) % (1 << 32) < 1 << 31 for earlier, later in pairwise(times))
        # No picture of either was left out between the two, and what came decodes.
        assert decoded(one.viewer) == len(one.viewer.video.pictures())
        assert one.stage.sessions.transport_counts()["renditions"] == {"main": 1, "substream": 1}


async def test_a_session_says_what_its_viewer_is_sent_and_why() -> None:
    async with scene() as one:
        before = one.session.as_json()
        assert (before["rendition"], before["rendition_reason"]) == ("main", None)
        await one.go_down()
        during = one.session.as_json()
        assert (during["rendition"], during["rendition_reason"]) == ("substream", TOO_NARROW)


async def test_packets_of_the_substream_are_sent_again_and_those_of_the_main_stream_no_more() -> None:
    async with scene() as one:
        main_number = one.viewer.video.numbers()[-1]
        await one.go_down()
        count = len(one.viewer.video.pictures())
        one.smaller.pictures(3)
        await settled(lambda: len(one.viewer.video.pictures()) >= count + 3, "the substream does not arrive")
        number = one.viewer.video.numbers()[-1]
        await one.viewer.nack(main_number, number)
        await settled(lambda: one.viewer.video.repeats, "nothing is sent again")
        assert [packet.sequence_number for packet in one.viewer.video.repeats] == [number]


async def test_a_keyframe_of_the_substream_is_repeated_for_who_cannot_decode() -> None:
    async with scene() as one:
        await one.go_down()
        one.clock.advance(1)
        one.smaller.pictures(1)
        count = one.video.counters
        await settled(lambda: len(one.viewer.video.packets) == count.packets, "the substream does not arrive")
        await one.viewer.picture_loss()
        await settled(lambda: one.viewer.video.repeats, "no keyframe comes again")
        keyframe = one.smaller.published[-2]
        assert keyframe.keyframe
        assert one.viewer.video.repeats[0].sequence_number in one.viewer.video.numbers()


async def test_sound_goes_on_from_the_camera_itself() -> None:
    async with scene("video", "audio", stream=OPUS_STREAM) as one:
        await one.go_down()
        one.clock.advance(1)
        one.smaller.pictures(1)
        before = len(one.viewer.heard["audio"].packets)
        one.main.sound(b"from the main stream")
        one.smaller.sound(b"from the substream")
        one.clock.advance(1)
        one.main.sound(b"again")
        await settled(lambda: len(one.viewer.heard["audio"].packets) == before + 2, "there is no sound")
        assert [p.payload for p in one.viewer.heard["audio"].packets[before:]] == [b"from the main stream", b"again"]


async def test_one_that_does_not_come_leads_to_the_fallback_all_the_same() -> None:
    fallbacks: list[str] = []
    async with scene() as one:
        one.session.events.on("fallback", fallbacks.append)
        await one.report(0.4, NARROW_S + MOVE_WITHIN_S)
        assert fallbacks == []
        await one.report(0.4, 2)
        assert fallbacks == ["loss"]
        assert (one.session.rendition, one.told) == (MAIN, [])
        assert one.smaller.camera.hub.sink_count == 0


async def test_one_that_does_not_help_leads_to_the_fallback() -> None:
    fallbacks: list[str] = []
    async with scene() as one:
        one.session.events.on("fallback", fallbacks.append)
        await one.go_down()
        await one.report(0.6, 7)
        assert fallbacks == ["loss"]


@pytest.mark.parametrize("state", [CameraState.OFFLINE, CameraState.STALLED, CameraState.CONNECTING])
async def test_one_that_fails_alone_gives_way_to_the_main_stream(state: CameraState) -> None:
    async with scene() as one:
        await one.go_down()
        one.smaller.state(state)
        one.main.until_keyframe()
        assert one.session.rendition is MAIN


async def test_where_both_fail_the_viewer_stays() -> None:
    async with scene() as one:
        await one.go_down()
        one.main.state(CameraState.OFFLINE)
        one.smaller.state(CameraState.OFFLINE)
        one.main.live()
        one.main.until_keyframe()
        assert one.session.rendition is SUBSTREAM


async def test_a_viewer_that_leaves_frees_the_substream() -> None:
    async with scene() as one:
        await one.go_down()
        await one.stage.sessions.end(one.session)
        assert one.smaller.camera.hub.sink_count == 0


async def test_who_was_away_goes_on_with_the_substreams_group() -> None:
    async with scene() as one:
        await one.go_down()
        one.clock.advance(1)
        one.smaller.pictures(3)
        counters = one.video.counters
        before = counters.packets
        assert one.session.broadcast is not None
        one.session.broadcast.rejoin(one.sent)
        await settled(lambda: counters.packets > before, "nothing is sent")
        count = GOP + len(one.main.published[GOP:]) + 4 + 4
        await settled(lambda: len(one.viewer.video.pictures()) == count, "the group does not arrive")
