"""Writes playlists (draft-pantos-hls-rfc8216bis): a multivariant one, and low-latency media playlists (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.hls.window import PARTS_KEPT_TARGETS, OpenSegment, Part, Segment, SegmentStart, Snapshot, seconds
from gateway.media.units import VIDEO_CLOCK_RATE

VERSION: Final = 9
"""EXT-X-SKIP needs it (section 8)."""

SKIP_TARGETS: Final = 6
"""CAN-SKIP-UNTIL in target durations; the least the draft allows (section 4.4.3.8)."""

HOLD_BACK_TARGETS: Final = 3
PART_HOLD_BACK_PARTS: Final = 3
"""PART-HOLD-BACK in part targets: at least 2, should be 3 (section 4.4.3.8)."""

MEDIA_TYPE: Final = "application/vnd.apple.mpegurl"


@dataclass(frozen=True, slots=True)
class Variant:
    """What a multivariant playlist tells of its one variant; `codecs` are RFC 6381's, `fps` is 0 while unknown."""

    uri: str
    bandwidth_bps: int
    average_bps: int
    codecs: tuple[str, ...]
    width: int
    height: int
    fps: float


def part_uri(number: int) -> str:
    """A part's address, relative to the media playlist.  Numbers go on across segments: the next is always known."""
    return f"p{number}.m4s"


def segment_uri(msn: int) -> str:
    """A segment's address, relative to the media playlist."""
    return f"s{msn}.m4s"


def init_uri(number: int) -> str:
    """An initialization section's address, relative to the media playlist."""
    return f"init{number}.mp4"


def multivariant_playlist(variant: Variant) -> str:
    """The playlist a player is given; its child is relative."""
    attributes = [f"BANDWIDTH={variant.bandwidth_bps}", f"AVERAGE-BANDWIDTH={variant.average_bps}"]
    attributes.append(f'CODECS="{",".join(variant.codecs)}"')
    attributes.append(f"RESOLUTION={variant.width}x{variant.height}")
    if variant.fps > 0:
        attributes.append(f"FRAME-RATE={variant.fps:.3f}")
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", f"#EXT-X-STREAM-INF:{','.join(attributes)}", variant.uri]
    return "\n".join(lines) + "\n"


def peak_bps(segments: Sequence[Segment], *, target_duration_s: float) -> int:
    """BANDWIDTH (section 4.4.6.2): of any neighbours that are half to one and a half target durations long together.

    0 where there are none.
    """
    least = target_duration_s * VIDEO_CLOCK_RATE / 2
    peak = 0.0
    for begin in range(len(segments)):
        size = duration = 0
        for segment in segments[begin:]:
            size += segment.size
            duration += segment.duration
            if duration > 3 * least:
                break
            if duration >= least:
                peak = max(peak, size * 8 * VIDEO_CLOCK_RATE / duration)
    return round(peak)


def skippable(snapshot: Snapshot) -> int:
    """How many of the oldest segments a delta update leaves out: those before the skip boundary (section 6.2.5.1)."""
    return _older_than(snapshot, SKIP_TARGETS)


def _older_than(snapshot: Snapshot, targets: int) -> int:
    """How many segments end at least so many target durations before the playlist does."""
    left = targets * snapshot.target_duration_s * VIDEO_CLOCK_RATE
    if snapshot.open is not None:
        left -= sum(part.duration for part in snapshot.open.parts)
    for count in range(len(snapshot.segments), 0, -1):
        if left <= 0:
            return count
        left -= snapshot.segments[count - 1].duration
    return 0


