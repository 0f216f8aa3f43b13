"""`camera-gateway sign` and `camera-gateway keys`: what they print, where, and that what is signed opens."""

from __future__ import annotations

import getpass
import io
import re
import sys
from pathlib import Path

import pytest

from gateway import access_commands, cli, log
from gateway.access.api_keys import hash_api_key
from gateway.access.decision import Asked, Policy, decide
from gateway.access.keyring import read_keys
from gateway.access.passwords import verify_password
from gateway.clock import SYSTEM_CLOCK
from gateway.config import Config

CANARY = "cAnArY-5ecret"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setattr(log, "setup", lambda level: None)  # it is global; test_log.py tests it


def run(*arguments: str, capsys: Capture) -> tuple[dict[str, str], str]:
    """The printed lines by their first word, and what went to standard error."""
    assert cli.main(arguments) == 0
    printed = capsys.readouterr()
    return dict(line.split(None, 1) for line in printed.out.splitlines()), printed.err


def fail(*arguments: str, capsys: Capture) -> str:
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("camera-gateway: ")
    assert printed.err.count("\n") == 1
    return printed.err.removeprefix("camera-gateway: ")


@pytest.fixture
def file(tmp_path: Path, capsys: Capture) -> Path:
    """A file of signing keys, made by the program, and a gateway.yml."""
    Path("gateway.yml").write_text("cameras: {cam1: rtsp://192.0.2.1/s, site1/yard: rtsp://192.0.2.2/s}")
    run("keys", "rotate", capsys=capsys)
    return tmp_path / "state" / "keys.yml"


