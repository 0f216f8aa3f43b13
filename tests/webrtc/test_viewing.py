"""What a real viewer gets: pictures, numbers, repeats, reports, sound; aiortc's own stack judges the bytes."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import av
import pytest
from aiortc.rtp import RTCP_PSFB_PLI, RtcpByePacket, RtcpPsfbPacket

from gateway.errors import NotFound
from gateway.media.annexb import split_annex_b
from gateway.media.units import AccessUnit, TrackKind
from gateway.relay.hub import Hub
from gateway.rtp.rtcp import middle_bits
from gateway.rtp.templates import MAX_DATAGRAM
from gateway.source.status import CameraState
from gateway.webrtc.offers import read_offer
from gateway.webrtc.pacing import INITIAL_RATE_BPS, PACE_S
from gateway.webrtc.paths import Drop
from gateway.webrtc.peer import GatewayPeer
from tests.relay.units import OPUS_STREAM, PCMU_STREAM, SILENT_STREAM
from tests.webrtc.client import client, watching
from tests.webrtc.stage import GOP, HandClock, Stage, as_file, settled, stage


def nal_units(units: list[AccessUnit]) -> list[list[bytes]]:
    return [split_annex_b(unit.data) for unit in units]


async def test_the_first_thing_a_viewer_gets_is_the_group_so_far_and_then_everything(stage: Stage) -> None:
    source = stage.publisher()
    source.pictures(7)
    started = nal_units(source.published[-7:])
    async with watching(stage) as (viewer, _):
        later = nal_units(source.pictures(20))
        await settled(lambda: len(viewer.video.pictures()) == 27, "27 pictures do not arrive")
        assert viewer.video.pictures() == started + later


async def test_what_arrives_decodes(stage: Stage) -> None:
    source = stage.publisher()
    async with watching(stage) as (viewer, _):
        source.pictures(10)
        await settled(lambda: len(viewer.video.pictures()) == GOP + 10, "the pictures do not arrive")
        stream = [b"".join(b"\x00\x00\x00\x01" + n for n in picture) for picture in viewer.video.pictures()]
    with av.open(as_file(stream), "r", format="h264") as container:
        frames = list(container.decode(video=0))
    assert len(frames) == GOP + 10
    assert not any(frame.is_corrupt for frame in frames)


async def test_a_plain_aiortc_application_sees_frames(stage: Stage) -> None:
    source = stage.publisher()
    async with client() as viewer:
        session = await stage.sessions.open(stage.camera(), read_offer(await viewer.offer()), host=None)
        await viewer.accept(session.answer, record=False)
        track = viewer.pc.getTransceivers()[0].receiver.track
        await settled(lambda: session.connected, "the viewer does not connect")
        source.pictures(3)
        async with asyncio.timeout(10):
            frame = await track.recv()
        assert isinstance(frame, av.VideoFrame)
        assert (frame.width, frame.height) == (320, 240)


async def test_numbers_are_consecutive_and_begin_where_a_rollover_is_far(stage: Stage) -> None:
    async with watching(stage) as (viewer, _):
        stage.publisher().pictures(5)
        await settled(lambda: len(viewer.video.pictures()) == GOP + 5, "the pictures do not arrive")
        numbers = viewer.video.numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert 0 < numbers[0] < 32_768


async def test_timestamps_follow_the_cameras_clock(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        stamps = sorted({packet.timestamp for packet in viewer.video.packets})
        assert [b - a for a, b in pairwise(stamps)] == [3000] * (GOP - 1)
        mapping = stage.sessions.broadcasts.of(session.camera.hub).clock_mapping()
        assert mapping is not None
        assert (mapping.rtp_timestamp, mapping.clock_rate) == (stamps[-1], 90_000)
        assert mapping.captured_at == stage.publisher().published[-1].captured_at


async def test_two_viewers_get_the_same_pictures_under_numbers_of_their_own(stage: Stage) -> None:
    async with watching(stage) as (first, _), watching(stage) as (second, _):
        stage.publisher().pictures(3)
        await settled(
            lambda: len(first.video.pictures()) == len(second.video.pictures()) == GOP + 3, "a picture is missing"
        )
        assert first.video.pictures() == second.video.pictures()
        assert {p.timestamp for p in first.video.packets} == {p.timestamp for p in second.video.packets}
        assert stage.sessions.viewers(stage.camera()) == 2


async def test_no_datagram_is_larger_than_every_path_carries(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    async with watching(stage) as (viewer, _):
        (transceiver,) = viewer.pc.getTransceivers()
        connection = transceiver.receiver.transport.transport._connection
        receive = connection.recv

        async def recv() -> bytes:
            datagram: bytes = await receive()
            sizes.append(len(datagram))
            return datagram

        monkeypatch.setattr(transceiver.receiver.transport.transport, "_recv", recv)
        stage.publisher().until_keyframe()
        await settled(lambda: len(viewer.video.pictures()) == GOP + 1, "the keyframe does not arrive")
        await viewer.nack(viewer.video.numbers()[-2])
        await settled(lambda: viewer.video.repeats, "the repeat does not arrive")
    assert max(sizes) <= MAX_DATAGRAM
    assert max(sizes) > MAX_DATAGRAM - 40


async def test_a_missed_packet_is_repeated(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        stage.publisher().until_keyframe()
        await settled(lambda: len(viewer.video.pictures()) == GOP + 1, "the pictures do not arrive")
        missed = viewer.video.packets[-5:-2]
        await viewer.nack(*(packet.sequence_number for packet in missed))
        await settled(lambda: len(viewer.video.repeats) == 3, "the repeats do not arrive")
        repeats = [(p.sequence_number, p.timestamp, p.marker, p.payload) for p in viewer.video.repeats]
        assert repeats == [(p.sequence_number, p.timestamp, p.marker, p.payload) for p in missed]
        assert session.viewer is not None


async def test_packets_never_sent_to_this_viewer_are_never_repeated(stage: Stage) -> None:
    async with watching(stage) as (viewer, _):
        stage.publisher().pictures(2)
        await settled(lambda: len(viewer.video.pictures()) == GOP + 2, "the pictures do not arrive")
        numbers = viewer.video.numbers()
        never = [(numbers[0] - 1 - n) & 0xFFFF for n in range(10)] + [(numbers[-1] + 1 + n) & 0xFFFF for n in range(10)]
        await viewer.nack(*never)
        # The answer to what follows shows that the first request has been dealt with.
        await viewer.nack(numbers[-1])
        await settled(lambda: viewer.video.repeats, "the repeat does not arrive")
        assert [packet.sequence_number for packet in viewer.video.repeats] == [numbers[-1]]


async def test_repeats_take_a_bounded_part_of_what_a_viewer_is_sent(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        stage.publisher().until_keyframe()
        await settled(lambda: len(viewer.video.pictures()) == GOP + 1, "the keyframe does not arrive")
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        large = max(viewer.video.packets, key=lambda packet: len(packet.payload))
        for asked in range(1, 601):
            await viewer.nack(large.sequence_number)
            if asked % 50 == 0:
                await settled(lambda: track.counters.nacked == asked, "the requests do not arrive")  # noqa: B023
        # 25 % of what was sent, and one burst of 192 KiB to begin with.
        allowed = 192 * 1024 + track.counters.octets / 4
        assert 0.9 * allowed < track.counters.retransmitted * len(large.payload) <= allowed


async def test_a_viewer_without_retransmission_is_asked_for_nothing(stage: Stage) -> None:
    def without_rtx(offer: str) -> str:
        return "".join(line for line in offer.splitlines(keepends=True) if "rtx/" not in line and "apt=" not in line)

    async with watching(stage, change=without_rtx) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        await viewer.nack(viewer.video.numbers()[-1])
        await viewer.picture_loss()
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        await settled(lambda: track.counters.picture_losses == 1, "the request does not arrive")
        assert (track.counters.nacked, track.counters.retransmitted) == (1, 0)


async def test_a_viewer_that_cannot_decode_gets_the_newest_keyframe_again(stage: Stage) -> None:
    async with watching(stage) as (viewer, _):
        (keyframe,) = stage.publisher().until_keyframe()[-1:]
        stage.publisher().pictures(2)
        await settled(lambda: len(viewer.video.pictures()) == GOP + 3, "the pictures do not arrive")
        stamps = [packet.timestamp for packet in viewer.video.packets if packet.marker]
        original = [packet for packet in viewer.video.packets if packet.timestamp == stamps[-3]]
        await viewer.picture_loss()
        await settled(lambda: len(viewer.video.repeats) == len(original), "the keyframe does not come again")
        assert keyframe.keyframe
        again = [(p.sequence_number, p.timestamp, p.payload) for p in viewer.video.repeats]
        assert again == [(p.sequence_number, p.timestamp, p.payload) for p in original]


async def test_of_a_keyframe_still_on_its_way_only_what_was_sent_comes_again_and_not_faster_than_the_pace() -> None:
    clock = HandClock()
    async with stage(clock=clock) as still, watching(still) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        before = track.counters.packets
        # The clock stands still, so pacing lets only the beginning of it out.
        still.publisher().giant_keyframe(200_000)
        begun = track.counters.packets - before
        assert 0 < begun < 100
        await viewer.picture_loss()
        await settled(lambda: track.repeats, "the request does not arrive")
        assert track.counters.retransmitted < begun
        clock.advance(begun * MAX_DATAGRAM * 8 / INITIAL_RATE_BPS)
        await settled(lambda: len(viewer.video.repeats) == begun, "the repeats do not arrive")
        assert viewer.video.repeats[-1].sequence_number == viewer.video.numbers()[before + begun - 1]


async def test_repeats_wait_for_the_pace_and_come_before_anything_new() -> None:
    clock = HandClock()
    async with stage(clock=clock) as still, watching(still) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        clock.advance(1.0)
        still.publisher().giant_keyframe(100_000)
        sent = track.counters.packets
        await settled(lambda: len(viewer.video.packets) == sent, "what was sent does not arrive")
        numbers = viewer.video.numbers()
        # What is asked for twice before its turn has come goes out once.
        await viewer.nack(*numbers[-6:])
        await viewer.nack(*numbers[-6:])
        await settled(lambda: track.counters.nacked == 12, "the requests do not arrive")
        assert (track.counters.retransmitted, track.counters.packets) == (0, sent)
        clock.advance(6 * MAX_DATAGRAM * 8 / INITIAL_RATE_BPS)
        await settled(lambda: len(viewer.video.repeats) == 6, "the repeats do not arrive")
        assert track.counters.packets == sent
        assert [packet.sequence_number for packet in viewer.video.repeats] == numbers[-6:]


async def test_a_keyframe_that_may_not_go_again_whole_does_not_go_at_all() -> None:
    clock = HandClock()
    async with stage(clock=clock) as still, watching(still) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        still.publisher().giant_keyframe(300_000)
        while len(viewer.video.pictures()) == GOP:
            sent = track.counters.packets
            clock.advance(0.01)
            await settled(
                lambda: track.counters.packets > sent or len(viewer.video.pictures()) > GOP,  # noqa: B023
                "it stopped",
            )
        await viewer.picture_loss()
        await settled(lambda: track.counters.picture_losses == 1, "the request does not arrive")
        # 192 KiB and a quarter of what was sent are less than that keyframe.
        assert not track.repeats
        assert track.counters.retransmitted == 0
        # What is asked for packet by packet is still repeated.
        clock.advance(1.0)
        await viewer.nack(viewer.video.numbers()[-1])
        await settled(lambda: len(viewer.video.repeats) == 1, "the repeat does not arrive")


async def test_a_large_keyframe_goes_out_as_fast_as_its_pace_and_whole() -> None:
    clock = HandClock()
    async with stage(clock=clock) as still, watching(still) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        still.publisher().giant_keyframe(200_000)
        still.publisher().pictures(1)
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        for _ in range(200):
            sent = track.counters.packets
            clock.advance(PACE_S)
            await settled(lambda: track.counters.packets > sent or len(viewer.video.pictures()) > GOP, "it stopped")  # noqa: B023
            assert (track.counters.packets - sent) * MAX_DATAGRAM < 40_000
            if len(viewer.video.pictures()) == GOP + 2:
                break
        pictures = viewer.video.pictures()
        assert [len(nal_unit) for nal_unit in pictures[GOP]] == [200_000]
        numbers = viewer.video.numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_viewer_that_keeps_complaining_is_not_served_each_time(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        for _ in range(5):
            await viewer.picture_loss()
        await settled(lambda: track.counters.picture_losses == 5, "the requests do not arrive")
        first = viewer.video.packets[0].timestamp
        keyframe = sum(packet.timestamp == first for packet in viewer.video.packets)
        assert track.counters.retransmitted == keyframe


async def test_sender_reports_carry_the_gateways_clock(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        await settled(lambda: viewer.video.reports, "no sender report comes")
        report = viewer.video.reports[0]
        source = stage.publisher()
        mapping = stage.sessions.broadcasts.of(session.camera.hub).clock_mapping()
        assert mapping is not None
        unix_s = report.sender_info.ntp_timestamp / (1 << 32) - 2_208_988_800
        assert 0 <= source.clock.now() - unix_s < 5
        media_s = (report.sender_info.rtp_timestamp - mapping.rtp_timestamp & 0xFFFFFFFF) / 90_000
        assert media_s == pytest.approx(unix_s - mapping.captured_at, abs=0.001)


async def test_reports_count_what_was_sent_to_this_viewer(stage: Stage) -> None:
    async with watching(stage) as (viewer, _):
        await settled(lambda: len(viewer.video.reports) >= 2, "sender reports do not come")
        info = viewer.video.reports[-1].sender_info
        assert info.packet_count == len(viewer.video.packets)
        # Payload alone, without headers and extensions.
        assert info.octet_count == sum(len(packet.payload) for packet in viewer.video.packets)


async def test_a_receiver_report_tells_jitter_and_round_trip(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        await settled(lambda: viewer.video.reports and viewer.video.packets, "no sender report comes")
        last = middle_bits(viewer.video.reports[-1].sender_info.ntp_timestamp)
        await viewer.receiver_report(lost=0, highest=100, jitter=90, last_report=last, delay=0)
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        await settled(lambda: track.counters.rtt_s is not None, "the report is not heard")
        assert track.counters.jitter == 90
        assert track.counters.rtt_s is not None
        assert 0 <= track.counters.rtt_s < 5


async def test_heavy_loss_for_seconds_is_told_and_leaves_keyframes_only() -> None:
    clock = HandClock()
    told: list[str] = []
    async with stage(clock=clock) as still, watching(still) as (viewer, session):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        session.events.on("fallback", told.append)
        assert session.viewer is not None
        (track,) = session.viewer.tracks.values()
        for second in range(8):
            # The fraction in these reports says half: it is the totals that count.
            await viewer.receiver_report(
                lost=25 * second, highest=1000 + 100 * second, jitter=second, last_report=0, delay=0
            )
            await settled(lambda: track.counters.jitter == second, "the report is not heard")  # noqa: B023
            clock.advance(1.0)
        assert track.counters.lost_fraction == 0.25
        assert told == ["loss"]
        assert session.link_bad
        skipped = track.counters.skipped_frames
        still.publisher().pictures(2 * GOP)
        assert track.counters.skipped_frames - skipped == 2 * GOP - 2


async def test_the_end_is_said(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        await settled(lambda: viewer.video.packets, "nothing arrives")
        ssrc = viewer.video.packets[0].ssrc
        await stage.sessions.end(session)
        await settled(
            lambda: any(isinstance(p, RtcpByePacket) and ssrc in p.sources for p in viewer.video.control),
            "no BYE comes",
        )


async def test_sound_comes_with_the_picture(stage: Stage) -> None:
    stage.publisher().live(OPUS_STREAM)
    async with watching(stage, "audio", "video") as (viewer, session):
        assert session.selection.audio is not None
        for number in range(5):
            stage.publisher().sound(bytes((number,)) * 40)
        await settled(lambda: len(viewer.heard["audio"].packets) == 5, "the sound does not arrive")
        heard = viewer.heard["audio"].packets
        assert [packet.payload for packet in heard] == [bytes((number,)) * 40 for number in range(5)]
        stamps = [packet.timestamp for packet in heard]
        assert [(b - a) & 0xFFFFFFFF for a, b in pairwise(stamps)] == [960] * 4


async def test_sound_in_another_codec_after_a_reconnect_falls_silent_and_pictures_go_on(stage: Stage) -> None:
    source = stage.publisher()
    source.live(OPUS_STREAM)
    async with watching(stage, "video", "audio") as (viewer, _):
        source.sound(b"opus" * 10)
        await settled(lambda: viewer.heard["audio"].packets, "the sound does not arrive")
        source.state(CameraState.CONNECTING)
        source.live(PCMU_STREAM)
        source.until_keyframe()
        source.sound(b"pcmu" * 40, clock_rate=8000)
        source.pictures(3)
        await settled(lambda: len(viewer.video.pictures()) == GOP + 4, "the pictures do not go on")
        assert [packet.payload for packet in viewer.heard["audio"].packets] == [b"opus" * 10]
        source.live(OPUS_STREAM)
        source.sound(b"back" * 10)
        await settled(lambda: len(viewer.heard["audio"].packets) == 2, "the sound does not come back")


async def test_the_same_peer_connection_goes_on_after_the_camera_was_gone(stage: Stage) -> None:
    source = stage.publisher()
    async with watching(stage) as (viewer, _):
        await settled(lambda: len(viewer.video.pictures()) == GOP, "the pictures do not arrive")
        source.state(CameraState.OFFLINE, "The camera does not answer")
        source.live(SILENT_STREAM)
        fresh = nal_units(source.until_keyframe())
        await settled(lambda: len(viewer.video.pictures()) == GOP + len(fresh), "the pictures do not come back")
        numbers = viewer.video.numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_a_viewer_who_joins_before_the_first_keyframe_starts_with_it(stage: Stage) -> None:
    source = stage.publisher()
    source.camera.hub.gop.clear()
    async with watching(stage) as (viewer, session):
        source.pictures(4 if source.number % GOP == 0 else 1)
        first = nal_units(source.published[GOP:])
        await settled(lambda: len(viewer.video.pictures()) >= 1, "no picture comes")
        assert viewer.video.pictures() == first[: len(viewer.video.pictures())]
        assert session.connected


async def test_after_leaving_nothing_of_a_viewer_is_left(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        await settled(lambda: viewer.video.packets, "nothing arrives")
        assert stage.camera().hub.sink_count == 1
        await viewer.close()
        async with asyncio.timeout(10):
            await session.ended.wait()
    assert (len(stage.sessions), stage.port.agent_count, stage.port.path_count) == (0, 0, 0)
    assert stage.camera().hub.sink_count == 0


async def test_a_viewer_leaves_the_camera_it_watched_though_another_has_its_name_by_then(stage: Stage) -> None:
    async with watching(stage) as (viewer, session):
        await settled(lambda: viewer.video.packets, "nothing arrives")
        hub = stage.camera().hub
        another = stage.sessions.broadcasts.of(Hub(hub.name, status=hub.status))
        await stage.sessions.end(session)
        assert hub.sink_count == 0
        assert stage.sessions.broadcasts.of(another.hub) is another


async def test_of_a_camera_that_is_removed_while_offers_are_answered_nobody_becomes_a_viewer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = stage.camera()
    removed, answer = asyncio.Event(), GatewayPeer.answer

    async def slowly(peer: GatewayPeer, offer: str) -> str:
        await removed.wait()
        return await answer(peer, offer)

    monkeypatch.setattr(GatewayPeer, "answer", slowly)
    async with client() as first, client() as second:
        offers = [read_offer(await viewer.offer()) for viewer in (first, second)]
        opening = [asyncio.create_task(stage.sessions.open(camera, offer, host=None)) for offer in offers]
        await settled(lambda: len(stage.sessions) == 1, "the first offer is not being answered")
        camera.retire()
        await stage.sessions.end_of(camera)
        removed.set()
        _, refused = await asyncio.gather(*opening, return_exceptions=True)
        assert isinstance(refused, NotFound)
    assert (len(stage.sessions), len(stage.sessions.broadcasts), camera.hub.sink_count) == (0, 0, 0)


async def test_control_packets_in_a_viewers_name_are_counted_and_change_nothing(stage: Stage) -> None:
    async with watching(stage, "video") as (viewer, session):
        forged = bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=2)) + bytes(20)
        await viewer.stranger_speaks(forged)
        await settled(lambda: stage.port.drops[Drop.BAD_SRTP] == 1, "it is not counted")
        assert session.viewer is not None
        assert session.viewer.tracks[TrackKind.VIDEO].counters.picture_losses == 0
        assert session.connected
