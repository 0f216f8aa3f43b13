"""Configuration: what is read, from where, and the line that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import (
    AccessConfig,
    AccessMode,
    CameraConfig,
    CameraUrl,
    ClockSource,
    Config,
    Listen,
    PublicUrl,
    Transport,
    find_file,
    load_config,
)
from gateway.errors import ConfigError

CANARY = "cAnArY-5ecret"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes gateway.yml into an empty current directory and returns its relative path."""
    monkeypatch.chdir(tmp_path)

    def writing(text: str) -> Path:
        Path("gateway.yml").write_text(text, encoding="utf-8")
        return Path("gateway.yml")

    return writing


def complaints(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    pairs: list[str] | None = None,
    settings: Mapping[tuple[str, ...], str] | None = None,
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(file, environment=environment or {}, pairs=pairs or [], settings=settings)
    for text in (*caught.value.lines, str(caught.value), repr(caught.value)):
        assert CANARY not in text
    for line in caught.value.lines:
        assert "\n" not in line
    assert caught.value.exit_code == 2
    return list(caught.value.lines)


class TestValues:
    def test_without_anything_the_gateway_serves_nothing_to_this_machine_only(self) -> None:
        config = load_config(None, environment={}).config
        assert config.listen == Listen("127.0.0.1", 8080)
        assert config.access.mode is AccessMode.REQUIRED
        assert (config.webrtc.port, config.webrtc.advertise, config.webrtc.max_viewers) == (8190, (), 1000)
        assert dict(config.cameras) == {}

    def test_every_key_is_read(self, write: Write) -> None:
        file = write("""
            listen: "[::]:9000"
            access: {mode: open}
            webrtc: {port: 9190, advertise: [203.0.113.7, "2001:db8::7", cams.example.org], max_viewers: 20}
            cameras:
              site1/yard:
                source: rtsp://192.0.2.11/main
                substream: rtsps://192.0.2.11/sub
                transport: udp
                on_demand: true
                enabled: no
                clock: camera
            """)
        config = load_config(file, environment={}).config
        assert config.listen == Listen("::", 9000)
        assert config.access == AccessConfig(mode=AccessMode.OPEN)
        assert config.webrtc.advertise == ("203.0.113.7", "2001:db8::7", "cams.example.org")
        assert (config.webrtc.port, config.webrtc.max_viewers) == (9190, 20)
        assert config.cameras["site1/yard"] == CameraConfig(
            source=CameraUrl("rtsp://192.0.2.11/main"),
            substream=CameraUrl("rtsps://192.0.2.11/sub"),
            transport=Transport.UDP,
            on_demand=True,
            enabled=False,
            clock=ClockSource.CAMERA,
        )

    def test_a_plain_address_is_a_camera_with_every_default(self, write: Write) -> None:
        camera = load_config(write("cameras: {front: 'rtsp://192.0.2.10/s'}"), environment={}).config.cameras["front"]
        assert camera == CameraConfig(source=CameraUrl("rtsp://192.0.2.10/s"))
        assert (camera.substream, camera.transport, camera.on_demand) == (None, Transport.TCP, False)
        assert (camera.enabled, camera.clock) == (True, ClockSource.AUTO)

    def test_words_that_yaml_takes_for_something_else_can_name_cameras(self, write: Write) -> None:
        names = ["on", "off", "yes", "no", "1", "1.5", "null", "true", "0x1f", "2026-11-21", "1_000"]
        file = write("cameras:\n" + "".join(f"  {name}: rtsp://192.0.2.10/s\n" for name in names))
        assert list(load_config(file, environment={}).config.cameras) == names

    def test_a_quoted_number_is_a_number(self, write: Write) -> None:
        assert load_config(write('webrtc: {port: "8191"}'), environment={}).config.webrtc.port == 8191

    @pytest.mark.parametrize("text", ["", "# nothing yet\n", "cameras:\nwebrtc:\n", "---\n", "\ufeffcameras: {}\n"])
    def test_an_empty_file_or_section_is_like_none(self, write: Write, text: str) -> None:
        assert load_config(write(text), environment={}).config == Config()

    def test_anchors_repeat_what_was_written(self, write: Write) -> None:
        file = write("cameras:\n  a: &one {source: rtsp://192.0.2.1/s, transport: udp}\n  b: *one\n")
        cameras = load_config(file, environment={}).config.cameras
        assert cameras["a"] == cameras["b"]

    def test_nothing_can_be_changed_afterwards(self, write: Write) -> None:
        config = load_config(write("cameras: {a: rtsp://192.0.2.1/s}"), environment={}).config
        with pytest.raises(ValidationError, match="frozen"):
            config.listen = Listen("0.0.0.0", 1)  # type: ignore[misc]
        with pytest.raises(TypeError, match="assignment"):
            config.cameras["b"] = config.cameras["a"]  # type: ignore[index]

    def test_a_configuration_made_in_code_is_checked_alike(self) -> None:
        camera = CameraConfig(source=CameraUrl("rtsp://192.0.2.1/s"))
        assert Config(cameras={"a": camera}).cameras["a"] is camera
        with pytest.raises(ValidationError, match="lies below"):
            Config(cameras={"a": camera, "a/b": camera})


class TestVariablesInTheFile:
    def test_a_reference_becomes_the_variable_and_a_doubled_dollar_does_not(self, write: Write) -> None:
        file = write("cameras: {a: 'rtsp://u:${CAM_PASSWORD}@192.0.2.1/$${x}/$y'}")
        config = load_config(file, environment={"CAM_PASSWORD": "p$w"}).config
        assert config.cameras["a"].source.reveal() == "rtsp://u:p$w@192.0.2.1/${x}/$y"

    def test_what_a_variable_holds_is_not_expanded_again(self, write: Write) -> None:
        file = write("cameras: {a: 'rtsp://${HOST_A}/s'}")
        config = load_config(file, environment={"HOST_A": "192.0.2.1/${HOST_A}"}).config
        assert config.cameras["a"].source.reveal() == "rtsp://192.0.2.1/${HOST_A}/s"

    @pytest.mark.parametrize(
        ("reference", "reason"),
        [
            ("${NOPE}", "the environment variable NOPE is not set"),
            ("${}", "must be followed by a variable's name"),
            ("${A-B}", "must be followed by a variable's name"),
            ("${A", "must be followed by a variable's name"),
        ],
    )
    def test_a_reference_that_leads_nowhere_is_one_line(self, write: Write, reference: str, reason: str) -> None:
        (line,) = complaints(write(f"cameras:\n  a:\n    source: 'rtsp://{reference}'\n"))
        assert line.startswith("gateway.yml:3: cameras.a.source: ")
        assert reason in line


class TestEnvironment:
    def test_every_key_can_be_set(self, write: Write) -> None:
        file = write("listen: 127.0.0.1:1\nwebrtc: {port: 1, max_viewers: 7}\n")
        environment = {
            "GATEWAY_LISTEN": "0.0.0.0:9000",
            "GATEWAY_ACCESS__MODE": "open",
            "GATEWAY_WEBRTC__PORT": "9190",
            "GATEWAY_WEBRTC__ADVERTISE": "203.0.113.7, cams.example.org",
            "GATEWAY_CAMERAS": "front=rtsp://192.0.2.1/s",
            "GATEWAY_CAMERAS__FRONT__TRANSPORT": "udp",
            "GATEWAY_CAMERAS__YARD__SOURCE": "rtsp://192.0.2.2/s",
            "PATH": "/bin",
        }
        config = load_config(file, environment=environment).config
        assert config.listen == Listen("0.0.0.0", 9000)
        assert (config.webrtc.port, config.webrtc.max_viewers) == (9190, 7)
        assert config.webrtc.advertise == ("203.0.113.7", "cams.example.org")
        assert config.cameras["front"].transport is Transport.UDP
        assert config.cameras["yard"].source.reveal() == "rtsp://192.0.2.2/s"

    def test_commas_stay_in_addresses_unless_a_new_pair_follows(self) -> None:
        text = "a=rtsp://u:p,w=1@192.0.2.1/x,y=2?z=1,2, b=rtsps://192.0.2.2/s,\n"
        config = load_config(None, environment={"GATEWAY_CAMERAS": text + "c=rtsp://192.0.2.3/s"}).config
        assert {name: camera.source.reveal() for name, camera in config.cameras.items()} == {
            "a": "rtsp://u:p,w=1@192.0.2.1/x,y=2?z=1,2",
            "b": "rtsps://192.0.2.2/s",
            "c": "rtsp://192.0.2.3/s",
        }

    def test_a_variable_finds_the_camera_whose_name_no_variable_can_hold(self, write: Write) -> None:
        file = write("cameras:\n  Front-Door: rtsp://192.0.2.1/s\n  site1/yard: rtsp://192.0.2.2/s\n")
        environment = {
            "GATEWAY_CAMERAS__FRONT_DOOR__ON_DEMAND": "true",
            "GATEWAY_CAMERAS__SITE1_YARD__ENABLED": "false",
        }
        cameras = load_config(file, environment=environment).config.cameras
        assert list(cameras) == ["Front-Door", "site1/yard"]
        assert cameras["Front-Door"].on_demand
        assert cameras["Front-Door"].source.reveal() == "rtsp://192.0.2.1/s"
        assert not cameras["site1/yard"].enabled

    def test_secrets_can_come_from_files(self, tmp_path: Path) -> None:
        cameras, source = tmp_path / "cameras", tmp_path / "source"
        cameras.write_text(f"# ours\n\nfront=rtsp://u:{CANARY}@192.0.2.1/s\nyard = rtsp://192.0.2.2/s\n")
        source.write_text(f"rtsp://u:{CANARY}@192.0.2.3/s\n")
        environment = {
            "GATEWAY_CAMERAS_FILE": str(cameras),
            "GATEWAY_CAMERAS__GATE__SOURCE_FILE": str(source),
            "GATEWAY_CAMERAS__FRONT__ON_DEMAND": "yes",
        }
        config = load_config(None, environment=environment).config
        assert config.cameras["front"].source.reveal() == f"rtsp://u:{CANARY}@192.0.2.1/s"
        assert config.cameras["front"].on_demand
        assert config.cameras["yard"].source.reveal() == "rtsp://192.0.2.2/s"
        assert config.cameras["gate"].source.reveal() == f"rtsp://u:{CANARY}@192.0.2.3/s"

    def test_a_wrong_line_in_such_a_file_is_named(self, tmp_path: Path) -> None:
        cameras = tmp_path / "cameras"
        cameras.write_text(f"a=rtsp://192.0.2.1/s\nrtsp://u:{CANARY}@192.0.2.1/s\nb=http://u:{CANARY}@192.0.2.1/\n")
        assert complaints(environment={"GATEWAY_CAMERAS_FILE": str(cameras)}) == [
            f"{cameras}:2: cameras: a camera is given as NAME=rtsp://…, for example front=rtsp://192.0.2.10/stream1",
            f"{cameras}:3: cameras.b.source: begins with a scheme that can't be read; use rtsp:// or rtsps://",
        ]

    def test_a_file_that_cannot_be_read_is_named_with_its_variable(self, tmp_path: Path) -> None:
        binary = tmp_path / "binary"
        binary.write_bytes(b"\xff\xfe")
        missing = tmp_path / "missing"
        environment = {"GATEWAY_CAMERAS_FILE": str(missing), "GATEWAY_CAMERAS__A__SUBSTREAM_FILE": str(binary)}
        assert complaints(environment=environment) == [
            f"GATEWAY_CAMERAS_FILE: cameras: can't read {missing}: No such file or directory",
            f"GATEWAY_CAMERAS__A__SUBSTREAM_FILE: cameras.a.substream: can't read {binary}: it isn't UTF-8 text",
        ]

    def test_a_value_and_its_file_at_once_is_refused(self, tmp_path: Path) -> None:
        cameras = tmp_path / "cameras"
        cameras.write_text("a=rtsp://192.0.2.1/s")
        environment = {"GATEWAY_CAMERAS": "b=rtsp://192.0.2.1/s", "GATEWAY_CAMERAS_FILE": str(cameras)}
        (line,) = complaints(environment=environment)
        assert line == "GATEWAY_CAMERAS_FILE: cameras: also set by GATEWAY_CAMERAS; keep one of the two"

    def test_names_that_differ_only_in_case_are_the_same_key_written_twice(self) -> None:
        (line,) = complaints(environment={"GATEWAY_WEBRTC__PORT": "1", "GATEWAY_webrtc__port": "2"})
        assert line == "GATEWAY_webrtc__port: webrtc.port: also set by GATEWAY_WEBRTC__PORT; keep one of the two"

    def test_errors_name_the_variable(self) -> None:
        environment = {
            "GATEWAY_WEBRTC__PORT": "many",
            "GATEWAY_WEBRTC_PORT": "8190",
            "GATEWAY_LISTENN": "x",
            "GATEWAY_WEBRTC__TURN__SECRET": CANARY,
            "GATEWAY_CAMERAS": f"a=rtsp://u:{CANARY}@/s,b=rtsp://192.0.2.1/s,b=rtsp://192.0.2.1/s",
        }
        top = f"allowed here: {', '.join(sorted(Config.model_fields))}"
        nested = "a key inside 'webrtc' takes two underscores: GATEWAY_WEBRTC__PORT"
        assert complaints(environment=environment) == [
            "GATEWAY_CAMERAS: cameras.a.source: has no host; write rtsp://host/path",
            "GATEWAY_CAMERAS: cameras.b: given twice",
            f"GATEWAY_LISTENN: listenn: unknown key (did you mean 'listen'?); {top}",
            f"GATEWAY_WEBRTC_PORT: webrtc_port: unknown key; {nested}",
            "GATEWAY_WEBRTC__PORT: webrtc.port: must be a whole number",
            "GATEWAY_WEBRTC__TURN__SECRET: webrtc.turn.secret: String should have at least 16 characters",
        ]

    def test_what_an_orchestrator_says_about_services_is_not_configuration(self) -> None:
        environment = {
            "GATEWAY_PORT": "tcp://10.0.0.1:8080",
            "GATEWAY_PORT_8080_TCP": "tcp://10.0.0.1:8080",
            "GATEWAY_PORT_8080_TCP_ADDR": "10.0.0.1",
            "GATEWAY_SERVICE_HOST": "10.0.0.1",
            "GATEWAY_SERVICE_PORT": "8080",
            "GATEWAY_SERVICE_PORT_HTTP": "8080",
            "GATEWAY_API_SERVICE_HOST": "10.0.0.1",
            "GATEWAY_API_PORT": "udp://10.0.0.1:1",
            "GATEWAY_LISTEN": "",
        }
        assert load_config(None, environment=environment).config == Config()


class TestCommandLine:
    def test_it_wins_over_environment_and_file(self, write: Write) -> None:
        file = write("listen: 127.0.0.1:1\ncameras:\n  a: {source: rtsp://192.0.2.1/s, transport: udp}\n")
        environment = {"GATEWAY_LISTEN": "127.0.0.1:2", "GATEWAY_CAMERAS": "b=rtsp://192.0.2.2/s"}
        pairs = ["a=rtsp://192.0.2.9/s", "c=rtsp://192.0.2.3/s?x=1"]
        config = load_config(file, environment=environment, pairs=pairs, settings={("listen",): "127.0.0.1:3"}).config
        assert config.listen.port == 3
        assert list(config.cameras) == ["a", "b", "c"]
        assert config.cameras["c"].source.reveal() == "rtsp://192.0.2.3/s?x=1"
        # A pair is a whole camera: options that were meant for another address don't stay.
        assert config.cameras["a"] == CameraConfig(source=CameraUrl("rtsp://192.0.2.9/s"))

    @pytest.mark.parametrize("pair", ["front", f"rtsp://u:{CANARY}@192.0.2.1/s", f"rtsp://u:{CANARY}=x@192.0.2.1/?a=b"])
    def test_an_argument_that_is_no_pair_is_explained(self, pair: str) -> None:
        (line,) = complaints(pairs=[pair])
        assert line.startswith("command line: cameras: a camera is given as NAME=rtsp://…")

    def test_a_pair_given_twice_is_refused(self) -> None:
        pair = f"a=rtsp://u:{CANARY}@192.0.2.1/s"
        assert complaints(pairs=[pair, pair]) == ["command line: cameras.a: given twice"]


class TestWhatIsWrongWithTheFile:
    def test_all_of_it_is_said_at_once_with_lines_and_key_paths(self, write: Write) -> None:
        file = write(f"""\
listen: 8080
turn: {{secret: {CANARY}}}
webrtc:
  prot: 1
  port: 99999
  max_viewers: 0
  advertise: [0.0.0.0, "a b", 999.1]
cameras:
  front door: rtsp://192.0.2.10/s
  api: rtsp://192.0.2.10/s
  http: http://u:{CANARY}@192.0.2.10/s
  nohost: rtsp://u:{CANARY}@/s
  yard: rtsp://192.0.2.10/s
  yard/gate: rtsp://192.0.2.10/s
  yard: rtsp://u:{CANARY}@192.0.2.10/s
  empty:
  list: [rtsp://192.0.2.10/s]
  long:
    substream: rtsp://192.0.2.10/s
    transport: quic
    on_demand: sometimes
    clok: auto
""")
        keys = "clock, enabled, on_demand, source, substream, transport"
        top = f"allowed here: {', '.join(sorted(Config.model_fields))}"
        inside = "allowed here: advertise, max_viewers, max_viewers_per_camera, port, turn"
        grammar = (
            "a camera's name is made of letters A-Z a-z, digits, '_', '.', '-', with '/' between parts, "
            "and each part begins with a letter or digit"
        )
        collision = "'yard/gate' lies below the camera 'yard', so their addresses collide: rename one of them"
        assert complaints(file) == [
            "gateway.yml:1: listen: must be HOST:PORT, for example 127.0.0.1:8080 or [::1]:8080",
            f"gateway.yml:2: turn: unknown key; {top}",
            f"gateway.yml:4: webrtc.prot: unknown key (did you mean 'port'?); {inside}",
            "gateway.yml:5: webrtc.port: must be at most 65535",
            "gateway.yml:6: webrtc.max_viewers: must be at least 1",
            "gateway.yml:7: webrtc.advertise.0: is not an address that a browser can reach",
            "gateway.yml:7: webrtc.advertise.1: must be an IP address or a host name",
            "gateway.yml:7: webrtc.advertise.2: must be an IP address or a host name",
            f"gateway.yml:9: cameras.front door: {grammar}",
            "gateway.yml:10: cameras.api: a camera's name can't begin with 'api': the gateway uses that address itself",
            "gateway.yml:11: cameras.http.source: begins with a scheme that can't be read; use rtsp:// or rtsps://",
            "gateway.yml:12: cameras.nohost.source: has no host; write rtsp://host/path",
            f"gateway.yml:14: cameras.yard/gate: {collision}",
            "gateway.yml:15: cameras.yard: written twice; first on line 13",
            "gateway.yml:16: cameras.empty: has no value; write one, or leave the key out",
            "gateway.yml:17: cameras.list: must be a mapping (key: value lines)",
            "gateway.yml:18: cameras.long.source: is missing",
            "gateway.yml:20: cameras.long.transport: must be one of: 'tcp' or 'udp'",
            "gateway.yml:21: cameras.long.on_demand: must be true or false",
            f"gateway.yml:22: cameras.long.clok: unknown key (did you mean 'clock'?); allowed here: {keys}",
        ]

    @pytest.mark.parametrize(
        ("text", "line", "reason"),
        [
            ("cameras:\n  a: [\n", 3, "not valid YAML"),
            ("a: b\n c: d\n", 2, "mapping values are not allowed here"),
            ("listen: 127.0.0.1:1\n\tx: 1", 2, "not valid YAML"),
            ("a: 1\nb: \x07\n", 2, "control character"),
            (f"cameras:\n  a: *{CANARY}\n", 2, "found undefined alias"),
            (f"cameras:\n  a: '{CANARY}\n", 3, "not valid YAML"),
            ("listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n", 2, "but found another document"),
            ("- a\n", 1, "must be a mapping"),
            ("just words\n", 1, "must be a mapping"),
        ],
    )
    def test_a_file_that_is_not_yaml_names_the_line_only(self, write: Write, text: str, line: int, reason: str) -> None:
        (complaint,) = complaints(write(text))
        assert complaint.startswith(f"gateway.yml:{line}: ")
        assert reason in complaint

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("cameras: !!python/object:os.system {}", "gateway.yml:1: cameras: has a YAML tag"),
            ("cameras: {a: !secret cam}", "gateway.yml:1: cameras.a: has a YAML tag"),
            ("cameras:\n  [a, b]: x", "gateway.yml:2: cameras: a key must be plain text"),
            ("cameras: &a\n  b: *a", "gateway.yml:1: cameras.b: nested too deeply"),
            ("cameras: [a]", "gateway.yml:1: cameras: must be a mapping"),
            ("webrtc: 1", "gateway.yml:1: webrtc: must be a mapping"),
            ("webrtc: {advertise: {a: b}}", "gateway.yml:1: webrtc.advertise: must be a list"),
            ("webrtc: {port: }", "gateway.yml:1: webrtc.port: has no value"),
            ("webrtc: {port: [1]}", "gateway.yml:1: webrtc.port: must be a whole number"),
            ("webrtc: {port: 1.5}", "gateway.yml:1: webrtc.port: must be a whole number"),
            ("access: {mode: closed}", "gateway.yml:1: access.mode: must be one of: 'required' or 'open'"),
            ("listen: 127.0.0.1:x", "gateway.yml:1: listen: must end in a port"),
            ("listen: 127.0.0.1:65536", "gateway.yml:1: listen: must end in a port"),
            ("listen: '::1:8080'", "gateway.yml:1: listen: must be HOST:PORT"),
            ("listen: [1]", "gateway.yml:1: listen: must be HOST:PORT"),
            ("listen: 'a b:1'", "gateway.yml:1: listen: must be an IP address or a host name"),
        ],
    )
    def test_each_kind_of_mistake_has_its_own_words(self, write: Write, text: str, complaint: str) -> None:
        (line,) = complaints(write(text))
        assert line.startswith(complaint)

    def test_aliases_of_aliases_do_not_eat_the_memory(self, write: Write) -> None:
        levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
        lines = complaints(write("\n".join(levels)))
        assert any("too large" in line for line in lines)

    def test_brackets_without_end_do_not_overflow_the_stack(self, write: Write) -> None:
        (line,) = complaints(write("[" * 100_000))
        assert line == "gateway.yml: nested too deeply"

    def test_a_password_in_the_place_of_a_key_is_not_shown(self, write: Write) -> None:
        lines = complaints(write(f'cameras:\n  rtsp://u:{CANARY}@192.0.2.1/s: x\n"li\\nsten": 1\n'))
        assert lines[0].startswith("gateway.yml:2: cameras.rtsp://u:***@192.0.2.1/s: a camera's name is made of")
        assert lines[-1].startswith(r"gateway.yml:3: li\nsten: unknown key (did you mean 'listen'?)")

    def test_a_file_that_cannot_be_read_is_one_line(self, tmp_path: Path) -> None:
        missing, folder, binary, large = (tmp_path / name for name in ("missing.yml", "folder", "binary", "large"))
        folder.mkdir()
        binary.write_bytes(b"\xff\xfe")
        with large.open("wb") as stream:
            stream.truncate(5 * 1024 * 1024)
        assert complaints(missing) == [f"{missing}: there is no such file"]
        assert complaints(folder) == [f"can't read {folder}: Is a directory"]
        assert complaints(binary) == [f"can't read {binary}: it isn't UTF-8 text"]
        assert complaints(large) == [f"can't read {large}: it is larger than 4194304 bytes"]


