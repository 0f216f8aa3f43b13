"""Made-up cameras through the packager, on a clock that is driven: an hour's playlists in a minute, each checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.errors import BadRequest
from gateway.hls.directives import Decision, Directives, decide
from gateway.hls.packager import Lengths, Packager
from gateway.hls.playlist import media_playlist, skippable
from gateway.hls.window import Snapshot
from gateway.media.units import AccessUnit, TrackKind
from tests.hls.checker import Checker
from tests.hls.mp4 import track_runs
from tests.hls.streams import EPOCH_S, OTHER_SPS, SPS, Stream

_LOOK_S: Final = 0.2
_TICKS_HZ: Final = 90_000
_VIDEO: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Accidents:
    """Every `every_s` the camera is away for `away_s`, and comes back in another size."""

    every_s: float
    away_s: float


@dataclass(slots=True)
class Findings:
    """What came of streams: `wrong` are sentences; shares are of the part target, the date error is in seconds."""

    playlists: int = 0
    parts: int = 0
    streamed_s: float = 0.0
    discontinuities: int = 0
    longest_share: float = 0.0
    shortest_share: float = 1.0
    """Of parts that are not the last of their segment."""
    date_error_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Findings, *, of: str) -> None:
        """Count another stream's too."""
        self.playlists += other.playlists
        self.parts += other.parts
        self.streamed_s += other.streamed_s
        self.discontinuities += other.discontinuities
        self.longest_share = max(self.longest_share, other.longest_share)
        self.shortest_share = min(self.shortest_share, other.shortest_share)
        self.date_error_s = max(self.date_error_s, other.date_error_s)
        self.wrong += [f"{of}: {sentence}" for sentence in other.wrong]


def check_stream(stream: Stream, *, seconds: float, accidents: Accidents | None = None) -> Findings:
    """Package a stream whose first viewer comes in its second group of pictures, and check all there is to see."""
    return _Check(stream, accidents).run(seconds)


