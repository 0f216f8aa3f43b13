"""Where segments begin and end, what breaks them, and what happens while the camera is away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from unittest.mock import patch

import pytest

from gateway.hls import fmp4, parts
from gateway.hls.packager import Lengths, Packager
from gateway.hls.playlist import media_playlist
from gateway.hls.window import MIN_SEGMENTS
from gateway.media.annexb import START_CODE
from gateway.media.units import AccessUnit, StreamInfo, TrackKind
from tests.hls.checker import Checker
from tests.hls.mp4 import find, track_runs
from tests.hls.streams import AAC, EPOCH_S, OPUS, OTHER_SPS, PCMU, SPS, Stream, picture

TICKS_S = 90_000


class Scene:
    """A packager whose every playlist is checked as its units come."""

    def __init__(self, stream: Stream, *, gop_s: float | None = 1.0, max_bytes: int = 1 << 30) -> None:
        self.stream = stream
        self.changes = 0
        self.packager = Packager(stream.info, Lengths(), gop_s=gop_s, on_change=self._changed, max_bytes=max_bytes)
        self.checker = Checker()

    def _changed(self) -> None:
        self.changes += 1

    def feed(self, units: Iterable[AccessUnit]) -> None:
        for unit in units:
            self.packager.add(unit)
            if self.packager.can_start_well:
                self.packager.open_playlist()
            self.check(float(unit.dts * unit.time_base))

    def check(self, at_s: float) -> None:
        if self.packager.ready:
            self.checker.observe(self.text, at=at_s)

    @property
    def text(self) -> str:
        return media_playlist(self.packager.snapshot())

    def lengths(self) -> list[float]:
        return [round(segment.duration / TICKS_S, 3) for segment in self.packager.window.segments]


def test_a_segment_ends_at_the_first_keyframe_after_its_nominal_length() -> None:
    scene = Scene(Stream(gop_s=0.4), gop_s=0.4)
    scene.feed(scene.stream.units(6))
    assert set(scene.lengths()[-3:]) == {1.2}
    assert scene.checker.wrong == []


def test_a_keyframe_just_before_the_nominal_length_is_near_enough() -> None:
    scene = Scene(Stream(fps=25, gop_s=0.48), gop_s=0.48)
    scene.feed(scene.stream.units(6))
    assert set(scene.lengths()[-3:]) == {0.96}


def test_the_group_of_pictures_so_far_is_a_playlist_at_once() -> None:
    stream = Stream()
    packager = Packager(stream.info, Lengths(), gop_s=2.0)
    packager.begin(list(stream.units(1.1)))
    assert packager.can_start_well
    packager.open_playlist()
    first, second = packager.window.segments
    assert (first.start.independent, second.start.independent) == (True, False)
    assert len(second.parts) == 1
    # hls.js 1.7.4 takes segment 0 for none and loads its parts for ever.
    assert first.start.msn == 1
    assert second.start.media_time + second.duration == round(1.1 * TICKS_S)
    # All before the newest pictures is over at once, and nothing is left out.
    assert second.start.media_time + second.duration - first.start.media_time == 10 * 3000 + 23
    assert sum(len(track_runs(part.data)[1].data) for part in (*first.parts, *second.parts)) == 33
    assert first.start.date + (23 / TICKS_S) == pytest.approx(EPOCH_S + 23 / 30)
    assert packager.snapshot().target_duration_s == 2
    # A second time changes nothing.
    before = packager.snapshot()
    packager.open_playlist()
    assert packager.snapshot() == before


def test_a_group_of_one_picture_is_not_enough_to_start_well_but_can_be_had() -> None:
    packager = Packager(Stream().info, Lengths(), gop_s=2.0)
    packager.open_playlist()
    assert not packager.ready
    packager.begin([picture(0, keyframe=True)])
    assert (packager.can_start_well, packager.ready) == (False, False)
    packager.open_playlist()
    assert packager.ready


def test_nothing_begins_without_a_group() -> None:
    packager = Packager(Stream().info, Lengths())
    packager.begin([])
    assert not packager.started
    with pytest.raises(RuntimeError):
        packager.snapshot()


def test_pictures_before_the_first_keyframe_are_left_out() -> None:
    scene = Scene(Stream())
    scene.feed([picture(0), picture(3000)])
    assert scene.packager.counters.waiting_for_keyframe == 2
    scene.feed([picture(6000, keyframe=True)])
    assert scene.packager.started


def test_a_keyframe_without_parameter_sets_begins_nothing() -> None:
    bare = replace(picture(0), keyframe=True)
    scene = Scene(Stream())
    scene.feed([bare, replace(bare, data=b""), replace(bare, data=START_CODE + SPS)])
    assert not scene.packager.started
    assert (scene.packager.counters.waiting_for_keyframe, scene.packager.counters.unusable) == (1, 2)


def test_a_part_is_written_once_and_no_earlier_than_it_is_asked_for() -> None:
    scene = Scene(Stream())
    with patch.object(parts, "fragment", wraps=fmp4.fragment) as write:
        scene.feed(scene.stream.units(3))
        part = scene.packager.window.segments[0].parts[0]
        assert write.call_count == 0
        assert len(part.data) == pytest.approx(part.size, abs=100)
        assert part.data is part.data
        assert write.call_count == 1


@pytest.mark.parametrize("joins_s", [3.5, 2.05])
def test_sound_that_lags_behind_what_a_playlist_begins_with_comes_all_the_same(joins_s: float) -> None:
    def arrives_s(unit: AccessUnit) -> float:
        return float(unit.dts * unit.time_base) + (0.4 if unit.track is TrackKind.AUDIO else 0.0)

    stream = Stream(gop_s=2.0, audio=OPUS)
    packager = Packager(stream.info, Lengths(), gop_s=2.0)
    units = sorted(stream.units(6), key=arrives_s)
    packager.begin([unit for unit in units if 2.0 <= arrives_s(unit) < joins_s])
    packager.open_playlist()
    for unit in units:
        if arrives_s(unit) >= joins_s:
            packager.add(unit)
    runs = [track_runs(part.data) for segment in packager.window.segments for part in segment.parts]
    sound = [run[2] for run in runs if 2 in run]
    assert sound[0].decode_time / 48_000 == pytest.approx(runs[0][1].decode_time / TICKS_S, abs=0.02)
    assert sound[-1].end / 48_000 == pytest.approx(runs[-1][1].end / TICKS_S - 0.4, abs=0.1)


def test_what_follows_the_cut_group_becomes_independent_with_the_next_keyframe() -> None:
    scene = Scene(Stream(gop_s=2.0), gop_s=2.0)
    scene.feed(scene.stream.units(7))
    segments = scene.packager.window.segments
    assert [segment.start.media_time / TICKS_S for segment in segments if segment.start.independent] == [0, 2, 4]
    assert scene.checker.wrong == []


def test_a_playlist_begins_with_segments_of_a_single_part() -> None:
    scene = Scene(Stream(gop_s=2.0), gop_s=2.0)
    scene.feed(scene.stream.units(1.45))
    # hls.js that found a longer one being made would wait for its end.
    assert scene.packager.snapshot().open is None
    assert {len(segment.parts) for segment in scene.packager.window.segments[1:]} == {1}
    scene.feed(list(scene.stream.units(6.1))[44:])
    assert [len(segment.parts) for segment in scene.packager.window.segments[-2:]] == [12, 12]
    assert scene.checker.wrong == []


class TestShortLastPart:
    """Told of together with its segment's end, it is never asked for by hls.js that is busy with the part before."""

    UNITS = tuple(Stream(gop_s=32 / 30).units(8.0))
    KEYFRAME = 6 * 32

    def cut(self) -> Scene:
        """A keyframe has come two pictures after a part's end."""
        scene = Scene(Stream(gop_s=32 / 30), gop_s=32 / 30)
        scene.feed(self.UNITS[: self.KEYFRAME + 1])
        return scene

    def test_ends_its_segment_together_with_the_first_part_of_the_next(self) -> None:
        scene = self.cut()
        told = scene.packager.snapshot()
        assert told.open is not None
        assert [part.duration for part in told.open.parts] == [*[5 * 3000] * 6, 2 * 3000]
        assert (told.open.start.msn, told.next_msn) == (told.last_msn, told.last_msn + 1)
        scene.feed(self.UNITS[self.KEYFRAME + 1 : self.KEYFRAME + 5])
        done = scene.packager.snapshot()
        assert done.segments[-1].parts == told.open.parts
        assert done.open is not None
        assert (done.open.start.msn, len(done.open.parts)) == (told.next_msn, 1)
        assert scene.checker.wrong == []

    def test_ends_it_at_once_when_the_camera_goes_away(self) -> None:
        scene = self.cut()
        msn = scene.packager.snapshot().last_msn
        scene.packager.absent(EPOCH_S + 12.0)
        segments = scene.packager.window.segments
        assert [segment.is_gap for segment in segments if segment.start.msn >= msn][:3] == [False, False, True]
        assert scene.packager.numbers.msn == segments[-1].start.msn + 2
        assert scene.checker.wrong == []

    def test_counts_its_discontinuity_before_it_is_told(self) -> None:
        stream = Stream(gop_s=8 / 30)
        packager = Packager(stream.info, Lengths(segment_s=0.2), gop_s=8 / 30)
        packager.begin(list(stream.units(8 / 30)))
        packager.open_playlist()
        packager.absent(EPOCH_S + 4.0)
        for unit in Stream(gop_s=8 / 30, begin_s=6.0).units(9 / 30):
            packager.add(unit)
        snapshot = packager.snapshot()
        assert snapshot.open is not None
        assert snapshot.open.start.discontinuity
        assert packager.numbers.discontinuity_sequence == 1