class TestListen:
    @pytest.mark.parametrize(
        ("text", "loopback"),
        [
            ("127.0.0.1:0", True),
            ("127.9.9.9:80", True),
            ("[::1]:8080", True),
            ("localhost:8080", True),
            ("0.0.0.0:8080", False),
            ("[::]:8080", False),
            ("192.0.2.1:65535", False),
            ("cams.example.org:8080", False),
            ("localhost.example.org:8080", False),
            ("[::ffff:192.0.2.1]:1", False),
        ],
    )
    def test_only_loopback_is_loopback(self, text: str, loopback: bool) -> None:  # noqa: FBT001 (a table's column)
        listen = Listen.parse(text)
        assert listen.is_loopback is loopback
        assert str(listen) == text

    @pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "127.0.0.1:8080"])
    def test_signing_in_is_required_on_every_address_unless_it_is_written_otherwise(
        self, write: Write, listen: str
    ) -> None:
        assert load_config(write(f'listen: "{listen}"\n'), environment={}).config.access.mode is AccessMode.REQUIRED
        written = load_config(write(f'listen: "{listen}"\naccess: {{mode: required}}\n'), environment={}).config
        assert written.access.mode is AccessMode.REQUIRED


class TestProxies:
    def test_what_stands_before_and_around_the_gateway_is_read(self, write: Write, tmp_path: Path) -> None:
        config = load_config(
            write("""
                public_url: https://Cams.example.org:443/live/
                trusted_proxies: [10.0.0.0/8, "::1"]
                tls: {cert: cert.pem, key: /etc/key.pem}
                sources: {by_api: true, schemes: [rtsps], networks: 192.0.2.0/24}
                """),
            environment={"GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8"},
        ).config
        assert config.public_url == PublicUrl("https://cams.example.org/live")
        assert (config.public_url.base_path, config.public_url.host) == ("/live", "cams.example.org")
        assert config.public_url.is_secure
        assert config.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
        assert config.tls.files is not None
        assert [path.is_absolute() for path in config.tls.files] == [True, True]
        assert (config.sources.by_api, config.sources.schemes) == (True, ("rtsps",))
        assert config.sources.networks == (ip_network("192.0.2.0/24"),)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("tls: {cert: a.pem}", "gateway.yml:1: tls.key: tls needs both cert and key"),
            ("tls: {key: a.pem}", "gateway.yml:1: tls.key: tls needs both cert and key"),
            ("public_url: cams.example.org", "gateway.yml:1: public_url: must be an address like https://"),
            ("public_url: https://h/a//b", "gateway.yml:1: public_url: has a path of something else"),
            ("public_url: https://h/?a", "gateway.yml:1: public_url: must be an address like https://"),
            ("public_url: ftp://h/", "gateway.yml:1: public_url: must be an origin"),
            ("trusted_proxies: 10.0.0.1/8", "gateway.yml:1: trusted_proxies.0: must be an address or a network"),
            ("sources: {schemes: [file]}", "gateway.yml:1: sources.schemes.0: must be one of: rtsp, rtsps"),
        ],
    )
    def test_what_can_not_work_is_said(self, write: Write, text: str, line: str) -> None:
        (said,) = complaints(write(text + "\n"))
        assert said.startswith(line)