class _Check:
    def __init__(self, stream: Stream, accidents: Accidents | None) -> None:
        self._stream = stream
        self._accidents = accidents
        self._packager = Packager(stream.info, Lengths(), gop_s=stream.gop_s)
        self._checker = Checker()
        self._found = Findings()
        self._reached: int | None = None
        self._captured: dict[int, float] = {}
        """When the pictures were that are newer than the last segment's beginning, by their decoding time."""
        self._known_msn = 0
        self._looked_at_s = 0.0

    def run(self, seconds: float) -> Findings:
        packager, found = self._packager, self._found
        joins_at_s = self._stream.gop_s * 1.4
        group: list[AccessUnit] | None = []
        for unit in self._units(joins_at_s + seconds):
            now_s = float(unit.pts * unit.time_base)
            if unit.track is TrackKind.VIDEO:
                self._captured[unit.dts] = unit.captured_at
            if group is not None and now_s < joins_at_s:
                group = [unit] if unit.keyframe and unit.track is TrackKind.VIDEO else [*group, unit]
                continue
            if group is not None:
                packager.begin(group)
                packager.open_playlist()
                group = None
                self._see(0, now_s)
            self._be_absent_until(now_s)
            before = packager.next_part
            packager.add(unit)
            self._see(before, now_s)
        found.playlists = self._checker.playlists
        found.streamed_s = seconds
        found.discontinuities = packager.counters.discontinuities
        found.wrong += self._checker.wrong
        if packager.counters.cut_without_keyframe:
            found.wrong.append("a segment was cut without a keyframe")
        return found

    def _units(self, seconds: float) -> Iterator[AccessUnit]:
        accidents = self._accidents
        if accidents is None:
            yield from self._stream.units(seconds)
            return
        begin_s, other = 0.0, False
        while begin_s < seconds:
            part = replace(self._stream, begin_s=begin_s, seed=round(begin_s), sps=OTHER_SPS if other else SPS)
            yield from part.units(min(accidents.every_s, seconds - begin_s))
            begin_s += accidents.every_s + accidents.away_s
            other = not other

    def _be_absent_until(self, now_s: float) -> None:
        """As the origin does, look five times a second whether the camera went away."""
        while self._looked_at_s + _LOOK_S < now_s:
            self._looked_at_s = max(self._looked_at_s + _LOOK_S, now_s - 60.0)
            before = self._packager.next_part
            segments = self._packager.window.segments
            self._packager.absent(EPOCH_S + self._looked_at_s)
            if self._packager.window.segments[-1:] != segments[-1:]:
                self._see(before, self._looked_at_s, changed=True)

    def _see(self, known: int, now_s: float, *, changed: bool = False) -> None:
        packager = self._packager
        if not packager.ready or (packager.next_part == known and not changed):
            return
        snapshot = packager.snapshot()
        text = media_playlist(snapshot)
        self._checker.observe(text, at=now_s)
        self._checker.observe_delta(media_playlist(snapshot, skip=skippable(snapshot)), full=text)
        self._look_at_waiting(snapshot)
        self._look_at_dates(snapshot)
        self._look_at_parts(snapshot, known)

    def _look_at_waiting(self, snapshot: Snapshot) -> None:
        """What is there is answered, what comes next is waited for, what is far away is refused."""
        msn, part = snapshot.last_msn, snapshot.last_part
        following = Directives(msn, part + 1) if snapshot.open is not None else Directives(snapshot.next_msn, 0)
        if snapshot.open is not None or snapshot.segments[-1].parts:
            self._require(decide(Directives(msn, part), snapshot) is Decision.ANSWER, "a part that exists is held back")
        self._require(decide(following, snapshot) is Decision.WAIT, "a part that does not exist yet is not waited for")
        try:
            decide(Directives(msn + 3, 0), snapshot)
            self._require(False, "a segment far ahead is not refused")
        except BadRequest:
            pass

    def _look_at_dates(self, snapshot: Snapshot) -> None:
        starts = [segment.start for segment in snapshot.segments if not segment.is_gap]
        if snapshot.open is not None:
            starts.append(snapshot.open.start)
        for start in starts:
            if start.msn <= self._known_msn:
                continue
            self._known_msn = start.msn
            if not start.independent:
                continue
            # A playlist may begin in the middle of a group of pictures.
            nearest = min(self._captured, key=lambda dts: abs(dts - start.media_time))
            error_s = abs(start.date - self._captured[nearest])
            self._found.date_error_s = max(self._found.date_error_s, error_s)
            self._captured = {dts: at for dts, at in self._captured.items() if dts >= nearest}

    def _look_at_parts(self, snapshot: Snapshot, known: int) -> None:
        found, target = self._found, snapshot.part_target
        lasts = {segment.parts[-1].number for segment in snapshot.segments if segment.parts}
        begins = {segment.parts[0].number: segment.start for segment in snapshot.segments if segment.parts}
        if snapshot.open is not None:
            begins[snapshot.open.parts[0].number] = snapshot.open.start
            if snapshot.next_msn > snapshot.last_msn:
                # It has ended with a short part, and tells so with the next one.
                lasts.add(snapshot.open.parts[-1].number)
        for number in range(known, self._packager.next_part):
            part = self._packager.window.part(number)
            if part is None:
                self._require(False, "a new part can't be fetched")
                continue
            found.parts += 1
            found.longest_share = max(found.longest_share, part.duration / target)
            # A part that is the newest may become the last of its segment; then its end is not known yet.
            if number not in lasts:
                found.shortest_share = min(found.shortest_share, part.duration / target)
            run = track_runs(part.data)[_VIDEO]
            start = begins.get(number)
            if start is not None and start.discontinuity:
                self._reached = None
            if self._reached is not None:
                self._require(run.decode_time == self._reached, "parts do not follow each other")
            self._require(sum(run.durations) == part.duration, "a part is not as long as it says")
            self._require(any(run.sync) == part.independent, "INDEPENDENT is not what the part holds")
            self._reached = run.end

    def _require(self, holds: bool, sentence: str) -> None:  # noqa: FBT001  a condition, not an option
        if not holds and sentence not in self._found.wrong:
            self._found.wrong.append(sentence)