def start_offset_ms(snapshot: Snapshot) -> int | None:
    """Where players should begin, in ms from the first segment, unless it is where they begin by themselves.

    That is PART-HOLD-BACK before the end.  In a segment that does not begin with a keyframe (what follows the group of
    pictures that a playlist began with, or a piece of a very long group) there may be nothing to begin with: hls.js
    1.7.4 never shows a picture there.  Then it is the newest segment before it that does.
    """
    open_ = () if snapshot.open is None else (snapshot.open,)
    left = PART_HOLD_BACK_PARTS * snapshot.part_target
    all_segments = (*snapshot.segments, *open_)
    for place in range(len(all_segments) - 1, -1, -1):
        left -= _length(all_segments[place])
        if left <= 0:
            break
    else:
        return None
    if all_segments[place].start.independent or not all_segments[place].parts:
        return None
    for earlier in range(place - 1, -1, -1):
        if not all_segments[earlier].parts:
            break
        if all_segments[earlier].start.independent:
            before = sum(_length(segment) for segment in all_segments[:earlier])
            return math.ceil(seconds(before) * 1000)
    return None


def _length(segment: Segment | OpenSegment) -> int:
    return segment.duration if isinstance(segment, Segment) else sum(part.duration for part in segment.parts)


def media_playlist(snapshot: Snapshot, *, skip: int = 0) -> str:
    """The media playlist; with `skip`, without that many of the oldest segments.  The window must not be empty."""
    segments = snapshot.segments
    part_target_s = seconds(snapshot.part_target)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{snapshot.target_duration_s}",
        f"#EXT-X-SERVER-CONTROL:{_server_control(snapshot)}",
        f"#EXT-X-PART-INF:PART-TARGET={part_target_s:.3f}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments[0].start.msn if segments else snapshot.next_msn}",
    ]
    start_at = start_offset_ms(snapshot)
    if start_at is not None:
        lines.append(f"#EXT-X-START:TIME-OFFSET={start_at / 1000:.3f}")
    if snapshot.discontinuity_sequence:
        lines.append(f"#EXT-X-DISCONTINUITY-SEQUENCE:{snapshot.discontinuity_sequence}")
    if skip:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skip}")
    without_parts = _older_than(snapshot, PARTS_KEPT_TARGETS)
    init = segments[skip - 1].start.init if skip else None
    for place, segment in enumerate(segments[skip:], skip):
        init = _begin(lines, segment.start, init)
        if place >= without_parts:
            lines += [_part(part) for part in segment.parts]
        _end(lines, segment)
    if snapshot.open is not None:
        _begin(lines, snapshot.open.start, init)
        lines += [_part(part) for part in snapshot.open.parts]
    lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{part_uri(snapshot.next_part)}"')
    return "\n".join(lines) + "\n"


def _server_control(snapshot: Snapshot) -> str:
    """Section 4.4.3.8."""
    part_hold_back_s = PART_HOLD_BACK_PARTS * seconds(snapshot.part_target)
    hold_back_s = HOLD_BACK_TARGETS * snapshot.target_duration_s
    skip_until_s = SKIP_TARGETS * snapshot.target_duration_s
    return (
        f"CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={part_hold_back_s:.3f},"
        f"HOLD-BACK={hold_back_s:.1f},CAN-SKIP-UNTIL={skip_until_s:.1f}"
    )


def _begin(lines: list[str], start: SegmentStart, init: int | None) -> int:
    if start.discontinuity:
        lines.append("#EXT-X-DISCONTINUITY")
    if start.init != init:
        lines.append(f'#EXT-X-MAP:URI="{init_uri(start.init)}"')
    lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{program_date_time(start.date)}")
    return start.init


def _part(part: Part) -> str:
    independent = ",INDEPENDENT=YES" if part.independent else ""
    return f'#EXT-X-PART:DURATION={duration(part.duration)},URI="{part_uri(part.number)}"{independent}'


def _end(lines: list[str], segment: Segment) -> None:
    if segment.is_gap:
        lines.append("#EXT-X-GAP")
    lines.append(f"#EXTINF:{duration(segment.duration)},")
    lines.append(segment_uri(segment.start.msn))


def duration(ticks: int) -> str:
    """Seconds with five decimals, rounded down: a part must not seem longer than the part target."""
    hundred_thousandths = ticks * 10 // 9
    return f"{hundred_thousandths // 100_000}.{hundred_thousandths % 100_000:05d}"


def program_date_time(date: float) -> str:
    """Unix seconds as ISO 8601 in UTC, to the millisecond."""
    milliseconds = math.floor(date * 1000 + 0.5)
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