def test_a_group_longer_than_foreseen_is_cut_before_the_target_duration() -> None:
    scene = Scene(Stream(gop_s=20.0), gop_s=1.0)
    scene.feed(scene.stream.units(15))
    assert max(scene.lengths()) < 1.5
    assert scene.packager.counters.cut_without_keyframe > 5
    assert scene.checker.wrong == []


def test_an_unknown_group_gets_a_target_duration_with_room() -> None:
    scene = Scene(Stream(gop_s=4.0), gop_s=None)
    scene.feed(scene.stream.units(12))
    assert scene.packager.snapshot().target_duration_s == 4
    scene.packager.foresee(2.0)
    assert scene.checker.wrong == []


def test_segments_shorter_than_foreseen_stay_for_three_target_durations() -> None:
    scene = Scene(Stream(fps=25, gop_s=0.96), gop_s=None)
    scene.feed(scene.stream.units(30))
    assert scene.checker.wrong == []
    assert scene.packager.snapshot().target_duration_s == 4
    assert 12 <= sum(scene.lengths()) < 13


@pytest.mark.parametrize("fps", [15.0, 12.0])
@pytest.mark.parametrize("seed", range(4))
def test_timestamps_that_waver_by_a_quarter_of_a_picture_move_no_picture_by_as_much_as_50_ms(
    fps: float, seed: int
) -> None:
    units = list(Stream(fps=fps, jitter_s=0.02, seed=seed).units(120))
    keyframes = [unit.dts for unit in units if unit.keyframe]
    packager = Packager(Stream(fps=fps).info, Lengths(), gop_s=2.0)
    begins: dict[int, int] = {}
    for unit in units:
        packager.add(unit)
        if packager.can_start_well:
            packager.open_playlist()
        begins |= {one.start.msn: one.start.media_time for one in packager.window.segments if one.start.independent}
    moved_s = [min(abs(begin - tick) for tick in keyframes) / TICKS_S for begin in begins.values()]
    assert len(moved_s) > 50
    assert max(moved_s) < 0.05