class TestCameraUrl:
    @pytest.mark.parametrize(
        ("text", "redacted", "address"),
        [
            ("rtsp://192.0.2.1/s", "rtsp://192.0.2.1/s", "192.0.2.1:554"),
            ("rtsp://u:cAnArY@192.0.2.1:8554/s/1", "rtsp://u:***@192.0.2.1:8554/s/1", "192.0.2.1:8554"),
            ("rtsp://cAnArY@cam.local/", "rtsp://***@cam.local/", "cam.local:554"),
            ("rtsp://u:c@nArY@cam.local/", "rtsp://u:***@cam.local/", "cam.local:554"),
            ("rtsps://[2001:db8::1]/s?token=cAnArY", "rtsps://[2001:db8::1]/s?***", "[2001:db8::1]:322"),
            ("rtsp://h/user=a&password=cAnArY&x=1", "rtsp://h/user=***&password=***&x=***", "h:554"),
            ("rtsps://h:7441/cAnArY0123456789?enableSrtp", "rtsps://h:7441/***?***", "h:7441"),
        ],
    )
    def test_only_reveal_shows_what_may_be_secret(self, text: str, redacted: str, address: str) -> None:
        url = CameraUrl(text)
        assert url.reveal() == text
        assert (url.redacted, str(url), f"{url}", url.address) == (redacted, redacted, redacted, address)
        assert repr(url) == f"CameraUrl({redacted!r})"
        assert repr(CameraConfig(source=url)).count("cAnArY") == 0

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "has no value"),
            ("192.0.2.1/s", "must be a whole address"),
            ("http://192.0.2.1/s", "scheme that can't be read"),
            ("file:///etc/passwd", "scheme that can't be read"),
            ("RTSP://192.0.2.1/s", "scheme that can't be read"),
            ("rtsp:///s", "no host"),
            ("rtsp://:554/s", "no host"),
            ("rtsp://h:0/s", "port 0"),
            ("rtsp://h:99999/s", "host or port that can't be understood"),
            ("rtsp://u:cAn/ArY@h/s", "host or port that can't be understood"),
            ("rtsp://u:12/ArY@h/s", "'@' after the host"),
            ("rtsp://u:12#ArY@h/s", "'@' after the host"),
            ("rtsp://[::1/s", "host or port that can't be understood"),
            ("rtsp://h/a b", "space"),
            ("rtsp://h/a\nb", "control character"),
            ("rtsp://h/" + "a" * 2048, "longer than 2048"),
        ],
    )
    def test_anything_else_is_refused_without_repeating_it(self, text: str, reason: str) -> None:
        with pytest.raises(ValueError, match=re.escape(reason)) as caught:
            CameraUrl(text)
        assert "ArY" not in str(caught.value)

    def test_equal_addresses_are_equal(self) -> None:
        assert {CameraUrl("rtsp://h/1"), CameraUrl("rtsp://h/1"), CameraUrl("rtsp://h/2")} == {
            CameraUrl("rtsp://h/1"),
            CameraUrl("rtsp://h/2"),
        }
        assert CameraUrl("rtsp://h/1") != "rtsp://h/1"

    def test_a_model_takes_text_or_an_address_and_nothing_else(self) -> None:
        url = CameraUrl("rtsp://h/1")
        assert CameraConfig.model_validate({"source": "rtsp://h/1"}).source == url
        assert CameraConfig.model_validate({"source": url}).source is url
        with pytest.raises(ValidationError, match="must be a camera's address"):
            CameraConfig.model_validate({"source": 1})


