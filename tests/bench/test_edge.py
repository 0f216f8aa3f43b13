"""What the edge's measurement reads: playlists of the gateway, the access log of nginx."""

from __future__ import annotations

import pytest

from bench.edge import shares
from bench.edge_probes import added
from bench.errors import BenchError
from bench.hls_viewers import Fetch, Listed, listed

PLAYLIST = """\
#EXTM3U
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
#EXT-X-MAP:URI="init0.mp4"
#EXT-X-PART:DURATION=0.5,URI="p40.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI="p41.m4s"
#EXTINF:1.0,
s10.m4s
#EXT-X-PART:DURATION=0.5,URI="p42.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p43.m4s"
"""


def test_a_viewer_reads_what_is_newest_and_what_comes_next() -> None:
    assert listed(PLAYLIST) == Listed(newest_part=42, next_msn=11, next_part=1, last_segment=10, init="init0.mp4")


def test_right_after_a_segment_the_first_part_of_the_next_is_what_comes() -> None:
    finished = PLAYLIST.replace('#EXT-X-PART:DURATION=0.5,URI="p42.m4s",INDEPENDENT=YES\n', "")
    assert listed(finished) == Listed(newest_part=41, next_msn=11, next_part=0, last_segment=10, init="init0.mp4")


def test_a_playlist_without_parts_is_none_to_measure_with() -> None:
    with pytest.raises(BenchError, match="no parts"):
        listed("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n")


def line(path: str, status: str) -> str:
    return f"2026-11-22T05:30:24+00:00 127.0.0.1 GET {path} 200 978 0.001 {status} HTTP/1.1"


def test_the_access_log_tells_how_often_the_origin_was_asked() -> None:
    folder = "/cam/_hls/ab12/"
    log = [line(f"{folder}p1.m4s", status) for status in ("MISS", "HIT", "HIT")]
    log += [line(f"{folder}p2.m4s", status) for status in ("MISS", "MISS", "HIT")]
    log += [line(f"{folder}init0.mp4", "HIT"), line(f"{folder}live.m3u8", "BYPASS"), line("/cam/whep", "-")]
    assert shares("\n".join(log)) == {
        "part within nginx, p95": (1.0, "ms"),
        "origin requests for each part": (1.5, ""),
        "origin requests for each init": (0.0, ""),
        "from the cache": (pytest.approx(400 / 7), "%"),
    }


def test_what_is_added_is_told_by_the_same_part() -> None:
    direct = [Fetch(1, 10.0, 10.010), Fetch(1, 10.0, 10.020), Fetch(1, 10.0, 10.500), Fetch(2, 10.5, 10.510)]
    through = [Fetch(1, 10.005, 10.045), Fetch(2, 10.5, 10.505), Fetch(3, 11.0, 11.9)]
    found = added(direct, through)
    assert found.way == pytest.approx([20.0, -5.0])
    assert found.in_hand == pytest.approx([25.0, -5.0])