def test_another_resolution_is_a_discontinuity_with_a_new_map() -> None:
    scene = Scene(Stream())
    scene.feed(scene.stream.units(4))
    larger = Stream(begin_s=4.0, sps=OTHER_SPS)
    assert larger.info.video is not None
    scene.packager.change(StreamInfo(replace(larger.info.video, width=1280, height=720)))
    scene.feed(larger.units(4))
    changed = [segment for segment in scene.packager.window.segments if segment.start.discontinuity]
    assert [segment.start.init for segment in changed] == [2]
    assert scene.text.count("#EXT-X-DISCONTINUITY\n#EXT-X-MAP") == 1
    (header,) = find(scene.packager.window.init(2) or b"", "moov/trak/tkhd")
    assert header.content[-8:] == bytes.fromhex("0500000002d00000")
    assert scene.packager.counters.discontinuities == 1
    assert scene.checker.wrong == []


def test_new_parameter_sets_stand_in_the_picture_too_where_they_change() -> None:
    first, second = Stream(gop_s=0.5), Stream(gop_s=0.5, begin_s=2.0, sps=OTHER_SPS)
    packager = Packager(first.info, Lengths(), gop_s=0.5)
    for unit in [*first.units(2.0), *second.units(2.0)]:
        packager.add(unit)
        if packager.can_start_well:
            packager.open_playlist()
    made = [part for segment in packager.window.segments for part in segment.parts]
    # FFmpeg reads the first initialization section only.
    assert [part.number for part in made if OTHER_SPS in part.data] == [
        next(segment.parts[0].number for segment in packager.window.segments if segment.start.discontinuity)
    ]
    assert not any(SPS in part.data for part in made)