def test_the_file_is_the_one_named_then_the_variables_then_the_one_that_is_there(write: Write) -> None:
    assert find_file(None, {}) is None
    file = write("")
    assert find_file(None, {}) == file
    assert find_file(None, {"GATEWAY_CONFIG": "/etc/g.yml"}) == Path("/etc/g.yml")
    assert find_file(Path("other.yml"), {"GATEWAY_CONFIG": "/etc/g.yml"}) == Path("other.yml")


def test_where_a_value_was_written_stays_known(write: Write) -> None:
    file = write("\nlisten: 127.0.0.1:1\nwebrtc:\n  port: 1\n")
    loaded = load_config(file, environment={"GATEWAY_WEBRTC__PORT": "2"})
    assert loaded.where("listen") == "gateway.yml:2"
    assert loaded.where("webrtc.port") == "GATEWAY_WEBRTC__PORT"
    assert loaded.where("webrtc.max_viewers") is None


def test_a_turn_server_is_read(write: Write) -> None:
    file = write("webrtc: {turn: {urls: [turn:turn.example.org, 'turns:[2001:db8::1]:443?transport=tcp']}}\n")
    loaded = load_config(file, environment={"GATEWAY_WEBRTC__TURN__SECRET": "0123456789abcdef"})
    assert loaded.config.webrtc.turn.urls == ("turn:turn.example.org", "turns:[2001:db8::1]:443?transport=tcp")
    assert loaded.config.webrtc.turn.secret == "0123456789abcdef"
    assert "0123456789abcdef" not in repr(loaded.config)


