"""What playlists say, word by word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.hls.playlist import (
    Variant,
    duration,
    media_playlist,
    multivariant_playlist,
    peak_bps,
    program_date_time,
    skippable,
    start_offset_ms,
)
from gateway.hls.window import OpenSegment, Part, Segment, SegmentStart, Snapshot

DATE = 1_790_000_000.0
SECOND = 90_000


def start(msn: int, at_s: float, *, init: int = 1, discontinuity: bool = False) -> SegmentStart:
    return SegmentStart(msn, round(at_s * SECOND), DATE + at_s, init, discontinuity, independent=True)


def part(number: int, duration_s: float = 0.2, *, independent: bool = False) -> Part:
    return Part(number, b"x", round(duration_s * SECOND), independent=independent)


def segment(msn: int, *, init: int = 1, discontinuity: bool = False, gap: bool = False) -> Segment:
    """One second of five parts."""
    parts = () if gap else tuple(part(msn * 5 + n, independent=n == 0) for n in range(5))
    return Segment(start(msn, msn, init=init, discontinuity=discontinuity), SECOND, parts)


def snapshot(
    segments: tuple[Segment, ...], opened: OpenSegment | None = None, *, next_part: int, discontinuity_sequence: int = 0
) -> Snapshot:
    return Snapshot(
        target_duration_s=1,
        part_target=round(0.204 * SECOND),
        segments=segments,
        open=opened,
        discontinuity_sequence=discontinuity_sequence,
        next_msn=segments[-1].start.msn + 1,
        next_part=next_part,
    )


HEADER = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.612,HOLD-BACK=3.0,CAN-SKIP-UNTIL=6.0
#EXT-X-PART-INF:PART-TARGET=0.204
"""


class TestWhereToBegin:
    """Without a keyframe where players begin by themselves they never show a picture."""

    KEYFRAME = segment(5)
    FOLLOWING = Segment(replace(start(6, 6), independent=False), SECOND, tuple(part(30 + n) for n in range(5)))

    def opened(self, *, independent: bool, parts: int) -> OpenSegment:
        return OpenSegment(replace(start(7, 7), independent=independent), tuple(part(35 + n) for n in range(parts)))

    def test_in_what_follows_a_keyframe_it_is_the_keyframe(self) -> None:
        state = snapshot((segment(4), self.KEYFRAME, self.FOLLOWING), next_part=35)
        assert start_offset_ms(state) == 1000
        assert "#EXT-X-START:TIME-OFFSET=1.000\n" in media_playlist(state)

    @pytest.mark.parametrize(("parts", "offset"), [(1, 1000), (3, 1000), (4, None)])
    def test_until_the_next_keyframe_is_far_enough_behind(self, parts: int, offset: int | None) -> None:
        state = snapshot(
            (segment(4), self.KEYFRAME, self.FOLLOWING), self.opened(independent=True, parts=parts), next_part=40
        )
        assert start_offset_ms(state) == offset

    def test_before_that_nothing_is_said(self) -> None:
        short = Segment(replace(start(6, 6), independent=False), 18_000, (part(30),))
        assert start_offset_ms(snapshot((segment(4), self.KEYFRAME, short), next_part=31)) is None
        state = snapshot((segment(4), segment(5)), self.opened(independent=True, parts=1), next_part=36)
        assert "EXT-X-START" not in media_playlist(state)

    def test_no_gap_is_bridged_and_none_begun_with(self) -> None:
        gap = segment(5, gap=True)
        assert start_offset_ms(snapshot((segment(4), gap, self.FOLLOWING), next_part=35)) is None
        assert start_offset_ms(snapshot((segment(4), gap), next_part=25)) is None
        assert start_offset_ms(snapshot((self.FOLLOWING,), next_part=35)) is None
        assert start_offset_ms(snapshot((Segment(start(1, 1), 1000, (part(0, 0.01),)),), next_part=1)) is None


@pytest.mark.parametrize(
    ("lengths", "peak"),
    [
        # Of one that is long enough.
        ([(100, 1.0), (300, 1.0)], 2400),
        # A short one counts with what stands beside it, on the side where there is more.
        ([(100, 1.0), (300, 0.1), (100, 1.0)], 2910),
        ([(100, 0.1), (50, 0.2), (100, 0.2)], 4000),
        # Not together with so much that it would no longer be seen.
        ([(400, 0.5), (0, 1.1)], 6400),
        ([(100, 0.3)], 0),
        ([], 0),
    ],
)
def test_the_peak_bandwidth_is_that_of_neighbours_of_about_a_target_duration(
    lengths: list[tuple[int, float]], peak: int
) -> None:
    segments = [
        Segment(start(number, number), round(length_s * SECOND), (Part(number, b"." * size, 1, independent=True),))
        for number, (size, length_s) in enumerate(lengths, 1)
    ]
    assert peak_bps(segments, target_duration_s=1) == pytest.approx(peak, abs=1)


