"""Checks a low-latency media playlist, as it goes on, against what rfc8216bis says a server must and should do.

Knows nothing of the gateway: text and bytes in, sentences about what is wrong out, so that it also judges a playlist
that comes over HTTP, for an hour or from another server.  Section numbers are those of draft-pantos-hls-rfc8216bis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)(?:,|$)')
_ROUNDING_S = 0.001
_MIN_SHARE = 0.85
_DATE_TOLERANCE_S = 0.05


def attributes(text: str) -> dict[str, str]:
    """An attribute list (section 4.2), without quotes."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


@dataclass(slots=True)
class ListedPart:
    """An EXT-X-PART."""

    uri: str
    duration_s: float
    independent: bool
    gap: bool


@dataclass(slots=True)
class ListedSegment:
    """A segment, or what there is of the one that is being made (`uri` None)."""

    msn: int
    uri: str | None = None
    duration_s: float | None = None
    date_s: float | None = None
    discontinuity: bool = False
    gap: bool = False
    map_uri: str | None = None
    parts: list[ListedPart] = field(default_factory=list)


@dataclass(slots=True)
class MediaPlaylist:
    """A media playlist read."""

    version: int = 1
    target_duration_s: int = 0
    control: dict[str, str] = field(default_factory=dict)
    part_target_s: float = 0.0
    media_sequence: int = 0
    discontinuity_sequence: int = 0
    skipped: int = 0
    start_offset_s: float | None = None
    segments: list[ListedSegment] = field(default_factory=list)
    open: ListedSegment | None = None
    hints: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def all_segments(self) -> list[ListedSegment]:
        """The one that is being made too."""
        return self.segments + ([self.open] if self.open else [])

    @property
    def parts(self) -> list[ListedPart]:
        """All parts in order."""
        return [part for segment in self.all_segments for part in segment.parts]


class _Reader:
    """Takes a playlist's lines one by one."""

    def __init__(self) -> None:
        self.found = MediaPlaylist()
        self._segment: ListedSegment | None = None
        self._map_uri: str | None = None
        self._msn = 0

    def finish(self) -> MediaPlaylist:
        self.found.open = self._segment
        return self.found

    def take(self, line: str) -> None:
        tag, _, value = line.partition(":")
        if line and not line.startswith("#"):
            self._uri(line)
        elif not self._of_playlist(tag, value) and not self._of_segment(tag, value):
            self.found.unknown.append(line)

    @property
    def _current(self) -> ListedSegment:
        if self._segment is None:
            self._segment = ListedSegment(self._msn, map_uri=self._map_uri)
        return self._segment

    def _uri(self, line: str) -> None:
        segment, self._segment = self._current, None
        segment.uri = line
        self.found.segments.append(segment)
        self._msn += 1

    def _of_playlist(self, tag: str, value: str) -> bool:
        found = self.found
        match tag:
            case "#EXT-X-VERSION":
                found.version = int(value)
            case "#EXT-X-TARGETDURATION":
                found.target_duration_s = int(value)
            case "#EXT-X-SERVER-CONTROL":
                found.control = attributes(value)
            case "#EXT-X-PART-INF":
                found.part_target_s = float(attributes(value)["PART-TARGET"])
            case "#EXT-X-MEDIA-SEQUENCE":
                found.media_sequence = self._msn = int(value)
            case "#EXT-X-DISCONTINUITY-SEQUENCE":
                found.discontinuity_sequence = int(value)
            case "#EXT-X-START":
                found.start_offset_s = float(attributes(value)["TIME-OFFSET"])
            case "#EXT-X-SKIP":
                found.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
                self._msn += found.skipped
            case "#EXT-X-PRELOAD-HINT":
                found.hints.append(attributes(value)["URI"])
            case _:
                return False
        return True

    def _of_segment(self, tag: str, value: str) -> bool:
        segment = self._current
        match tag:
            case "#EXT-X-MAP":
                self._map_uri = segment.map_uri = attributes(value)["URI"]
            case "#EXT-X-DISCONTINUITY":
                segment.discontinuity = True
            case "#EXT-X-GAP":
                segment.gap = True
            case "#EXT-X-PROGRAM-DATE-TIME":
                segment.date_s = datetime.fromisoformat(value).timestamp()
            case "#EXT-X-PART":
                read = attributes(value)
                independent, gap = (read.get(name) == "YES" for name in ("INDEPENDENT", "GAP"))
                segment.parts.append(ListedPart(read["URI"], float(read["DURATION"]), independent, gap))
            case "#EXTINF":
                segment.duration_s = float(value.partition(",")[0])
            case _:
                return False
        return True