def test_new_parameter_sets_alone_are_a_discontinuity_too() -> None:
    scene = Scene(Stream())
    scene.feed(scene.stream.units(4))
    scene.feed(Stream(begin_s=4.0, sps=OTHER_SPS).units(3))
    assert scene.packager.counters.discontinuities == 1
    assert scene.checker.wrong == []


def test_a_new_frame_rate_alone_breaks_nothing() -> None:
    scene = Scene(Stream())
    scene.feed(scene.stream.units(3))
    scene.packager.change(replace(scene.stream, fps=25.0).info)
    scene.feed(Stream(begin_s=3.0).units(2))
    assert scene.packager.counters.discontinuities == 0


def test_sound_that_appears_is_a_discontinuity_with_two_tracks() -> None:
    scene = Scene(Stream())
    scene.feed(scene.stream.units(3))
    loud = Stream(begin_s=3.0, audio=OPUS)
    scene.packager.change(loud.info)
    scene.feed(loud.units(3))
    assert len(find(scene.packager.window.init(2) or b"", "moov/trak")) == 2
    last = scene.packager.window.segments[-1].parts[0]
    assert set(track_runs(last.data)) == {1, 2}
    assert scene.checker.wrong == []


def test_sound_that_mp4_cannot_carry_is_left_out() -> None:
    scene = Scene(Stream(audio=PCMU))
    scene.feed(scene.stream.units(3))
    assert scene.packager.lane is None
    assert len(find(scene.packager.window.init(1) or b"", "moov/trak")) == 1


def test_pictures_lost_on_the_way_are_a_discontinuity_that_waits_for_a_keyframe() -> None:
    scene = Scene(Stream(audio=AAC))
    scene.feed(scene.stream.units(3))
    scene.feed([picture(round(3.8 * TICKS_S)), picture(round(3.84 * TICKS_S))])
    assert scene.packager.counters.waiting_for_keyframe == 2
    scene.feed(Stream(begin_s=4.0, audio=AAC).units(3))
    assert scene.packager.counters.discontinuities == 1
    assert scene.checker.wrong == []


class TestAbsence:
    def away(self, *, until_s: float) -> Scene:
        scene = Scene(Stream(audio=AAC))
        scene.feed(scene.stream.units(4))
        for tenth in range(40, round(until_s * 10)):
            scene.packager.absent(EPOCH_S + tenth / 10)
            scene.check(tenth / 10)
        return scene

    def test_a_short_pause_says_nothing(self) -> None:
        scene = self.away(until_s=5.2)
        assert scene.packager.counters.gaps == 0

    def test_gaps_keep_the_playlist_going(self) -> None:
        scene = self.away(until_s=9.0)
        segments = scene.packager.window.segments
        assert [segment.is_gap for segment in segments[-5:]] == [False, True, True, True, True]
        assert scene.text.count("#EXT-X-GAP") == 4
        assert scene.checker.wrong == []

    def test_the_camera_that_comes_back_continues_in_time_with_a_new_map(self) -> None:
        scene = self.away(until_s=9.0)
        scene.feed(Stream(begin_s=9.3, audio=AAC).units(3))
        fresh = [segment for segment in scene.packager.window.segments if segment.start.discontinuity]
        assert len(fresh) == 1
        assert fresh[0].start.media_time == round(9.3 * TICKS_S)
        assert fresh[0].start.date == pytest.approx(EPOCH_S + 9.3)
        assert scene.checker.wrong == []

    def test_pictures_of_a_time_already_told_as_a_gap_come_too_late(self) -> None:
        scene = self.away(until_s=9.0)
        scene.feed(Stream(begin_s=6.0, gop_s=1.0).units(1.0))
        assert scene.packager.counters.waiting_for_keyframe == 30
        scene.feed(Stream(begin_s=9.0, gop_s=1.0).units(2.0))
        assert scene.packager.counters.discontinuities == 1
        assert scene.checker.wrong == []

    def test_before_a_playlist_there_are_no_gaps(self) -> None:
        packager = Packager(Stream().info, Lengths())
        packager.absent(EPOCH_S + 100)
        assert packager.counters.gaps == 0


