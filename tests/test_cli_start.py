"""The first start without accounts: a password and a link, shown once, required on every address."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.gateway import end_command, start_command

pytestmark = pytest.mark.e2e


async def start(state: Path, lines: int, *arguments: str, **environment: str) -> tuple[asyncio.subprocess.Process, str]:
    """`serve`, and its first lines."""
    process = await start_command(
        "serve",
        "--listen",
        "127.0.0.1:0",
        *arguments,
        GATEWAY_WEBRTC__PORT="0",
        GATEWAY_ACCESS__MODE="required",
        STATE_DIRECTORY=str(state),
        **environment,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return process, "".join([(await process.stdout.readline()).decode() for _ in range(lines)])


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_the_first_start_makes_a_password_and_every_start_a_link(tmp_path: Path) -> None:
    process, shown = await start(tmp_path, 3)
    try:
        password = re.search(r"sign in as admin with the password (\S+) \(shown only now\)", shown)
        link = re.search(r"or once by (http://\S+/login\?token=\S+)", shown)
        assert password is not None
        assert link is not None
        base = link[1].partition("login")[0]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            async with http.get(f"{base}api/cameras") as refused:
                assert refused.status == 401
            form = {"user": "admin", "password": password[1]}
            async with http.post(f"{base}login", data=form, allow_redirects=False) as entered:
                assert entered.status == 303
            form = {"token": urlsplit(link[1]).query.removeprefix("token=")}
            async with http.post(f"{base}login", data=form, allow_redirects=False) as entered:
                assert entered.status == 303
            # Also by a name, as a proxy on this machine would ask.
            async with http.get(f"{base}api/cameras", headers={"Host": "cams.example.org"}) as refused:
                assert refused.status == 401
    finally:
        await end_command(process)
    assert modes(tmp_path) == {
        "keys.yml": 0o600,
        "admin-password-hash": 0o600,
    }
    assert password[1] not in (tmp_path / "admin-password-hash").read_text()
    process, shown = await start(tmp_path, 2)
    try:
        assert "password" not in shown
        assert "/login?token=" in shown
    finally:
        await end_command(process)


async def test_a_state_directory_that_can_not_be_made_ends_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    process, shown = await start(tmp_path / "file" / "state", 1)
    async with asyncio.timeout(10):
        await process.wait()
    output = shown + await end_command(process)
    assert process.returncode == 2
    assert "can't keep keys and passwords here" in output
    assert "Traceback" not in output
