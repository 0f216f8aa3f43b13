"""Of the group of pictures that a playlist begins with, only the end takes time."""

from __future__ import annotations

import pytest

from gateway.hls.packager import Lengths, Packager
from gateway.hls.playlist import PART_HOLD_BACK_PARTS, media_playlist
from gateway.hls.preroll import shortened
from gateway.media.units import TrackKind
from tests.hls.checker import Checker
from tests.hls.mp4 import track_runs
from tests.hls.streams import AAC, EPOCH_S, Stream, picture

TICKS_S = 90_000


def test_all_pictures_but_the_last_take_a_tick_each() -> None:
    group = list(Stream().units(1.0))
    moved = shortened(group, length=36_000)
    first_shown = 29 * 3000 - 36_000
    assert [unit.dts for unit in moved[:17]] == [first_shown - 17 + number for number in range(17)]
    assert moved[17:] == group[17:]
    assert [unit.data for unit in moved] == [unit.data for unit in group]
    assert [unit.keyframe for unit in moved] == [unit.keyframe for unit in group]
    for unit in moved:
        assert unit.pts == unit.dts
        assert unit.captured_at - EPOCH_S == pytest.approx(unit.dts / TICKS_S)


def test_a_group_without_more_is_left_as_it_is() -> None:
    group = list(Stream().units(0.4))
    assert shortened(group, length=36_000) == group
    assert shortened([], length=36_000) == []


def test_so_is_one_that_is_shown_in_another_order() -> None:
    group = [picture(0, keyframe=True, pts=6000), *(picture(3000 * number) for number in range(1, 30))]
    assert shortened(group, length=36_000) == group


def test_sound_keeps_its_time() -> None:
    group = list(Stream(audio=AAC).units(1.0))
    moved = shortened(group, length=36_000)
    assert [unit for unit in moved if unit.track is TrackKind.AUDIO] == [
        unit for unit in group if unit.track is TrackKind.AUDIO
    ]


@pytest.mark.parametrize("audio", [None, AAC], ids=["silent", "sound"])
@pytest.mark.parametrize(("fps", "gop_s"), [(30.0, 2.0), (25.0, 10.0), (7.0, 4.0)])
def test_a_playlist_begun_late_in_a_group_is_as_long_as_players_are_to_be_behind(
    fps: float, gop_s: float, audio: object
) -> None:
    stream = Stream(fps=fps, gop_s=gop_s, audio=AAC if audio else None)
    packager = Packager(stream.info, Lengths(), gop_s=gop_s)
    units = list(stream.units(2 * gop_s))
    count = round(0.9 * len(units) / 2)
    packager.begin(units[:count])
    assert packager.can_start_well
    packager.open_playlist()
    snapshot = packager.snapshot()
    checker = Checker()
    checker.observe(media_playlist(snapshot), at=0)
    listed = sum(segment.duration for segment in snapshot.segments)
    least = (PART_HOLD_BACK_PARTS - 1) * snapshot.part_target
    assert least <= listed <= least + 2 * TICKS_S / fps + count
    # All pictures are there, the keyframe first, and dates go on as the camera's clock does.
    runs = [track_runs(part.data)[1] for segment in snapshot.segments for part in segment.parts]
    pictures = [unit for unit in units[:count] if unit.track is TrackKind.VIDEO]
    assert sum(len(run.data) for run in runs) == len(pictures)
    assert runs[0].sync[0]
    first = snapshot.segments[0].start
    assert first.date - EPOCH_S == pytest.approx(first.media_time / TICKS_S, abs=1e-3)
    for unit in units[count:]:
        packager.add(unit)
        checker.observe(media_playlist(packager.snapshot()), at=float(unit.dts * unit.time_base))
    assert checker.wrong == []
    assert packager.counters.discontinuities == 0