class TestBounds:
    def test_the_window_keeps_so_many_segments_and_a_few_for_late_comers(self) -> None:
        scene = Scene(Stream(gop_s=1.0))
        scene.feed(scene.stream.units(40))
        window = scene.packager.window
        assert len(window.segments) == 12
        first = window.segments[0].start.msn
        assert window.segment(first - 3) is not None
        assert window.segment(first - 4) is None
        held = [number for number in range(scene.packager.next_part) if window.part(number)]
        assert held == list(range(held[0], scene.packager.next_part))
        assert len(held) <= 16 * 6
        written = sum(len(part.data) for part in map(window.part, held) if part is not None)
        # As much as the source made, of which the parameter sets are left out.
        assert written <= window.size <= written * 1.01
        assert scene.checker.wrong == []

    def test_a_window_with_too_many_bytes_drops_old_segments_early(self) -> None:
        scene = Scene(Stream(gop_s=1.0, size=5000), max_bytes=700_000)
        scene.feed(scene.stream.units(30))
        window = scene.packager.window
        assert MIN_SEGMENTS <= len(window.segments) < 12
        assert window.dropped_for_size > 0
        assert window.size < 1_100_000

    def test_initialization_sections_leave_with_their_last_segment(self) -> None:
        scene = Scene(Stream(gop_s=1.0))
        for number in range(20):
            sps = OTHER_SPS if number % 2 else Stream().sps
            scene.feed(Stream(begin_s=2.0 * number, gop_s=1.0, sps=sps).units(2.0))
        inits = [number for number in range(30) if scene.packager.window.init(number)]
        assert inits == list(range(inits[0], 21))
        assert len(inits) <= 9
        assert scene.checker.wrong == []


def test_a_second_packager_goes_on_counting_behind_a_discontinuity() -> None:
    scene = Scene(Stream(gop_s=1.0))
    scene.feed(scene.stream.units(20))
    numbers = scene.packager.numbers
    last = scene.packager.snapshot().last_msn
    stream = Stream(begin_s=30.0)
    second = Packager(stream.info, Lengths(), gop_s=2.0, numbers=numbers)
    second.begin(list(stream.units(1.0)))
    second.open_playlist()
    first = second.window.segments[0]
    assert first.start.msn > last
    assert first.start.discontinuity
    assert first.parts[0].number == scene.packager.next_part
    assert first.start.init == 2


def test_each_change_of_the_playlist_is_told() -> None:
    scene = Scene(Stream(gop_s=1.0))
    texts = set()
    for unit in scene.stream.units(5):
        before = scene.changes
        scene.feed([unit])
        if scene.packager.ready:
            assert (scene.text not in texts) == (scene.changes != before)
            texts.add(scene.text)


def test_a_picture_out_of_order_in_time_keeps_its_presentation() -> None:
    scene = Scene(Stream())
    units = [picture(0, keyframe=True, pts=6000), picture(3000, pts=15_000), picture(6000, pts=9000)]
    scene.feed(units + [picture(3000 * number, pts=3000 * number + 6000) for number in range(3, 30)])
    first = scene.packager.window.segments[0].parts[0]
    assert track_runs(first.data)[1].offsets[:3] == (6000, 12_000, 3000)
