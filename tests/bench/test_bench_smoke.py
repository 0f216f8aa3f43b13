"""The parts of bench that decide something: figures, reading the kernel's counters, verdicts, reports."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.cameras import FULL_HD, HD, ULTRA_HD
from bench.churn import FULL as CHURN
from bench.churn import WitnessedGateway
from bench.churn import case_name as churn_case
from bench.context import Bench, rotated
from bench.errors import BenchError
from bench.fan_out import FULL as FAN_OUT
from bench.fan_out import case_name
from bench.frame_times import FrameTimes
from bench.goals import GOALS, verdicts
from bench.held import Watched, trouble
from bench.long_watch import judge
from bench.procfs import (
    core_ticks,
    cpu_s,
    free_port,
    open_descriptors,
    parse_core_ticks,
    parse_cpu_ticks,
    parse_resident_bytes,
    parse_udp_drops,
    resident_bytes,
    socket_inode,
    thread_count,
    udp_drops,
)
from bench.report import BEGIN, END, as_markdown, as_text, cell, insert, number
from bench.results import Document, Results, load, to_json
from bench.search import Search
from bench.servers import KINDS
from bench.stats import Picture, gaps, percentile, settling_ms, steady_latency_ms, summarize, unmarked
from bench.viewers import Crowd, NotConnectedError, Viewer
from gateway.demo.spec import parse_camera

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def pictures(*pairs: tuple[float, float], catching_up: bool | None = None) -> list[Picture]:
    return [Picture(at_ms, latency_ms, catching_up) for at_ms, latency_ms in pairs]


class TestStats:
    @pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 5), (0.95, 10), (0.9, 9), (1.0, 10)])
    def test_a_percentile_is_one_of_the_values(self, share: float, expected: int) -> None:
        assert percentile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected

    def test_nothing_has_no_percentile_and_no_summary(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            percentile([], 0.5)
        with pytest.raises(ValueError, match="at least one"):
            summarize([])

    def test_a_summary_keeps_the_spread(self) -> None:
        summary = summarize([3, 1, 2, 100])
        assert (summary.count, summary.median, summary.p95, summary.low, summary.high) == (4, 2.5, 100, 1, 100)

    def test_the_steady_latency_is_that_of_late_pictures(self) -> None:
        seen = pictures((0, 2000), (3000, 70), (3033, 80), (3066, 60))
        assert steady_latency_ms(seen, after_ms=3000) == 70
        assert steady_latency_ms(seen, after_ms=4000) is None

    def test_a_viewer_settles_where_its_latency_stays_within_tolerance(self) -> None:
        fast_forward = [(at, 2000 - at * 5) for at in range(0, 390, 33)]
        steady = [(at, 65.0) for at in range(396, 1500, 33)]
        assert settling_ms(pictures(*fast_forward, *steady), steady_ms=65) == 396

    def test_a_moment_within_tolerance_is_not_yet_settled(self) -> None:
        seen = pictures((0, 60), (100, 400), *((at, 60) for at in range(200, 900, 100)))
        assert settling_ms(seen, steady_ms=60) == 200

    def test_a_viewer_that_is_never_steady_for_long_enough_has_not_settled(self) -> None:
        assert settling_ms(pictures((0, 900), (100, 800)), steady_ms=60) is None
        assert settling_ms(pictures((0, 60), (100, 60)), steady_ms=60) is None

    def test_a_hiccup_after_settling_is_no_part_of_joining(self) -> None:
        seen = pictures(*((at, 60) for at in range(0, 700, 100)), (700, 500))
        assert settling_ms(seen, steady_ms=60) == 0

    def test_late_pictures_count_only_where_the_page_does_not_say_so(self) -> None:
        seen = [
            *pictures((0, 900), (30, 800), catching_up=False),
            *pictures((60, 700), (90, 400), catching_up=True),
            *pictures((120, 60), (150, 900), catching_up=False),
        ]
        assert unmarked(seen, steady_ms=60, until_ms=120) == 60
        assert unmarked(seen, steady_ms=60, until_ms=45) == 45

    def test_gaps_are_between_neighbours(self) -> None:
        assert gaps([1, 4, 9]) == [3, 5]
        assert gaps([1]) == []


class TestKernelCounters:
    def test_cpu_time_is_found_behind_any_process_name(self) -> None:
        assert parse_cpu_ticks("7 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 31 0 0 20") == 281

    def test_resident_memory_is_given_in_kib(self) -> None:
        assert parse_resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\n") == 2 << 20
        with pytest.raises(ValueError, match="has ended"):
            parse_resident_bytes("Name:\tx\n")

    def test_drops_are_summed_over_the_sockets_asked_for(self) -> None:
        head = " sl local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref p drops"
        row = " 1: 0100007F:1F 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 {} 2 0 {}"
        table = "\n".join([head, row.format(11, 5), row.format(12, 7), row.format(13, 100), ""])
        assert parse_udp_drops(table, {11, 12}) == 12
        assert parse_udp_drops(table, set()) == 0

    def test_a_core_is_busy_unless_it_idles_or_waits(self) -> None:
        table = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 40 50 6 7 8 1 1\ncpu1 1 0 0 1 0 0 0 0 0 0\nintr 5"
        assert parse_core_ticks(table, 0) == (27, 117)
        assert parse_core_ticks(table, 1) == (1, 2)
        with pytest.raises(ValueError, match="no core 2"):
            parse_core_ticks(table, 2)

    def test_this_process_has_used_time_memory_threads_and_descriptors(self) -> None:
        busy, total = core_ticks(min(os.sched_getaffinity(0)))
        assert 0 < busy <= total
        assert thread_count(os.getpid()) >= 1
        before = open_descriptors(os.getpid())
        with socket.socket():
            assert open_descriptors(os.getpid()) == before + 1
        assert cpu_s(os.getpid()) > 0
        assert resident_bytes(os.getpid()) > 1 << 20

    def test_the_kernel_counts_what_a_full_socket_does_not_take(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as full, socket.socket(type=socket.SOCK_DGRAM) as sender:
            full.bind(("127.0.0.1", 0))
            full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            for _ in range(50):
                sender.sendto(bytes(1200), full.getsockname())
            assert 40 <= udp_drops({socket_inode(full.fileno())}) < 50

    def test_a_free_port_can_be_taken_for_both_protocols(self) -> None:
        port = free_port()
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", port))
            datagram.bind(("127.0.0.1", port))


class TestFrameTimes:
    @staticmethod
    def packet(*, ssrc: int, marker: bool, payload_type: int = 96) -> bytes:
        return bytes([0x80, payload_type | (0x80 if marker else 0)]) + bytes(6) + ssrc.to_bytes(4, "big") + b"payload"

    def test_gaps_lie_between_last_packets_of_frames(self) -> None:
        times = FrameTimes()
        for begin_s in (0.0, 0.04, 0.08, 0.12):
            times.add(self.packet(ssrc=1, marker=False), at_s=begin_s)
            times.add(self.packet(ssrc=1, marker=True), at_s=begin_s + 0.001)
        assert times.gaps_ms(since_s=0, until_s=1) == pytest.approx([40, 40, 40])
        assert times.gaps_ms(since_s=0.05, until_s=0.1) == pytest.approx([40])

    def test_what_is_no_media_of_the_main_stream_is_ignored(self) -> None:
        times = FrameTimes()
        times.add(self.packet(ssrc=1, marker=True), at_s=0.0)
        times.add(self.packet(ssrc=1, marker=False), at_s=0.01)
        times.add(self.packet(ssrc=2, marker=True), at_s=0.02)
        times.add(self.packet(ssrc=1, marker=True, payload_type=72), at_s=0.02)
        times.add(b"\x16\xfe\xfd" + bytes(20), at_s=0.02)
        times.add(b"", at_s=0.02)
        times.add(self.packet(ssrc=1, marker=True), at_s=0.03)
        assert times.gaps_ms(since_s=0, until_s=1) == pytest.approx([30])

    def test_a_silent_stream_has_no_gaps(self) -> None:
        assert FrameTimes().gaps_ms(since_s=0, until_s=1) == []


class TestHeld:
    ALONE = Watched(rate=30, p50_ms=60, p95_ms=70, lost=0)

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            (Watched(rate=30, p50_ms=60, p95_ms=70, lost=3), "3 packets lost"),
            (Watched(rate=25, p50_ms=60, p95_ms=70, lost=0), "25.0 instead of 30.0"),
            (Watched(rate=30, p50_ms=90, p95_ms=161, lost=0), "161 ms old"),
        ],
    )
    def test_loss_missing_and_late_pictures_are_trouble(self, now: Watched, words: str) -> None:
        assert words in (trouble(self.ALONE, now) or "")

    def test_a_little_noise_is_not(self) -> None:
        assert trouble(self.ALONE, Watched(rate=29, p50_ms=80, p95_ms=150, lost=0)) is None


class TestSearch:
    @staticmethod
    def tried(search: Search, *, capacity: int) -> list[int]:
        numbers = []
        while (target := search.target) is not None:
            numbers.append(target)
            search.judge(served=target <= capacity)
        return numbers

    @pytest.mark.parametrize("capacity", [0, 10, 25, 99, 100, 101, 130, 499, 775, 1000, 5000])
    @pytest.mark.parametrize(("first", "stride"), [(100, 100), (100, 50), (775, 50), (37, 3), (4000, 1)])
    def test_it_finds_the_largest_multiple_that_holds_in_few_steps(
        self, capacity: int, first: int, stride: int
    ) -> None:
        search = Search(first=first, stride=stride, step=25, most=1000)
        numbers = self.tried(search, capacity=capacity)
        assert search.held == min(capacity // 25 * 25, 1000)
        assert len(numbers) == len(set(numbers)) <= 12

    def test_where_it_is_known_about_it_takes_few(self) -> None:
        search = Search(first=400, stride=50, step=25, most=1000)
        assert self.tried(search, capacity=430) == [400, 450, 425]

    def test_after_the_end_there_is_nothing_to_judge(self) -> None:
        search = Search(first=25, stride=25, step=25, most=25)
        search.judge(served=True)
        with pytest.raises(ValueError, match="over"):
            search.judge(served=True)


def results_of(**medians: float) -> Results:
    results = Results("idle-cameras", {"repeats": 1})
    for subject, value in medians.items():
        results.add(
            value, case="40 cameras", metric="CPU per camera", unit="% of a core", subject=subject.replace("_", " ")
        )
    return results


def document_of(results: Results) -> Document:
    return Document(
        results=results,
        started_at="2026-01-02T03:04:05+00:00",
        duration_s=12.34,
        command="python -m bench idle-cameras",
        machine={"cores": 2, "cpu": "Some | CPU", "kernel": "6.1.0"},
        versions={"camera-gateway": "1.0"},
    )


class TestGoals:
    def test_a_ratio_is_held_against_the_other_ones_median(self) -> None:
        (verdict,) = verdicts(results_of(gateway=0.6, bare_PyAV=0.5))
        assert verdict.met
        assert verdict.figure == pytest.approx(1.2)
        (verdict,) = verdicts(results_of(gateway=0.8, bare_PyAV=0.5))
        assert not verdict.met

    def test_what_was_not_measured_is_not_judged(self) -> None:
        assert verdicts(results_of(gateway=0.6)) == []
        assert verdicts(results_of(bare_PyAV=0.6)) == []
        assert verdicts(results_of(gateway=0.6, bare_PyAV=0)) == []

    def test_an_absolute_goal_needs_nobody_else(self) -> None:
        results = Results("glass-to-glass", {})
        results.add(44, case="30 fps", metric="p50", unit="ms", subject="gateway")
        assert [(verdict.met, verdict.unit) for verdict in verdicts(results)] == [(True, "ms")]

    def test_every_goal_belongs_to_a_benchmark_and_a_case_that_is_measured(self) -> None:
        assert {goal.benchmark for goal in GOALS} <= set(command.BENCHMARKS)
        measured = {case_name(one.cameras, each) for one in FAN_OUT.layouts for each in one.viewers_each}
        assert {goal.case for goal in GOALS if goal.benchmark == "fan-out"} <= measured
        joins = CHURN.joins * CHURN.stretches
        assert {goal.case for goal in GOALS if goal.benchmark == "churn"} == {churn_case(joins)}


class TestReport:
    @pytest.mark.parametrize(
        ("value", "text"), [(1234.5, "1234"), (62.83, "62.8"), (5.128, "5.13"), (0.0512, "0.051"), (0, "0.00")]
    )
    def test_figures_have_three_digits(self, value: float, text: str) -> None:
        assert number(value) == text

    def test_spread_is_shown_with_repetitions_and_a_tail_with_many(self) -> None:
        assert cell([]) == "–"
        assert cell([2]) == "2.00"
        assert cell([1, 2, 3]) == "2.00 (1.00–3.00)"
        assert cell(list(range(1, 21))) == "10.5 (1.00–20.0, p95 19.0)"

    def test_text_has_a_column_for_each_server_and_every_verdict(self) -> None:
        results = results_of(gateway=0.6, bare_PyAV=0.5, mediamtx=0.4)
        results.note("go2rtc was left out: it is not installed.")
        results.note("go2rtc was left out: it is not installed.")
        lines = as_text(document_of(results)).splitlines()
        assert lines[1].split() == ["figure", "gateway", "bare", "PyAV", "mediamtx"]
        assert lines[2].split()[-3:] == ["0.60", "0.50", "0.40"]
        assert lines[3].strip() == "40 cameras: CPU per camera ≤ 1.50 × bare PyAV: 1.20, met"
        assert lines[4:] == ["  go2rtc was left out: it is not installed."]

    def test_a_missed_goal_says_so(self) -> None:
        assert "1.60, MISSED" in as_text(document_of(results_of(gateway=0.8, bare_PyAV=0.5)))

    def test_markdown_goes_between_the_markers_and_again(self) -> None:
        markdown = as_markdown([document_of(results_of(gateway=0.6, bare_PyAV=0.5))])
        assert "| 40 cameras | CPU per camera [% of a core] | 0.60 | 0.50 |" in markdown
        once = insert(f"before\n{BEGIN}\nold\n{END}\nafter\n", markdown)
        assert "old" not in once
        assert once.startswith(f"before\n{BEGIN}\n\n### idle-cameras")
        assert once.endswith(f"{END}\nafter\n")
        assert insert(once, markdown) == once

    def test_a_document_without_markers_is_left_alone(self) -> None:
        with pytest.raises(BenchError, match="no place for results"):
            insert("text", "table")


class TestResultFiles:
    def test_a_document_comes_back_as_it_was_written(self, tmp_path: Path) -> None:
        document = document_of(results_of(gateway=0.6, bare_PyAV=0.5))
        file = tmp_path / "idle-cameras.json"
        file.write_text(to_json(document), encoding="utf-8")
        again = load(file)
        assert again.results == document.results
        assert (again.command, again.machine, again.versions) == (document.command, document.machine, document.versions)

    @pytest.mark.parametrize("text", ["", "[]", '{"format": 0}', '{"format": 1}', "3"])
    def test_another_file_is_refused_with_a_sentence(self, text: str, tmp_path: Path) -> None:
        file = tmp_path / "x.json"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(BenchError, match="measure again"):
            load(file)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BenchError, match=r"x\.json can't be read: No such file"):
            load(tmp_path / "x.json")


class TestCommand:
    def test_results_are_rendered_into_a_document(self, tmp_path: Path) -> None:
        (tmp_path / "idle-cameras.json").write_text(
            to_json(document_of(results_of(gateway=0.6, bare_PyAV=0.5))), encoding="utf-8"
        )
        into = tmp_path / "benchmarks.md"
        into.write_text(f"# Title\n{BEGIN}\n{END}\n", encoding="utf-8")
        assert command.main(["report", "--folder", str(tmp_path), "--into", str(into)]) == 0
        assert "### idle-cameras" in into.read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["nonsense"], "no benchmark 'nonsense'"),
            (["held", "--servers", "gateway,nginx"], "no server 'nginx'"),
            (["held", "--server-core", "4096"], "Core 4096 can't be used"),
            (["held", "--server-core", "0", "--load-core", "0"], "a core each"),
        ],
    )
    def test_what_can_not_be_measured_is_a_sentence(
        self, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(arguments) == 1
        assert words in capsys.readouterr().err

    def test_without_results_there_is_nothing_to_report(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["report", "--folder", str(tmp_path)]) == 1
        assert "measure first" in capsys.readouterr().err

    def test_the_documentation_names_every_benchmark_and_has_a_place_for_results(self) -> None:
        text = DOCUMENTATION.read_text(encoding="utf-8")
        assert [name for name in command.BENCHMARKS if f"`{name}`" not in text] == []
        assert insert(text, "").count(BEGIN) == 1


class TestAttempts:
    async def test_what_fails_is_said_and_the_rest_counts(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench = Bench((), 0, 1, tmp_path, random.Random(1))
        results = Results("joins", {})

        async def fails() -> None:
            raise BenchError("viewer 100 did not connect.")

        async def works() -> None:
            results.add(1, case="", metric="m", unit="", subject="gateway")

        await bench.attempt(results, "go2rtc, round 1", fails())
        await bench.attempt(results, "go2rtc, round 2", works())
        assert results.incomplete
        assert results.notes == ["go2rtc, round 1 could not be measured: viewer 100 did not connect."]
        assert len(results.series) == 1
        assert "round 2" in capsys.readouterr().err


class TestCrowd:
    @pytest.mark.parametrize(("error", "tries"), [(NotConnectedError("no answer"), 2), (BenchError("503"), 1)])
    async def test_only_a_viewer_that_was_not_refused_tries_again(self, error: BenchError, tries: int) -> None:
        tried = []

        class Unlucky(Crowd):
            async def join(self, url: str) -> Viewer:
                tried.append(url)
                raise error

        with pytest.raises(BenchError):
            await Unlucky().join_counting("http://127.0.0.1/cam/whep")
        assert len(tried) == tries


class TestSubjects:
    def test_turns_rotate_so_that_nobody_always_follows_the_same(self) -> None:
        assert [rotated("ABC", turn) for turn in range(4)] == [list("ABC"), list("BCA"), list("CAB"), list("ABC")]
        assert rotated([], 3) == []

    @pytest.mark.parametrize("kind", [HD, FULL_HD, ULTRA_HD])
    def test_cameras_are_such_as_the_demo_makes(self, kind: object) -> None:
        assert isinstance(kind, type(HD))
        spec = parse_camera(kind.argument(3))
        assert (spec.width, spec.height, spec.bitrate_bps) == (kind.width, kind.height, kind.bitrate_bps)
        assert spec.paths == ("cam-1", "cam-2", "cam-3")

    def test_a_peer_that_is_not_installed_is_left_out_with_a_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setenv("MEDIAMTX_BIN", "nowhere")
        monkeypatch.delenv("GO2RTC_BIN", raising=False)
        assert "MEDIAMTX_BIN" in (KINDS["mediamtx"].missing() or "")
        assert "go2rtc was left out" in (KINDS["go2rtc"].missing() or "")
        assert KINDS["gateway"].missing() is None

    @pytest.mark.parametrize("kind", [*KINDS.values(), WitnessedGateway()], ids=[*KINDS, "witnessed"])
    def test_every_server_is_told_of_every_camera(self, kind: object, tmp_path: Path) -> None:
        cameras = {"cam-1": "rtsp://127.0.0.1:1/cam-1", "cam-2": "rtsp://127.0.0.1:1/cam-2"}
        prepare = kind.prepare  # type: ignore[attr-defined]
        launch = prepare(tmp_path, cameras)
        (file,) = tmp_path.iterdir()
        text = file.read_text(encoding="utf-8")
        assert all(url in text for url in cameras.values())
        assert str(file) in launch.command
        assert launch.origin.startswith("http://127.0.0.1:")


class TestLongWatch:
    OUTAGE = (2000.0, 3000.0)

    @staticmethod
    def every(begin: int, end: int, *, step: int = 40) -> list[float]:
        return [float(at) for at in range(begin, end, step)]

    def test_an_outage_and_what_it_takes_to_be_back_is_no_freeze(self) -> None:
        seen = [*self.every(0, 2000), *self.every(3600, 6000)]
        stretch = judge(seen, begin=0, end=6000, outage=self.OUTAGE)
        assert (stretch.freezes, stretch.longest_gap_ms, stretch.back_ms) == (0, 40, 600)

    def test_everything_else_is(self) -> None:
        seen = [*self.every(600, 2000), *self.every(3000, 4000), *self.every(4700, 5000)]
        stretch = judge(seen, begin=0, end=6000, outage=self.OUTAGE)
        assert (stretch.freezes, stretch.longest_gap_ms) == (3, 1020)

    def test_who_never_comes_back_says_so(self) -> None:
        assert judge(self.every(0, 2000), begin=0, end=6000, outage=self.OUTAGE).back_ms is None
