"""What the HLS benchmarks are built on: reading responses, frames, playlists' ends; and a minute of their check."""

from __future__ import annotations

import gzip
import json
import os
import struct
from pathlib import Path

import pytest

from bench.core_load import busy_s, parse_busy_ticks
from bench.errors import BenchError
from bench.goals import GOALS
from bench.hls_check import FPS, made_up_case, real_case
from bench.hls_followers import Followers, edge_of
from bench.hls_load import FULL, case_name
from bench.hls_packaging import listed_s
from bench.hls_servers import PACKAGING, PULLING, host_and_port
from bench.hls_streams import Accidents, Findings, check_stream
from bench.http_reader import ResponseReader
from bench.mse_readers import FrameReader, MseReaders, client_frame
from gateway.hls.packager import Lengths, Packager
from gateway.hls.playlist import media_playlist, skippable
from gateway.source.status import CameraState
from tests.hls.streams import AAC, Stream
from tests.support.cameras import demo_camera
from tests.support.gateway import reached_state, running_gateway
from tests.webrtc.stage import settled

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def read(data: bytes, *, step: int, keep: bool = True) -> ResponseReader:
    reader = ResponseReader(keep=keep)
    for begin in range(0, len(data), step):
        assert not reader.complete
        reader.take(memoryview(data)[begin : begin + step])
    assert reader.complete
    return reader


class TestResponses:
    @pytest.mark.parametrize("step", [1, 2, 7, 1000])
    @pytest.mark.parametrize("data", [LENGTH, CHUNKED], ids=["length", "chunked"])
    def test_a_body_is_read_however_it_is_cut(self, data: bytes, step: int) -> None:
        reader = read(data, step=step)
        assert (reader.status, reader.size, reader.text()) == (200, 5, "hello")

    def test_media_is_counted_and_not_kept(self) -> None:
        reader = read(LENGTH, step=3, keep=False)
        assert (reader.size, reader.text()) == (5, "")

    def test_a_refusal_has_no_body(self) -> None:
        assert read(EMPTY, step=1000).status == 404

    def test_what_is_gzipped_is_unzipped(self) -> None:
        body = gzip.compress(b"#EXTM3U")
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        assert read(head.encode() + body, step=9).text() == "#EXTM3U"

    @pytest.mark.parametrize("data", [b"RTSP/1.0 200 OK\r\n\r\n", b"x" * 70_000, EMPTY + b"more"])
    def test_what_is_no_response_is_an_error(self, data: bytes) -> None:
        with pytest.raises(BenchError):
            ResponseReader(keep=True).take(memoryview(data))


class TestFrames:
    FRAMES = (
        b"\x82\x03abc\x82\x7e"
        + struct.pack(">H", 300)
        + b"x" * 300
        + b"\x81\x02{}"
        + b"\x02\x01a\x80\x01b"
        + b"\x82\x7f"
        + struct.pack(">Q", 70_000)
        + b"y" * 70_000
        + b"\x89\x00"
    )

    @pytest.mark.parametrize("step", [1, 3, 4096, 100_000])
    def test_binary_messages_are_counted_and_others_kept(self, step: int) -> None:
        reader, kept = FrameReader(), []
        for begin in range(0, len(self.FRAMES), step):
            kept += reader.take(memoryview(self.FRAMES)[begin : begin + step])
        assert kept == [(1, b"{}"), (9, b"")]
        assert (reader.messages, reader.bytes) == (4, 3 + 300 + 2 + 70_000)

    @pytest.mark.parametrize("size", [0, 125, 126, 300])
    def test_a_client_masks_what_it_sends(self, size: int) -> None:
        frame = client_frame(1, b"z" * size)
        assert frame[1] & 0x80
        assert frame.endswith(b"z" * size)
        assert len(frame) == size + (6 if size < 126 else 8)


def packaged(*, seconds: float) -> Packager:
    stream = Stream(gop_s=1.0)
    packager = Packager(stream.info, Lengths(), gop_s=1.0)
    for unit in stream.units(seconds):
        packager.add(unit)
        if packager.can_start_well:
            packager.open_playlist()
    return packager


