"""One fragment for each picture: where it stands, what sounds with it, what begins something new."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace

import pytest

from gateway.hls.frames import Fragment, Framer
from gateway.media.units import AccessUnit, StreamInfo, TrackKind, VideoCodec
from tests.hls.mp4 import TrackRun, find, track_runs
from tests.hls.streams import AAC, EPOCH_S, OPUS, OTHER_SPS, PCMU, VIDEO, Stream, picture

VIDEO_ID, AUDIO_ID = 1, 2


def framed(units: list[AccessUnit], info: StreamInfo) -> list[Fragment]:
    framer = Framer(info)
    return [fragment for fragment in map(framer.add, units) if fragment is not None]


def video_of(fragment: Fragment) -> TrackRun:
    runs = track_runs(fragment.video)
    assert list(runs) == [VIDEO_ID]
    return runs[VIDEO_ID]


def sounds_of(fragments: list[Fragment]) -> list[TrackRun]:
    return [track_runs(fragment.sound)[AUDIO_ID] for fragment in fragments if fragment.sound]


@pytest.mark.parametrize("fps", [30.0, 25.0, 12.0, 7.0])
@pytest.mark.parametrize("jitter_share", [0.0, 0.4])
def test_each_picture_is_a_fragment_that_begins_where_the_one_before_ended(fps: float, jitter_share: float) -> None:
    stream = Stream(fps=fps, jitter_s=jitter_share / fps)
    units = list(stream.units(5))
    fragments = framed(units, stream.info)
    assert len(fragments) == len(units)
    runs = [video_of(fragment) for fragment in fragments]
    for run, following in itertools.pairwise(runs):
        assert following.decode_time == run.end
    assert [len(run.durations) for run in runs] == [1] * len(units)
    assert [run.sync[0] for run in runs] == [unit.keyframe for unit in units]
    # A picture stands where the last one was foretold to end: what the camera's timestamps waver, no more.
    for unit, run in zip(units, runs, strict=True):
        assert abs(run.decode_time - unit.dts) <= 2 * jitter_share / fps * 90_000 + 2


def test_a_long_step_leaves_no_hole_and_no_lasting_error() -> None:
    units = [picture(0, keyframe=True), picture(3000), picture(3000 + 60_000), picture(3000 + 63_000)]
    runs = [video_of(fragment) for fragment in framed(units, Stream().info)]
    assert [run.decode_time for run in runs] == [0, 3000, 6000, 66_000]
    assert [run.end for run in runs] == [3000, 6000, 66_000, 69_000]


def test_steps_that_go_back_or_stand_still_keep_the_order() -> None:
    units = [picture(0, keyframe=True), picture(0), picture(-3000, interval=0), picture(9000)]
    runs = [video_of(fragment) for fragment in framed(units, Stream().info)]
    assert all(later.decode_time == run.end > run.decode_time for run, later in itertools.pairwise(runs))


def test_reordered_pictures_keep_the_time_they_are_shown_at() -> None:
    shown = [6000, 15_000, 9000, 12_000]
    units = [picture(3000 * n, keyframe=n == 0, pts=pts) for n, pts in enumerate(shown)]
    runs = [video_of(fragment) for fragment in framed(units, Stream().info)]
    assert [run.decode_time + run.offsets[0] for run in runs] == shown


def test_the_bytes_are_the_cameras_with_lengths_and_without_parameter_sets() -> None:
    units = [picture(0, keyframe=True, size=70), picture(3000, size=30)]
    key, following = (video_of(fragment).data[0] for fragment in framed(units, Stream().info))
    assert key == struct.pack(">I", 72) + b"\x65\x88" + b"\x55" * 70
    assert following == struct.pack(">I", 32) + b"\x41\x88" + b"\x55" * 30


@pytest.mark.parametrize("audio", [AAC, OPUS])
def test_sound_has_no_hole_and_comes_with_the_pictures(audio: object) -> None:
    stream = Stream(audio=audio)  # type: ignore[arg-type]
    fragments = framed(list(stream.units(5)), stream.info)
    runs = sounds_of(fragments)
    assert all(later.decode_time == run.end for run, later in itertools.pairwise(runs))
    rate = stream.audio.clock_rate if stream.audio else 0
    assert runs[-1].end / rate == pytest.approx(video_of(fragments[-1]).end / 90_000, abs=0.15)


def test_sound_that_stays_away_is_silence_so_that_pictures_go_on() -> None:
    silent = Stream()
    fragments = framed(list(silent.units(4)), replace(silent.info, audio=AAC))
    runs = sounds_of(fragments)
    assert runs[-1].end / AAC.clock_rate >= video_of(fragments[-1]).end / 90_000


def test_sound_that_lags_by_pictures_comes_from_the_first_picture_on() -> None:
    def arrives_s(unit: AccessUnit) -> float:
        return float(unit.dts * unit.time_base) + (0.1 if unit.track is TrackKind.AUDIO else 0.0)

    stream = Stream(audio=OPUS, begin_s=1.0)
    earlier = Stream(audio=OPUS).units(1.0)
    units = sorted([*(unit for unit in earlier if unit.track is TrackKind.AUDIO), *stream.units(2)], key=arrives_s)
    runs = sounds_of(framed([unit for unit in units if arrives_s(unit) >= 1.0], stream.info))
    assert runs[0].decode_time / 48_000 == pytest.approx(1.0, abs=0.021)
    assert runs[-1].end / 48_000 == pytest.approx(3.0 - 0.1, abs=0.06)


def test_the_format_says_what_is_in_it_and_leaves_out_sound_that_cannot_be_heard() -> None:
    made = framed(list(Stream(audio=AAC).units(0.1)), Stream(audio=AAC).info)[0].format
    assert made.has_sound_for({"avc1.640029", "mp4a.40.2"})
    assert not made.has_sound_for({"avc1.640029", "opus"})
    assert made.media_type(sound=True) == 'video/mp4; codecs="avc1.42c01e,mp4a.40.2"'
    assert made.media_type(sound=False) == 'video/mp4; codecs="avc1.42c01e"'
    assert len(find(made.initialization(sound=True, origin=0), "moov/trak")) == 2
    assert len(find(made.initialization(sound=False, origin=0), "moov/trak")) == 1
    law = framed(list(Stream(audio=PCMU).units(0.1)), Stream(audio=PCMU).info)[0]
    assert (law.format.audio, law.sound, law.format.has_sound_for({"pcmu"})) == (None, b"", False)


def test_a_players_time_begins_at_its_own_origin() -> None:
    made = framed(list(Stream(audio=AAC).units(0.1)), Stream(audio=AAC).info)[0].format
    assert find(made.initialization(sound=True, origin=0), "moov/trak/edts") == []
    edits = find(made.initialization(sound=True, origin=900_000), "moov/trak/edts")
    assert len(edits) == 2
    times = [struct.unpack_from(">IQQ", edit.content, 12)[2] for edit in edits]
    assert times == [900_000, 160_000]


def test_nothing_comes_before_the_first_keyframe_with_parameter_sets() -> None:
    framer = Framer(Stream().info)
    bare = replace(picture(3000, keyframe=True), data=b"\x00\x00\x00\x01\x65\x88\x80")
    assert [framer.add(picture(0)), framer.add(bare)] == [None, None]
    assert framer.counters.waiting_for_keyframe == 2
    assert framer.add(picture(6000, keyframe=True)) is not None


def test_empty_units_and_other_codecs_are_left_out() -> None:
    framer = Framer(Stream().info)
    assert framer.add(replace(picture(0, keyframe=True), data=b"")) is None
    framer.change(StreamInfo(replace(VIDEO, codec=VideoCodec.H265)))
    assert framer.add(picture(0, keyframe=True)) is None
    assert framer.counters.unusable == 2


@pytest.mark.parametrize("what", ["parameter sets", "size", "sound", "away"])
def test_a_new_generation_begins_with_a_keyframe(what: str) -> None:
    framer = Framer(Stream().info)
    known = [framer.add(unit) for unit in Stream().units(1)][-1]
    assert known is not None
    at = 90_000
    sps = OTHER_SPS if what == "parameter sets" else Stream().sps
    if what == "size":
        framer.change(StreamInfo(replace(VIDEO, width=1280)))
        assert framer.add(picture(at)) is None
    if what == "sound":
        framer.change(StreamInfo(VIDEO, OPUS))
        assert framer.add(picture(at)) is None
    if what == "away":
        at += 3 * 90_000
    fresh = framer.add(picture(at + 3000, keyframe=True, sps=sps))
    assert fresh is not None
    assert fresh.format.generation == known.format.generation + 1
    assert fresh.format is not known.format


def test_the_same_camera_again_is_the_same_generation() -> None:
    framer = Framer(Stream().info)
    first = framer.add(picture(0, keyframe=True))
    framer.change(Stream().info)
    second = framer.add(picture(3000, keyframe=True))
    assert first is not None
    assert second is not None
    assert first.format is second.format


def test_time_zero_is_told_in_the_cameras_clock() -> None:
    fragments = framed(list(Stream(begin_s=100).units(1)), Stream().info)
    assert fragments[-1].zero_at == pytest.approx(EPOCH_S, abs=0.001)


def test_a_group_begins_with_its_sound_though_that_stands_behind() -> None:
    stream = Stream(audio=AAC)
    units = sorted(stream.units(1), key=lambda unit: unit.track.value, reverse=True)
    fragments = Framer(stream.info).begin(units)
    assert len(fragments) == 30
    assert sounds_of(fragments)[0].data[0] == b"\xab" * 40