def test_a_playlist_that_has_just_begun() -> None:
    first = Segment(start(0, 0), 27_000, (part(0, 0.2, independent=True), part(1, 0.1)))
    opened = OpenSegment(start(1, 0.3), (part(2),))
    assert (
        media_playlist(snapshot((first,), opened, next_part=3))
        == HEADER
        + """#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-MAP:URI="init1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.000Z
#EXT-X-PART:DURATION=0.20000,URI="p0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.10000,URI="p1.m4s"
#EXTINF:0.30000,
s0.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:20.300Z
#EXT-X-PART:DURATION=0.20000,URI="p2.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p3.m4s"
"""
    )


def test_parts_are_listed_for_three_target_durations_only() -> None:
    text = media_playlist(snapshot(tuple(segment(n) for n in range(5)), next_part=25))
    assert 'URI="p10.m4s"' in text
    assert 'URI="p9.m4s"' not in text
    assert text.count("#EXTINF") == 5


def test_a_camera_that_was_away_and_came_back() -> None:
    segments = (segment(3), segment(4, gap=True), segment(5, init=2, discontinuity=True))
    text = media_playlist(snapshot(segments, next_part=30, discontinuity_sequence=2))
    lines = [line for line in text.splitlines() if not line.startswith("#EXT-X-PART:")]
    assert (
        "\n".join(lines) + "\n"
        == HEADER
        + """#EXT-X-MEDIA-SEQUENCE:3
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-MAP:URI="init1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:23.000Z
#EXTINF:1.00000,
s3.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:24.000Z
#EXT-X-GAP
#EXTINF:1.00000,
s4.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init2.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:25.000Z
#EXTINF:1.00000,
s5.m4s
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p30.m4s"
"""
    )


def test_a_delta_update_leaves_out_what_lies_before_the_skip_boundary() -> None:
    opened = OpenSegment(start(12, 12), (part(60, independent=True),))
    whole = snapshot(tuple(segment(n) for n in range(12)), opened, next_part=61)
    # The playlist ends at 12.2 s: six targets before that is 6.2, so segments 0 to 5 are old enough.
    assert skippable(whole) == 6
    full, delta = media_playlist(whole), media_playlist(whole, skip=6)
    assert (
        delta
        == HEADER
        + "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-SKIP:SKIPPED-SEGMENTS=6\n"
        + full[full.index("#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:26") :]
    )


def test_a_delta_update_tells_of_a_new_map_only_where_it_is_new() -> None:
    segments = (*(segment(n) for n in range(4)), *(segment(n, init=2, discontinuity=n == 4) for n in range(4, 12)))
    whole = snapshot(segments, next_part=60)
    assert '#EXT-X-MAP:URI="init2.mp4"' in media_playlist(whole, skip=4)
    assert "EXT-X-MAP" not in media_playlist(whole, skip=5)


def test_nothing_is_skipped_of_a_short_playlist() -> None:
    assert skippable(snapshot(tuple(segment(n) for n in range(6)), next_part=30)) == 0


@pytest.mark.parametrize(
    ("fps", "codecs", "line"),
    [
        (29.97, ("avc1.640028", "mp4a.40.2"), 'CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970'),
        (0.0, ("avc1.42c01e",), 'CODECS="avc1.42c01e",RESOLUTION=1920x1080'),
    ],
)
def test_a_multivariant_playlist(fps: float, codecs: tuple[str, ...], line: str) -> None:
    variant = Variant("_hls/ab/live.m3u8", 5_000_000, 4_000_000, codecs, 1920, 1080, fps)
    assert multivariant_playlist(variant) == (
        "#EXTM3U\n#EXT-X-VERSION:9\n"
        f"#EXT-X-STREAM-INF:BANDWIDTH=5000000,AVERAGE-BANDWIDTH=4000000,{line}\n"
        "_hls/ab/live.m3u8\n"
    )


@pytest.mark.parametrize(
    ("ticks", "text"), [(18_000, "0.20000"), (3003, "0.03336"), (90_000, "1.00000"), (1, "0.00001")]
)
def test_durations_are_never_rounded_up(ticks: int, text: str) -> None:
    assert duration(ticks) == text
    assert float(text) <= ticks / 90_000


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (1_790_000_000.0, "2026-09-21T14:13:20.000Z"),
        (1_790_000_000.9996, "2026-09-21T14:13:21.000Z"),
        (1_790_000_000.0204, "2026-09-21T14:13:20.020Z"),
    ],
)
def test_dates_are_in_utc_to_the_millisecond(date: float, text: str) -> None:
    assert program_date_time(date) == text
