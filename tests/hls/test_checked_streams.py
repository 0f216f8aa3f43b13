"""Every kind of camera for a minute: what the playlists say, and what the parts hold."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gateway.hls.packager import Lengths, Packager
from gateway.hls.playlist import media_playlist, skippable
from gateway.hls.window import Part
from gateway.media.units import AccessUnit, AudioTrack, TrackKind
from tests.hls.checker import Checker
from tests.hls.mp4 import TrackRun, track_runs
from tests.hls.streams import AAC, EPOCH_S, OPUS, Stream

SECONDS = 25.0
FPS = (30.0, 25.0, 24.0, 15.0, 12.0, 7.0)


@dataclass
class Watched:
    """What came of a stream."""

    checker: Checker = field(default_factory=Checker)
    parts: list[Part] = field(default_factory=list)
    runs: list[dict[int, TrackRun]] = field(default_factory=list)
    dates: list[float] = field(default_factory=list)


def watch(stream: Stream, *, seconds: float = SECONDS) -> tuple[Watched, Packager]:
    """Packages a stream, whose first viewer comes in its second group of pictures, and checks every playlist."""
    seen = Watched()
    packager = Packager(stream.info, Lengths(), gop_s=stream.gop_s)
    joins_at = stream.gop_s * 1.4
    group: list[AccessUnit] = []
    now = 0.0
    for unit in stream.units(joins_at + seconds):
        now = float(unit.pts * unit.time_base)
        if now < joins_at:
            group = [unit] if unit.keyframe and unit.track is TrackKind.VIDEO else [*group, unit]
            continue
        if group:
            packager.begin(group)
            packager.open_playlist()
            group = []
        before = packager.next_part
        packager.add(unit)
        if packager.ready and packager.next_part != before:
            snapshot = packager.snapshot()
            text = media_playlist(snapshot)
            seen.checker.observe(text, at=now)
            seen.checker.observe_delta(media_playlist(snapshot, skip=skippable(snapshot)), full=text)
            for number in range(before, packager.next_part):
                part = packager.window.part(number)
                assert part is not None
                seen.parts.append(part)
                seen.runs.append(track_runs(bytes(part.data)))
    return seen, packager


@pytest.mark.parametrize("audio", [None, AAC, OPUS], ids=["silent", "aac", "opus"])
@pytest.mark.parametrize("gop_s", [0.5, 2.0, 10.0])
@pytest.mark.parametrize(("fps", "jitter_s"), [*((fps, 0.02) for fps in FPS), (30.0, 0.0), (7.0, 0.0)])
def test_every_playlist_obeys_the_specification(
    fps: float, jitter_s: float, gop_s: float, audio: AudioTrack | None
) -> None:
    stream = Stream(fps=fps, gop_s=gop_s, jitter_s=min(jitter_s, 0.3 / fps), audio=audio)
    seen, packager = watch(stream)
    assert seen.checker.wrong == []
    assert seen.checker.playlists > SECONDS / 0.25
    assert packager.counters.discontinuities == 0
    assert packager.counters.cut_without_keyframe == 0

    # Parts follow each other without a hole, each as long as it says.
    end = seen.runs[0][1].decode_time
    for part, runs in zip(seen.parts, seen.runs, strict=True):
        video = runs[1]
        assert video.decode_time == end
        assert sum(video.durations) == part.duration
        assert any(video.sync) == part.independent
        end = video.end

    # Nothing is lost or doubled, and pictures stand within the camera's jitter of where they belong.
    pictures = sum(len(runs[1].data) for runs in seen.runs)
    assert pictures / (end - seen.runs[0][1].decode_time) * 90_000 == pytest.approx(fps, rel=0.02)
    if audio is not None:
        sound = [runs[2] for runs in seen.runs if 2 in runs]
        reached = sound[0].decode_time
        for run in sound:
            assert run.decode_time == reached
            reached = run.end
        assert reached / audio.clock_rate == pytest.approx(end / 90_000, abs=0.1 + 1 / fps)


@pytest.mark.parametrize("fps", FPS)
def test_dates_are_those_of_the_capture_clock(fps: float) -> None:
    _, packager = watch(Stream(fps=fps, jitter_s=0.02, gop_s=1.0))
    for segment in packager.window.segments:
        assert segment.start.date - EPOCH_S == pytest.approx(segment.start.media_time / 90_000, abs=0.05)


@pytest.mark.parametrize(("before", "after"), [(25.0, 12.5), (30.0, 7.0), (7.0, 30.0), (15.0, 10.0)])
def test_a_camera_that_changes_its_pace_keeps_to_the_rules(before: float, after: float) -> None:
    checker = Checker()
    first = Stream(fps=before, gop_s=1.0)
    packager = Packager(first.info, Lengths(), gop_s=1.0)
    then = Stream(fps=after, gop_s=1.0, begin_s=10.0)
    for unit in [*first.units(10.0), *then.units(20.0)]:
        known = packager.next_part
        packager.add(unit)
        if packager.can_start_well:
            packager.open_playlist()
        if packager.ready and packager.next_part != known:
            checker.observe(media_playlist(packager.snapshot()), at=unit.dts / 90_000)
    assert checker.wrong == []
    assert packager.counters.discontinuities == 0
