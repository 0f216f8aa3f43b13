"""The file of signing keys: made, rotated, read again, never shown."""

from __future__ import annotations

import hmac
import json
import logging
import os
import stat
from pathlib import Path

import pytest

from gateway.access.keyring import KeysFile, ensure_keys, new_key, parse_keys, read_keys, rotate_keys
from gateway.access.keys import MAX_KEY_AGE_S, Keys, Mac, SigningKey
from gateway.errors import ConfigError

CANARY = "5ec7e7" * 11
NOW = 1_790_000_000.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yml"


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_the_first_key_is_made_private_and_only_once(file: Path) -> None:
    keys = ensure_keys(file, now=NOW)
    assert mode(file) == 0o600
    assert keys.active.created == NOW
    assert ensure_keys(file, now=NOW + 5) == keys
    assert [path.name for path in file.parent.iterdir()] == ["keys.yml"]


def test_rotation_keeps_two_and_drops_the_third(file: Path) -> None:
    first = rotate_keys(file, now=NOW)
    assert (first.previous, first.dropped) == (None, None)
    second = rotate_keys(file, now=NOW + 10)
    assert (second.previous, second.dropped) == (first.active, None)
    third = rotate_keys(file, now=NOW + 20)
    assert (third.previous, third.dropped) == (second.active, first.active)
    assert read_keys(file).live == (third.active, second.active)
    assert read_keys(file).find(first.active.id) is None


def test_rotating_within_a_second_or_after_the_clock_was_set_back_still_signs_with_the_new_key(file: Path) -> None:
    rotate_keys(file, now=NOW)
    again = rotate_keys(file, now=NOW)
    assert read_keys(file).active == again.active
    back = rotate_keys(file, now=NOW - 1000)
    assert read_keys(file).active == back.active


def test_the_file_is_json_for_programs_that_read_no_yaml(file: Path) -> None:
    rotate_keys(file, now=NOW)
    rotate_keys(file, now=NOW + 1)
    entries = json.loads(file.read_text("utf-8"))
    assert [SigningKey(**entry) for entry in entries] == list(read_keys(file).live)


def test_what_a_group_may_read_it_still_may_after_a_rotation_and_others_never(file: Path) -> None:
    rotate_keys(file, now=NOW)
    file.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(file, -1, 12345)
    group = file.stat().st_gid
    rotate_keys(file, now=NOW + 1)
    assert (mode(file), file.stat().st_gid) == (0o640, group)


def test_a_link_to_the_file_stays_a_link(file: Path, tmp_path: Path) -> None:
    rotate_keys(file, now=NOW)
    link = tmp_path / "link.yml"
    link.symlink_to(file)
    rotated = rotate_keys(link, now=NOW + 1)
    assert link.is_symlink()
    assert read_keys(file).active == rotated.active


