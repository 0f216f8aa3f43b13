"""The command line: what each command does, its exit code, and that it never shows a secret."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

import gateway
from gateway import __version__, cli, concealment, health, log
from gateway.config import AccessMode, Config, Listen
from gateway.errors import PortInUse

CANARY = "cAnArY-5ecret"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log, "setup", lambda level: None)  # it is global; test_log.py tests it


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Config, bool]]:
    """What the gateway would have been started with; the real one runs until it is stopped."""
    calls: list[tuple[Config, bool]] = []

    def run(config: Config, *, demo: bool = False) -> int:
        calls.append((config, demo))
        return 0

    monkeypatch.setattr(gateway, "running", SimpleNamespace(run=run), raising=False)
    return calls


def run_failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(config: Config, *, demo: bool = False) -> int:
        raise error

    monkeypatch.setattr(gateway, "running", SimpleNamespace(run=run), raising=False)


def usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    text = capsys.readouterr().err
    assert CANARY not in text
    assert text.count("\n") == 1
    return text


class TestServe:
    def test_it_starts_with_file_environment_and_arguments_merged(
        self, started: list[tuple[Config, bool]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("mine.yml").write_text("cameras: {a: rtsp://192.0.2.1/s}\nwebrtc: {max_viewers: 3}\n")
        monkeypatch.setenv("GATEWAY_WEBRTC__PORT", "9190")
        arguments = ["serve", "-c", "mine.yml", "--listen", "[::1]:9000", "b=rtsp://192.0.2.2/s"]
        assert cli.main(arguments) == 0
        ((config, demo),) = started
        assert not demo
        assert list(config.cameras) == ["a", "b"]
        assert (config.listen, config.webrtc.port, config.webrtc.max_viewers) == (Listen("::1", 9000), 9190, 3)

    def test_the_file_in_the_current_folder_is_found(self, started: list[tuple[Config, bool]]) -> None:
        Path("gateway.yml").write_text("cameras: {a: rtsp://192.0.2.1/s}")
        assert cli.main(["serve"]) == 0
        assert list(started[0][0].cameras) == ["a"]

    def test_every_problem_is_a_line_and_the_exit_code_is_two(
        self, started: list[tuple[Config, bool]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("gateway.yml").write_text(f"listen: 0.0.0.0\ncameras: {{api: 'rtsp://u:{CANARY}@/s'}}")
        assert cli.main(["serve"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(": ")[:3] for line in lines] == [
            ["camera-gateway", "gateway.yml:1", "listen"],
            ["camera-gateway", "gateway.yml:2", "cameras.api"],
            ["camera-gateway", "gateway.yml:2", "cameras.api.source"],
        ]
        assert CANARY not in "".join(lines)
        assert not started

    @pytest.mark.parametrize(
        ("environment", "place"), [({}, ""), ({"GATEWAY_WEBRTC__PORT": "8190"}, "GATEWAY_WEBRTC__PORT: ")]
    )
    def test_a_taken_port_is_one_line(
        self,
        environment: dict[str, str],
        place: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        run_failing(monkeypatch, PortInUse(key="webrtc.port", address="0.0.0.0:8190"))
        assert cli.main(["serve"]) == 2
        sentence = "webrtc.port: another program already uses 0.0.0.0:8190; stop it or choose another port"
        assert capsys.readouterr().err == f"camera-gateway: {place}{sentence}\n"

    def test_an_interrupt_is_quiet(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        run_failing(monkeypatch, KeyboardInterrupt())
        assert cli.main(["serve"]) == 130
        assert capsys.readouterr() == ("", "")

    def test_an_address_without_a_name_is_explained_without_showing_it(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["serve", f"rtsp://u:{CANARY}@192.0.2.1/s"]) == 2
        text = capsys.readouterr().err
        assert "NAME=rtsp://" in text
        assert CANARY not in text


class TestDemo:
    def test_it_is_open_and_ignores_what_is_configured(
        self, started: list[tuple[Config, bool]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("gateway.yml").write_text("this: is: wrong")
        monkeypatch.setenv("GATEWAY_LISTEN", "192.0.2.1:1")
        assert cli.main(["demo", "--listen", "0.0.0.0:9000", "--webrtc-port", "9190"]) == 0
        ((config, demo),) = started
        assert demo
        assert (config.listen, config.webrtc.port) == (Listen("0.0.0.0", 9000), 9190)
        assert config.access.mode is AccessMode.OPEN

    def test_by_default_only_this_machine_sees_it(self, started: list[tuple[Config, bool]]) -> None:
        assert cli.main(["demo"]) == 0
        assert (started[0][0].listen, started[0][0].webrtc.port) == (Listen("127.0.0.1", 8080), 8190)

    def test_a_wrong_port_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["demo", "--webrtc-port", "many"]) == 2
        assert capsys.readouterr().err == "camera-gateway: command line: webrtc.port: must be a whole number\n"


class TestValidate:
    def test_it_sums_up_what_is_right(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("gateway.yml").write_text("cameras:\n  a: rtsp://h/1\n  b: {source: rtsp://h/2, enabled: false}\n")
        assert cli.main(["validate"]) == 0
        assert capsys.readouterr().out == (
            "gateway.yml: OK: 2 cameras (1 enabled), page on 127.0.0.1:8080, WebRTC on port 8190\n"
        )

    def test_without_a_file_it_checks_the_environment(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GATEWAY_CAMERAS", "a=rtsp://h/1")
        assert cli.main(["validate"]) == 0
        assert capsys.readouterr().out.startswith("no file; OK: 1 camera, page on ")

    def test_what_is_wrong_ends_with_two(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["validate", "-c", "missing.yml"]) == 2
        assert capsys.readouterr() == ("", "camera-gateway: missing.yml: there is no such file\n")


class _Healthz(BaseHTTPRequestHandler):
    """Answers 200 on /healthz, 503 on /tired, else 404."""

    def do_GET(self) -> None:
        self.send_response({"/healthz": 200, "/tired": 503}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server that knows /healthz."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Healthz) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(timeout=5)


class TestHealthcheck:
    def test_it_asks_where_the_gateway_is_configured_to_listen(
        self, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("GATEWAY_LISTEN", f"0.0.0.0:{port}")
        monkeypatch.setenv("GATEWAY_ACCESS__MODE", "open")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert cli.main(["healthcheck"]) == 0
        assert capsys.readouterr() == ("", "")

    def test_it_asks_the_address_given(self, port: int) -> None:
        assert cli.main(["healthcheck", f"http://127.0.0.1:{port}"]) == 0
        assert cli.main(["healthcheck", f"http://127.0.0.1:{port}/healthz"]) == 0

    def test_any_other_answer_is_a_failure(self, port: int, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["healthcheck", f"http://127.0.0.1:{port}/tired"]) == 1
        assert capsys.readouterr().err == f"camera-gateway: 127.0.0.1:{port} answered 503\n"

    def test_no_answer_is_a_failure(self, port: int, capsys: pytest.CaptureFixture[str]) -> None:
        # Port 1 of loopback: nothing listens there unless somebody means to.
        assert cli.main(["healthcheck", "http://127.0.0.1:1/"]) == 1
        assert capsys.readouterr().err == "camera-gateway: no answer from 127.0.0.1:1: Connection refused\n"

    @pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://h/", "http://", "http://h:x/"])
    def test_what_is_no_address_is_explained(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["healthcheck", url]) == 1
        assert "needs an address like http://127.0.0.1:8080/healthz" in capsys.readouterr().err

    def test_a_gateway_that_does_not_answer_in_time_has_failed(self) -> None:
        with ThreadingHTTPServer(("127.0.0.1", 0), _Healthz) as silent:  # accepts, and is never served
            problem = health.probe(f"http://127.0.0.1:{silent.server_port}/", timeout_s=0.05)
        assert problem == f"no answer from 127.0.0.1:{silent.server_port}: timed out"

    @pytest.mark.parametrize(
        ("listen", "url"),
        [
            (Listen("0.0.0.0", 8080), "http://127.0.0.1:8080/healthz"),
            (Listen("::", 8080), "http://[::1]:8080/healthz"),
            (Listen("192.0.2.1", 80), "http://192.0.2.1:80/healthz"),
        ],
    )
    def test_every_address_is_asked_on_loopback(self, listen: Listen, url: str) -> None:
        assert health.local_url(listen) == url


class TestUsage:
    def test_wrong_arguments_are_one_line_without_their_secrets(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "unrecognized arguments" in usage_error(["serve", f"--cams=rtsp://u:{CANARY}@h"], capsys)
        assert "unrecognized arguments" in usage_error(["demo", f"a=rtsp://u:{CANARY}@h"], capsys)
        assert "invalid choice" in usage_error([f"rtsp://u:{CANARY}@h"], capsys)
        assert "COMMAND" in usage_error([], capsys)

    def test_the_version_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            cli.main(["--version"])
        assert caught.value.code == 0
        assert capsys.readouterr().out == f"camera-gateway {__version__}\n"

    @pytest.mark.parametrize("arguments", [["validate"], ["--help"], ["--version"]])
    def test_a_reader_that_has_gone_is_no_error(self, arguments: list[str]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        # Unbuffered, argparse itself meets the broken pipe, and ignores it.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "gateway", *arguments],
                stdout=writing,
                stderr=subprocess.PIPE,
                env={**environment, "PYTHONPATH": str(ROOT)},
                timeout=30,
                check=False,
            )
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (141, b"")


class TestPasswordsInArguments:
    def test_pairs_are_told_from_other_arguments(self) -> None:
        arguments = ["serve", "a=rtsp://h/1", "-c", "x=y.yml", "b=http://h/2", "--listen=h:1", "rtsp://h/?a=b", "c="]
        kept, pairs = concealment.split_arguments(arguments)
        assert pairs == ["a=rtsp://h/1", "b=http://h/2"]
        assert kept == ["serve", "-c", "x=y.yml", "--listen=h:1", "rtsp://h/?a=b", "c="]

    @pytest.mark.parametrize("memory", [True, False], ids=["memory", "file"])
    def test_the_process_list_shows_none_while_the_gateway_has_them(self, memory: bool) -> None:  # noqa: FBT001
        program = """if True:
            import os, sys
            if sys.argv[1] == "nomemory":
                del os.memfd_create, sys.argv[1], sys.orig_argv[5]
            from gateway.concealment import hide_cameras, read_cameras
            hide_cameras()
            descriptor = int(sys.argv[2].removeprefix("--cameras-fd="))
            pairs = read_cameras(descriptor)
            print(os.getpid(), sys.argv[3:], os.path.exists(f"/proc/self/fd/{descriptor}"), flush=True)
            sys.stdin.readline()
            print(pairs)
        """
        pairs = [f"a=rtsp://u:{CANARY}@192.0.2.1/s", "b=rtsp://192.0.2.2/\u00fc"]
        arguments = [] if memory else ["nomemory"]
        command = [sys.executable, "-X", "utf8", "-c", program, *arguments, "serve", pairs[0], "-c", "x.yml", pairs[1]]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            encoding="utf-8",
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first == f"{process.pid} ['-c', 'x.yml'] False\n"
            shown = [Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
            rest, _ = process.communicate("\n", timeout=30)
        assert rest == f"{pairs}\n"
        assert b"serve" in shown[0]
        for content in shown:
            assert CANARY.encode() not in content
            assert b"rtsp://" not in content

    @pytest.mark.parametrize(
        "way", [["-m", "gateway"], [str(ROOT / "gateway" / "__main__.py")]], ids=["module", "script"]
    )
    def test_the_real_program_starts_over_and_still_reads_them(self, way: list[str]) -> None:
        # Wrong on purpose: the complaint shows that the pairs arrived, and ends the program.
        done = subprocess.run(
            [sys.executable, *way, "serve", f"a=http://u:{CANARY}@h/", "--listen", "127.0.0.1:x", "b/=rtsp://h/"],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            encoding="utf-8",
            timeout=30,
            check=False,
        )
        assert done.returncode == 2
        assert [line.split(": ")[2] for line in done.stderr.splitlines()] == [
            "cameras.a.source",
            "cameras.b/",
            "listen",
        ]
        assert CANARY not in done.stdout + done.stderr

    def test_arguments_without_cameras_start_nothing_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def execute(*arguments: object) -> None:
            raise AssertionError(arguments)

        monkeypatch.setattr(os, "execv", execute)
        for arguments in (["serve"], ["serve", "--listen", "h:1"], ["demo", "a=rtsp://h/"]):
            monkeypatch.setattr(sys, "argv", ["camera-gateway", *arguments])
            concealment.hide_cameras()


def gateway_process(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GATEWAY_WEBRTC__PORT": "0",
            "GATEWAY_ACCESS__MODE": "open",
            **environment,
        },
        encoding="utf-8",
    )


@pytest.mark.e2e
def test_a_running_gateway_shows_its_cameras_password_nowhere_and_ends_quietly() -> None:
    # Nothing listens on port 1, so the camera fails, in FFmpeg's words, which repeat the address.
    pair = f"front=rtsp://u:{CANARY}@127.0.0.1:1/s"
    with gateway_process("serve", "--log-level", "debug", "--listen", "127.0.0.1:0", pair) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            address = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
            assert address is not None
            shown = [Path(f"/proc/{process.pid}/{name}").read_text("utf-8") for name in ("cmdline", "environ")]
            shown += lines_until("front: offline", process.stderr)
            shown.append(fetch(int(address[1]), "/api/cameras"))
            assert '"state": "offline"' in shown[-1]
            taken = gateway_process("serve", "--listen", f"127.0.0.1:{address[1]}")
            shown += taken.communicate(timeout=30)
            assert taken.returncode == 2
            assert shown[-1].count("\n") == 1
            assert shown[-1].startswith("camera-gateway: command line: listen: another program already uses 127.0.0.1:")
        finally:
            process.send_signal(signal.SIGINT)
            shown += process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    assert "Traceback" not in "".join(shown)
    for text in shown:
        assert CANARY not in text


def lines_until(awaited: str, stream: IO[str]) -> list[str]:
    """The lines up to the one that contains `awaited`; pytest-timeout ends a wait in vain."""
    lines: list[str] = []
    while not lines or awaited not in lines[-1]:
        lines.append(stream.readline())
        assert lines[-1], "".join(lines)
    return lines


def fetch(port: int, path: str) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode("utf-8")