def parse(text: str) -> MediaPlaylist:
    """Read a media playlist."""
    lines = text.splitlines()
    assert lines[:1] == ["#EXTM3U"], "section 4.4.1.1: the first line is #EXTM3U"
    reader = _Reader()
    for line in lines[1:]:
        reader.take(line)
    return reader.finish()


class Checker:
    """Feed it each playlist as it comes; `wrong` is every violation so far, once each."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.playlists = 0
        self._last: MediaPlaylist | None = None
        self._last_advanced_at = 0.0

    def observe(self, text: str, *, at: float) -> MediaPlaylist:
        """A full media playlist that was served at second `at`."""
        found = parse(text)
        self.playlists += 1
        self._alone(found)
        if self._last is not None:
            self._against(self._last, found, at)
        else:
            self._last_advanced_at = at
        self._last = found
        return found

    def observe_delta(self, text: str, *, full: str) -> MediaPlaylist:
        """A delta update, and the full playlist of the same state (section 6.2.5.1)."""
        found, whole = parse(text), parse(full)
        if found.skipped:
            self._require(found.version >= 9, "8: EXT-X-SKIP needs version 9")
            until_s = float(whole.control["CAN-SKIP-UNTIL"])
            kept_s = sum(segment.duration_s or 0 for segment in found.segments)
            open_s = sum(part.duration_s for part in found.open.parts) if found.open else 0
            self._require(kept_s + open_s >= until_s - _ROUNDING_S, "6.2.5.1: skips beyond the skip boundary")
        self._require(
            [(s.msn, s.uri, s.parts) for s in found.segments]
            == [(s.msn, s.uri, s.parts) for s in whole.segments[found.skipped :]],
            "6.2.5.1: a delta update tells the same of what it tells",
        )
        self._require(found.media_sequence == whole.media_sequence, "6.2.5.1: the header stays")
        return found

    def _require(self, holds: bool, sentence: str) -> None:  # noqa: FBT001  a condition, not an option
        if not holds and sentence not in self.wrong:
            self.wrong.append(sentence)

    def _alone(self, p: MediaPlaylist) -> None:
        require = self._require
        require(not p.unknown, f"unknown lines {p.unknown}")
        require(p.target_duration_s > 0, "4.4.3.1: a target duration is required")
        target_s, part_s = p.target_duration_s, p.part_target_s
        require(p.control.get("CAN-BLOCK-RELOAD") == "YES", "B.1: blocking reload is required")
        require(part_s > 0, "4.4.3.7: EXT-X-PART-INF is required where there are parts")
        hold_s = float(p.control.get("PART-HOLD-BACK", 0))
        require(hold_s >= 2 * part_s, "4.4.3.8: PART-HOLD-BACK must be at least twice the part target")
        require(hold_s >= 3 * part_s - _ROUNDING_S, "4.4.3.8: PART-HOLD-BACK should be three times the part target")
        require(float(p.control.get("HOLD-BACK", 3 * target_s)) >= 3 * target_s, "4.4.3.8: HOLD-BACK below 3 targets")
        skip_s = float(p.control.get("CAN-SKIP-UNTIL", 6 * target_s))
        require(skip_s >= 6 * target_s, "4.4.3.8: CAN-SKIP-UNTIL below 6 targets")
        require(len(p.hints) == 1, "B.1: one preload hint is required")
        for segment in p.segments:
            self._segment(p, segment)
        for part in p.parts:
            require(part.duration_s <= part_s, "4.4.4.9: a part is longer than the part target")
        for segment in p.all_segments:
            # The newest part of an unfinished segment may turn out to be its last.
            for part in segment.parts[:-1]:
                require(
                    part.duration_s >= _MIN_SHARE * part_s - 2e-5,
                    "4.4.4.9: a part is shorter than 85 % of the part target and not the last of its segment",
                )
        self._dates(p)
        self._recent_parts(p)
        listed_s = sum(s.duration_s or 0 for s in p.segments)
        if not p.skipped:
            require((p.start_offset_s or 0.0) <= listed_s, "4.4.2.2: EXT-X-START beyond the end of the playlist")

    def _segment(self, p: MediaPlaylist, segment: ListedSegment) -> None:
        require = self._require
        require(segment.duration_s is not None, "4.4.4.1: EXTINF is required")
        duration_s = segment.duration_s or 0.0
        require(int(duration_s + 0.5) <= p.target_duration_s, "4.4.3.1: a segment is longer than the target duration")
        require(segment.map_uri is not None, "3.1.2: fragmented MP4 needs EXT-X-MAP")
        require(segment.date_s is not None, "B.1: EXT-X-PROGRAM-DATE-TIME is required")
        uris = [segment.uri or "", *[part.uri for part in segment.parts]]
        require(not any("/" in uri or "?" in uri for uri in uris), "ours: children are relative and without a query")
        if segment.parts:
            total_s = sum(part.duration_s for part in segment.parts)
            require(abs(total_s - duration_s) <= _ROUNDING_S, "4.4.4.9: parts do not add up to their segment")

    def _dates(self, p: MediaPlaylist) -> None:
        segments = p.all_segments
        for earlier, later in pairwise(segments):
            if earlier.date_s is None or later.date_s is None:
                continue
            step_s = later.date_s - earlier.date_s
            self._require(step_s > 0, "4.4.4.6: dates go back")
            if not later.discontinuity:
                drift_s = abs(step_s - (earlier.duration_s or 0))
                self._require(drift_s <= _DATE_TOLERANCE_S, "6.2.1: dates disagree with durations")

    def _recent_parts(self, p: MediaPlaylist) -> None:
        """Parts stay for three target durations (section 6.2.2)."""
        age_s = sum(part.duration_s for part in p.open.parts) if p.open else 0.0
        for segment in reversed(p.segments):
            if age_s > 3 * p.target_duration_s - _ROUNDING_S:
                break
            self._require(bool(segment.parts) or segment.gap, "6.2.2: parts left the playlist too early")
            age_s += segment.duration_s or 0.0

    def _against(self, old: MediaPlaylist, new: MediaPlaylist, at: float) -> None:
        require = self._require
        require(new.target_duration_s == old.target_duration_s, "4.4.3.1: the target duration changed")
        require(new.part_target_s == old.part_target_s, "4.4.3.7: the part target changed")
        require(new.media_sequence >= old.media_sequence, "4.4.3.2: the media sequence went back")
        removed = [segment for segment in old.segments if segment.msn < new.media_sequence]
        require(
            new.discontinuity_sequence == old.discontinuity_sequence + sum(s.discontinuity for s in removed),
            "4.4.3.3: the discontinuity sequence must count discontinuities that left",
        )
        if removed:
            left_s = sum(segment.duration_s or 0 for segment in new.segments)
            require(
                left_s >= 3 * new.target_duration_s - _ROUNDING_S,
                "6.2.2: removed with less than three target durations left",
            )
        known = {segment.msn: segment for segment in new.all_segments}
        for segment in old.all_segments:
            now = known.get(segment.msn)
            if now is None:
                require(segment.msn < new.media_sequence, "6.2.1: a segment vanished from the middle")
                continue
            self._same(segment, now)
        known_parts = {part.uri for part in old.parts}
        fresh = [part.uri for part in new.parts if part.uri not in known_parts]
        if fresh or [s.msn for s in new.all_segments] != [s.msn for s in old.all_segments]:
            late_s = at - self._last_advanced_at
            require(late_s <= 1.5 * new.target_duration_s, "6.2.1: no update for 1.5 target durations")
            self._last_advanced_at = at
            if fresh:
                require(fresh[0] == old.hints[0], "4.4.5.3: what came is not what was hinted")

    def _same(self, old: ListedSegment, new: ListedSegment) -> None:
        if old.uri is not None:
            same = (old.uri, old.duration_s, old.gap) == (new.uri, new.duration_s, new.gap)
            self._require(same, "6.2.1: a segment changed")
            self._require(not new.parts or new.parts == old.parts, "6.2.1: the parts of a finished segment changed")
        else:
            self._require(new.parts[: len(old.parts)] == old.parts, "6.2.1: a part changed")
        same = (old.date_s, old.discontinuity, old.map_uri) == (new.date_s, new.discontinuity, new.map_uri)
        self._require(same, "6.2.1: a segment's date, map or discontinuity changed")