def test_yaml_written_by_hand_is_read_newest_first() -> None:
    keys = parse_keys(f"- id: old\n  secret: {CANARY}\n  created: 5\n- {{created: 7, id: new, secret: {CANARY}}}\n")
    assert [key.id for key in keys.live] == ["new", "old"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a list of keys"),
        ("[]", "a list of keys"),
        (f"id: {CANARY}", "a list of keys"),
        (f"- {CANARY}", "key 1 must have id, secret and created"),
        (f"- {{id: a, secret: {CANARY}}}", "key 1 must have"),
        (f"- {{id: a, secret: {CANARY}, created: 1, x: 1}}", "key 1 must have"),
        (f"- {{id: 12345678, secret: {CANARY}, created: 1}}", "key 1: id and secret must be text"),
        (f"- {{id: a, secret: {CANARY}, created: now}}", "key 1: created must be a whole number"),
        (f"- {{id: a, secret: {CANARY}, created: true}}", "key 1: created must be a whole number"),
        (f"- {{id: a.b, secret: {CANARY}, created: 1}}", "key 1: a key's id"),
        (f"- {{id: a, secret: {CANARY.upper()}, created: 1}}", "key 1: a key's secret"),
        (f"- {{id: a, secret: '{CANARY[:60]}', created: 1}}", "key 1: a key's secret"),
        (f"- {{id: a, secret: {CANARY}, created: 1}}\n" * 2, "two keys have the id 'a'"),
        (f"- '{CANARY}", "isn't valid YAML"),
        ("[" * 10_000, "isn't valid YAML"),
        (f"!!python/object:{CANARY} {{}}", "isn't valid YAML"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_without_its_secrets(file: Path, text: str, reason: str) -> None:
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_keys(file)
    assert caught.value.message.startswith(f"{file}: ")
    assert reason in caught.value.message
    assert CANARY[:20] not in caught.value.message.lower()


def test_a_file_that_cannot_be_read_or_written_is_one_line(file: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; 'camera-gateway keys rotate' makes it"):
        read_keys(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_keys(file)
    file.write_bytes(b" " * 70_000)
    with pytest.raises(ConfigError, match="too large"):
        read_keys(file)
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        read_keys(file.parent)
    with pytest.raises(ConfigError, match="can't be written: No such file or directory"):
        rotate_keys(file.parent / "missing" / "keys.yml", now=NOW)


def test_a_rotation_that_fails_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate_keys(file, now=NOW)
    before = file.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)  # no test can fill the disk
    with pytest.raises(ConfigError, match="No space left on device"):
        rotate_keys(file, now=NOW + 1)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_no_secret_is_shown() -> None:
    key = SigningKey("a", CANARY, 1)
    keys = Keys((key,))
    for text in (repr(key), str(key), repr(keys), f"{keys}"):
        assert CANARY not in text
        assert "HMAC" not in text
    assert len({new_key(now=NOW).secret for _ in range(10)}) == 10


@pytest.mark.parametrize("length", [1, 32, 63, 64, 65, 256])
def test_the_mac_is_the_standard_librarys(length: int) -> None:
    key, head, rest = b"k" * length, b"head\n" * 20, b"rest"
    assert Mac.of(key).after(b"head\n").after(head[5:]).digest(rest) == hmac.digest(key, head + rest, "sha256")


def test_there_is_always_a_key_that_signs() -> None:
    with pytest.raises(ValueError, match="there is no key"):
        Keys.newest_of([])


def test_an_old_active_key_is_warned_about() -> None:
    keys = Keys((SigningKey("new", CANARY, int(NOW)), SigningKey("old", CANARY, 1)))
    assert keys.warning(NOW + MAX_KEY_AGE_S) is None
    warning = keys.warning(NOW + MAX_KEY_AGE_S + 86400)
    assert warning is not None
    assert "the signing key new is 36 days old; run 'camera-gateway keys rotate'" in warning


class TestKeysFile:
    def test_a_rotation_is_taken_up_at_the_next_look(self, file: Path) -> None:
        before = ensure_keys(file, now=NOW)
        keys_file = KeysFile(file)
        assert keys_file.keys == before
        assert not keys_file.refresh(now=0.0)
        rotated = rotate_keys(file, now=NOW + 1)
        assert not keys_file.refresh(now=0.9)
        assert keys_file.keys == before
        assert keys_file.refresh(now=1.0)
        assert keys_file.keys.live == (rotated.active, before.active)
        assert not keys_file.refresh(now=2.0)

    def test_the_disk_is_looked_at_once_a_second_however_often_it_is_asked(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ensure_keys(file, now=NOW)
        keys_file = KeysFile(file)
        looks: list[Path] = []
        real = Path.stat

        def counting(path: Path) -> os.stat_result:
            looks.append(path)
            return real(path)

        monkeypatch.setattr(Path, "stat", counting)
        for tick in range(1000):
            keys_file.refresh(now=tick / 100)
        assert len(looks) == 10

    @pytest.mark.parametrize("damage", ["[", None])
    def test_a_damaged_or_missing_file_changes_nothing_and_is_said_once(
        self, file: Path, damage: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = ensure_keys(file, now=NOW)
        keys_file = KeysFile(file)
        if damage is None:
            file.unlink()
        else:
            file.write_text(damage, "utf-8")
        for now in (0.0, 10.0, 20.0):
            assert not keys_file.refresh(now=now)
        assert keys_file.keys == before
        (record,) = caplog.records
        assert "the keys read before stay in use" in record.getMessage()
        file.unlink(missing_ok=True)
        after = rotate_keys(file, now=NOW + 5).active
        assert keys_file.refresh(now=30.0)
        assert keys_file.keys.active == after

    def test_the_same_keys_written_again_are_no_news(self, file: Path) -> None:
        ensure_keys(file, now=NOW)
        keys_file = KeysFile(file)
        file.write_text(file.read_text("utf-8") + "\n", "utf-8")
        assert not keys_file.refresh(now=0.0)

    def test_one_that_everybody_can_read_is_warned_about(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        ensure_keys(file, now=NOW)
        KeysFile(file)
        assert not caplog.records
        file.chmod(0o644)
        KeysFile(file)
        assert "chmod o-r" in caplog.text

    def test_the_log_never_holds_a_secret(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        ensure_keys(file, now=NOW)
        keys_file = KeysFile(file)
        rotate_keys(file, now=NOW + 1)
        keys_file.refresh(now=0.0)
        assert caplog.records
        assert not [key for key in keys_file.keys.live if key.secret in caplog.text]

    def test_it_does_not_start_without_a_good_file(self, file: Path) -> None:
        with pytest.raises(ConfigError, match="no such file"):
            KeysFile(file)