class TestSign:
    def test_what_is_printed_opens_the_camera_and_no_other(self, file: Path, capsys: Capture) -> None:
        urls, notes = run("sign", "cam1", capsys=capsys)
        assert notes == ""
        assert list(urls) == ["page", "whep", "ws", "hls", "snapshot", "expires"]
        policy = Policy(read_keys(file), {"cam1", "site1/yard"}, ("/cam1/", "/site1/yard/"))
        now = SYSTEM_CLOCK.now()
        for name, method in (("page", "GET"), ("whep", "POST"), ("ws", "GET"), ("hls", "GET"), ("snapshot", "GET")):
            scheme = "ws" if name == "ws" else "http"
            assert urls[name].startswith(f"{scheme}://127.0.0.1:8080/g/")
            target = urls[name].removeprefix(f"{scheme}://127.0.0.1:8080")
            assert decide(Asked(method, target), policy, now=now).status == 200
            assert decide(Asked(method, target), policy, now=now + 3600 + 31).status == 401
            assert decide(Asked(method, target.replace("cam1", "site1/yard")), policy, now=now).status == 403

    def test_a_site_has_a_page_below_the_address_given(self, file: Path, capsys: Capture) -> None:
        urls, notes = run("sign", "site1/", "--expires", "10m", "--url", "https://h/live", capsys=capsys)
        assert notes == ""
        assert list(urls) == ["page", "expires"]
        assert re.fullmatch(r"https://h/live/g/[^/]+/", urls["page"])
        target = urls["page"].removeprefix("https://h")
        policy = Policy(read_keys(file), {"site1/yard"}, ("/site1/",), base_path="/live")
        verdict = decide(Asked("GET", target), policy, now=SYSTEM_CLOCK.now())
        assert verdict.principal.prefix == "/site1/"
        assert verdict.principal.expires_at == pytest.approx(SYSTEM_CLOCK.now() + 600, abs=30)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", urls["expires"])

    def test_everything_can_be_signed_too(self, file: Path, capsys: Capture) -> None:
        urls, notes = run("sign", "/", capsys=capsys)
        assert (list(urls), notes) == (["page", "expires"], "")

    @pytest.mark.parametrize("name", ["cam2", "cam", "site2/", "site1/gate"])
    def test_a_name_that_is_not_configured_is_noticed(self, file: Path, name: str, capsys: Capture) -> None:
        _, notes = run("sign", name, capsys=capsys)
        assert notes == f"camera-gateway: nothing called '{name}' is configured here; the addresses work once it is\n"

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["api"], "sign: a camera's name can't begin with 'api'"),
            (["cam1", "--expires", "61m"], "sign: --expires must be from 1s to 1h (access.max_age)"),
            (["cam1", "--expires", "0s"], "sign: --expires must be from 1s to 1h"),
            (["cam1", "--expires", "soon"], "sign: --expires must be a number with its unit"),
            (["cam1", "--url", "cams.example.org"], "sign: --url must be an address like https://"),
            (["cam1", "--url", "https://h/?x"], "sign: --url must be an address like https://"),
        ],
    )
    def test_what_cannot_be_signed_is_one_line(
        self, file: Path, arguments: list[str], reason: str, capsys: Capture
    ) -> None:
        assert fail("sign", *arguments, capsys=capsys).startswith(reason)

    def test_max_age_is_the_default_and_the_limit(
        self, file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GATEWAY_ACCESS__MAX_AGE", "90s")
        urls, _ = run("sign", "cam1", capsys=capsys)
        expires = int(urls["page"].split("/g/")[1].split(".")[1])
        assert expires == pytest.approx(SYSTEM_CLOCK.now() + 90, abs=30)
        assert "1s to 90s" in fail("sign", "cam1", "--expires", "91s", capsys=capsys)

    def test_without_keys_it_says_how_to_make_some(self, capsys: Capture) -> None:
        assert "keys.yml: there is no such file; 'camera-gateway keys rotate' makes it" in fail(
            "sign", "cam1", capsys=capsys
        )


class TestKeys:
    def test_rotations_tell_what_signs_verifies_and_is_gone(self, file: Path, capsys: Capture) -> None:
        first = read_keys(file).active.id
        second, notes = run("keys", "rotate", capsys=capsys)
        assert notes == ""
        assert second[first] == "still verifies what it has signed"
        third, notes = run("keys", "rotate", capsys=capsys)
        assert third[first] == "is no longer good"
        assert third[read_keys(file).active.id] == f"signs from now on ({file})"
        assert notes == f"camera-gateway: addresses that {first} signed in the last hour stop working now\n"

    def test_the_list_has_ids_and_ages_only(self, file: Path, capsys: Capture) -> None:
        run("keys", "rotate", capsys=capsys)
        listed, notes = run("keys", "list", capsys=capsys)
        keys = read_keys(file)
        assert listed == {
            keys.live[0].id: "signs     0 days old",
            keys.live[1].id: "verifies  0 days old",
        }
        assert notes == ""

    def test_an_old_key_is_warned_about_wherever_it_is_used(self, file: Path, capsys: Capture) -> None:
        now = SYSTEM_CLOCK.now() + 36 * 86400 + 60
        listed = access_commands.list_keys(Config(), environment={"STATE_DIRECTORY": str(file.parent)}, now=now)
        assert "36 days old" in listed.lines[0]
        assert "keys rotate" in listed.notes[0]
        signed = access_commands.sign(
            Config(),
            name="/",
            expires=None,
            url="http://h",
            environment={"STATE_DIRECTORY": str(file.parent)},
            now=now,
        )
        assert signed.notes == listed.notes

    def test_a_monthly_rotation_needs_no_note(self, file: Path) -> None:
        environment = {"STATE_DIRECTORY": str(file.parent)}
        month_s = 30 * 86400
        done = [
            access_commands.rotate(Config(), environment=environment, now=SYSTEM_CLOCK.now() + months * month_s)
            for months in (1, 2)
        ]
        assert "is no longer good" in done[-1].lines[-1]
        assert [rotation.notes for rotation in done] == [[], []]

    def test_a_configured_file_is_used(self, tmp_path: Path, capsys: Capture) -> None:
        Path("gateway.yml").write_text("access: {keys_file: mine.yml}")
        run("keys", "rotate", capsys=capsys)
        assert (tmp_path / "mine.yml").exists()
        assert not (tmp_path / "state").exists()

    def test_a_password_is_read_from_a_pipe_and_only_its_hash_printed(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{CANARY} \n"))
        assert cli.main(["keys", "hash-password"]) == 0
        printed = capsys.readouterr()
        assert verify_password(f"{CANARY} ", printed.out.strip())
        assert CANARY not in printed.out + printed.err

    def test_at_a_terminal_it_is_not_shown(self, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = io.StringIO()
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(getpass, "getpass", lambda: CANARY)  # reads the terminal, of which there is none
        assert cli.main(["keys", "hash-password"]) == 0
        assert verify_password(CANARY, capsys.readouterr().out.strip())

    def test_a_short_password_is_refused_without_repeating_it(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("abcxyz\n"))
        text = fail("keys", "hash-password", capsys=capsys)
        assert text == "keys hash-password: a password has 8 to 1024 characters\n"

    def test_a_new_api_key_comes_with_its_hash(self, capsys: Capture) -> None:
        printed, notes = run("keys", "new-api-key", capsys=capsys)
        assert hash_api_key(printed["key"]) == printed["hash"]
        assert "shown only now" in notes

    def test_an_action_has_to_be_named(self, capsys: Capture) -> None:
        with pytest.raises(SystemExit) as caught:
            cli.main(["keys"])
        assert caught.value.code == 2
        assert "ACTION" in capsys.readouterr().err
