"""Who has signed out stays so when the gateway is started anew; so does a grant that was withdrawn."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.access.carriers import COOKIE_NAME
from gateway.access.cookies import Session, new_session
from gateway.access.passwords import hash_password
from gateway.app import Gateway
from gateway.config import AccessConfig, Config, Listen, UserConfig, WebRtcConfig
from gateway.web.kept_revocations import FILE, KeptRevocations, read_revocations
from tests.support.gateway import http
from tests.web.visitors import PASSWORD
from tests.webrtc.stage import HandClock

NOW = 1_790_000_000.0
_HASH = hash_password(PASSWORD)


def gateway(folder: Path, clock: HandClock) -> Gateway:
    access = AccessConfig(users={"ann": UserConfig(hash=_HASH, cameras=("*",))}, keys_file=folder / "keys.yml")
    config = Config(access=access, listen=Listen("127.0.0.1", 0), webrtc=WebRtcConfig(port=0))
    return Gateway(config, environment={"STATE_DIRECTORY": str(folder / "state")}, access_clock=clock)


async def status(running: Gateway, cookie: str) -> int:
    async with (
        http() as session,
        session.get(f"{running.address}api/cameras", headers={"Cookie": cookie}) as response,
    ):
        return response.status


async def test_a_session_that_was_signed_out_is_not_let_in_after_a_restart(tmp_path: Path) -> None:
    clock = HandClock()
    async with gateway(tmp_path, clock) as first:
        left, stayed = (f"{COOKIE_NAME}={first.gatekeeper.cookie_for('ann')}" for _ in range(2))
        async with http() as session:
            headers = {"Cookie": left}
            async with session.post(f"{first.address}login/out", headers=headers, allow_redirects=False) as response:
                assert response.status == 303
        file = tmp_path / "state" / FILE
        # By the time it is answered it is on the disk: a gateway that is killed now forgets nothing.
        assert len(json.loads(file.read_text())["sessions"]) == 1
        assert file.stat().st_mode & 0o777 == 0o600
        assert [await status(first, cookie) for cookie in (left, stayed)] == [401, 200]
    async with gateway(tmp_path, clock) as second:
        assert [await status(second, cookie) for cookie in (left, stayed)] == [401, 200]
    file.write_text("{")
    clock.advance(2)
    async with gateway(tmp_path, clock) as third:
        # Who of them had signed out is no longer known.
        assert [await status(third, cookie) for cookie in (left, stayed)] == [401, 401]
        await third.gatekeeper.tend()
        fresh = f"{COOKIE_NAME}={third.gatekeeper.cookie_for('ann')}"
        assert await status(third, fresh) == 200
    clock.advance(60)
    async with gateway(tmp_path, clock) as fourth:
        assert [await status(fourth, cookie) for cookie in (left, stayed, fresh)] == [401, 401, 200]


async def test_many_at_once_are_written_together_and_all_of_them(tmp_path: Path) -> None:
    kept = read_revocations(tmp_path / "new" / FILE, now=NOW)
    sessions = [new_session("ann", now=NOW) for _ in range(50)]

    async def end(session: Session) -> None:
        kept.revocations.revoke(session, now=NOW)
        await kept.save(now=NOW)
        assert session.id in (tmp_path / "new" / FILE).read_text()

    await asyncio.gather(*(end(session) for session in sessions))
    again = read_revocations(tmp_path / "new" / FILE, now=NOW)
    assert not any(again.revocations.allows(session) for session in sessions)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


async def test_whoever_gives_up_waiting_is_signed_out_all_the_same(tmp_path: Path) -> None:
    kept = KeptRevocations(file=tmp_path / FILE)
    session = new_session("ann", now=NOW)
    kept.revocations.revoke(session, now=NOW)
    waiting = asyncio.create_task(kept.save(now=NOW))
    await asyncio.sleep(0)
    waiting.cancel()
    await kept.close()
    assert not read_revocations(tmp_path / FILE, now=NOW).revocations.allows(session)


async def test_where_nothing_can_be_written_the_log_says_so_and_signing_out_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptRevocations(file=tmp_path / "file" / FILE)
    session = new_session("ann", now=NOW)
    kept.revocations.revoke(session, now=NOW)
    async with asyncio.timeout(10):
        await kept.save(now=NOW)
    assert not kept.revocations.allows(session)
    assert "forgotten when the gateway stops" in caplog.text
    assert session.id not in caplog.text
    # Whoever looks after the disk need not end anybody anew: the next round writes it, and until then says nothing.
    await kept.save(now=NOW)
    assert caplog.text.count("forgotten when the gateway stops") == 1
    (tmp_path / "file").unlink()
    await kept.save(now=NOW)
    again = read_revocations(tmp_path / "file" / FILE, now=NOW)
    assert not again.revocations.allows(session)


async def test_a_link_to_another_disk_stays_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / FILE).symlink_to(tmp_path / "disk" / FILE)
    kept = read_revocations(tmp_path / FILE, now=NOW)
    session = new_session("ann", now=NOW)
    kept.revocations.revoke(session, now=NOW)
    await kept.save(now=NOW)
    assert (tmp_path / FILE).is_symlink()
    assert session.id in (tmp_path / "disk" / FILE).read_text()
    assert (tmp_path / "disk" / FILE).stat().st_mode & 0o777 == 0o600


async def test_without_a_state_directory_it_is_said_and_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    access = AccessConfig(users={"ann": UserConfig(hash=_HASH, cameras=("*",))}, keys_file=tmp_path / "keys.yml")
    config = Config(access=access, listen=Listen("127.0.0.1", 0), webrtc=WebRtcConfig(port=0))
    async with Gateway(config, environment={}) as running:
        keeper = running.gatekeeper
        session = new_session("ann", now=keeper.clock.now())
        await keeper.sign_out(session)
        assert not keeper.policy.revocations.allows(session)
    assert "set STATE_DIRECTORY" in caplog.text