def test_a_turn_servers_secret_may_stand_in_a_file_of_its_own(write: Write) -> None:
    file = write("webrtc: {turn: {urls: turn:turn.example.org}}\n")
    Path("secret").write_text("0123456789abcdef\n", encoding="utf-8")
    loaded = load_config(file, environment={"GATEWAY_WEBRTC__TURN__SECRET_FILE": "secret"})
    assert loaded.config.webrtc.turn.secret == "0123456789abcdef"


@pytest.mark.parametrize(
    ("turn", "complaint"),
    [
        ("{urls: ['http://turn.example.org'], secret: 0123456789abcdef}", "webrtc.turn.urls.0: must be turn:HOST"),
        ("{urls: ['turn:turn.example.org:0'], secret: 0123456789abcdef}", "webrtc.turn.urls.0: must be turn:HOST"),
        ("{urls: ['turn:bad host'], secret: 0123456789abcdef}", "webrtc.turn.urls.0: must be an IP address or a host"),
        ("{urls: ['turn:turn.example.org'], secret: short}", "webrtc.turn.secret: "),
        ("{urls: ['turn:turn.example.org']}", "webrtc.turn.secret: webrtc.turn needs both"),
        ("{secret: 0123456789abcdef}", "webrtc.turn.secret: webrtc.turn needs both"),
    ],
)
def test_a_turn_server_that_can_not_work_is_told(write: Write, turn: str, complaint: str) -> None:
    (line,) = complaints(write(f"webrtc: {{turn: {turn}}}\n"))
    assert complaint in line


def test_a_relay_for_everybody_is_refused(write: Write) -> None:
    turn = "webrtc: {turn: {urls: 'turn:turn.example.org', secret: 0123456789abcdef}}\n"
    (line,) = complaints(write(f"access: {{mode: open}}\n{turn}"))
    assert "webrtc: turn needs access.mode: required" in line
    assert load_config(write(turn), environment={}).config.webrtc.turn.secret