class TestPlaylists:
    @pytest.mark.parametrize("seconds", [3.0, 3.5, 15.0, 15.25])
    def test_the_end_of_a_playlist_is_what_comes_next(self, seconds: float) -> None:
        snapshot = packaged(seconds=seconds).snapshot()
        following = (snapshot.next_msn, len(snapshot.open.parts) if snapshot.open else 0)
        for skip in (0, skippable(snapshot)):
            edge = edge_of(media_playlist(snapshot, skip=skip))
            assert (edge.msn, edge.part, edge.hint) == (*following, f"p{snapshot.next_part}.m4s")
            assert edge.can_skip

    def test_another_text_is_no_playlist(self) -> None:
        with pytest.raises(BenchError, match="no media sequence"):
            edge_of("<html>")

    def test_listed_seconds_are_those_of_segments_that_are_there(self) -> None:
        text = "#EXTM3U\n#EXT-X-GAP\n#EXTINF:2.00000,\ngap.mp4\n#EXTINF:2.00000,\na\n#EXTINF:1.5,\nb\n"
        assert listed_s(text) == 3.5


class TestLoad:
    def test_a_cores_time_is_what_it_did_not_idle(self) -> None:
        stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 100 200 4 5 6 7 8\ncpu1 0 0 0 5 0 0 0 0 0 0\n"
        assert parse_busy_ticks(stat, 0) == 21
        assert parse_busy_ticks(stat, 1) == 0
        with pytest.raises(ValueError, match="no core 2"):
            parse_busy_ticks(stat, 2)

    def test_this_machine_has_been_busy(self) -> None:
        assert busy_s(min(os.sched_getaffinity(0))) > 0

    def test_an_address_needs_a_port(self) -> None:
        assert host_and_port("http://127.0.0.1:80/x") == ("127.0.0.1", 80)
        with pytest.raises(BenchError, match="no host and port"):
            host_and_port("http://127.0.0.1/x")

    @pytest.mark.parametrize("kinds", [PACKAGING, PULLING], ids=["packaging", "pulling"])
    def test_servers_are_told_whether_to_package(self, kinds: dict[str, object], tmp_path: Path) -> None:
        always = kinds is PACKAGING
        gateway, mediamtx = (
            json.loads(Path(kinds[name].prepare(tmp_path, {"cam": "rtsp://127.0.0.1:1/cam"}).command[-1]).read_text())  # type: ignore[attr-defined]
            for name in ("gateway", "mediamtx")
        )
        assert gateway["hls"] == {"always": always}
        assert (mediamtx["hls"], mediamtx["hlsVariant"], mediamtx["hlsAlwaysRemux"]) == (True, "lowLatency", always)

    def test_goals_belong_to_cases_that_are_measured(self) -> None:
        measured = {case_name(protocol, FULL.viewers) for protocol in ("LL-HLS", "MSE")}
        measured |= {case(fps) for fps in FPS for case in (made_up_case, real_case)}
        promised = {goal.case for goal in GOALS if goal.benchmark in ("hls-load", "hls-check")}
        assert promised == measured

    async def test_light_viewers_follow_a_camera_by_playlist_and_by_socket(self) -> None:
        async with demo_camera() as camera, running_gateway({"cam": camera.url}) as gateway:
            await reached_state(gateway.registry.find("cam"), CameraState.LIVE, within_s=10)
            async with Followers() as followers, MseReaders() as readers:
                await followers.join(f"{gateway.address}cam/index.m3u8")
                await readers.join(gateway.address.rstrip("/"), "cam")
                count = followers.count
                await settled(lambda: min(count.playlists, count.parts) >= 5, "they do not follow")
                await settled(lambda: readers.messages() >= 20, "they read nothing")
                followers.require_all()
                readers.require_all()
                assert followers.count.refused == 0
                assert followers.count.bytes > 0


class TestCheck:
    @pytest.mark.parametrize("fps", FPS)
    @pytest.mark.parametrize(
        "accidents", [None, Accidents(every_s=12.0, away_s=7.0), Accidents(every_s=9.0, away_s=0.0)]
    )
    def test_a_minute_of_each_pace_is_without_complaint(self, fps: int, accidents: Accidents | None) -> None:
        found = check_stream(Stream(fps=float(fps), audio=AAC), seconds=60, accidents=accidents)
        assert found.wrong == []
        assert found.longest_share <= 1.0
        assert found.shortest_share >= 0.85
        assert found.date_error_s < 0.05
        assert (found.discontinuities > 2) is (accidents is not None)

    def test_findings_add_up_and_say_whose_they_are(self) -> None:
        total = Findings()
        total.add(Findings(playlists=3, date_error_s=0.01, wrong=["too long"]), of="one")
        total.add(Findings(playlists=4, date_error_s=0.02, shortest_share=0.9), of="other")
        assert (total.playlists, total.date_error_s, total.shortest_share) == (7, 0.02, 0.9)
        assert total.wrong == ["one: too long"]
