"""The gateway's own HTTPS."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from gateway import health
from gateway.access.carriers import COOKIE_NAME
from gateway.access.passwords import hash_password
from gateway.config import AccessConfig, TlsConfig, UserConfig
from gateway.errors import ConfigError
from tests.support.gateway import running_gateway
from tests.support.nginx import make_certificate
from tests.web.visitors import PASSWORD

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_pages_and_cookies_come_by_https(tmp_path: Path) -> None:
    cert, key = await make_certificate(tmp_path)
    users = {"ann": UserConfig(hash=hash_password(PASSWORD), cameras=("*",))}
    access = AccessConfig(users=users, keys_file=tmp_path / "keys.yml")
    changes = {"tls": TlsConfig(cert=cert, key=key)}
    async with running_gateway({}, access=access, changes=changes) as gateway:
        assert gateway.address.startswith("https://127.0.0.1:")
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(cert)), force_close=True)
        async with aiohttp.ClientSession(connector=connector) as http:
            form = {"user": "ann", "password": PASSWORD}
            async with http.post(f"{gateway.address}login", data=form, allow_redirects=False) as entered:
                assert entered.status == 303
                assert entered.cookies[COOKIE_NAME]["secure"]
        assert await asyncio.to_thread(health.probe, gateway.address, timeout_s=3) is None


async def test_files_that_do_not_fit_are_said(tmp_path: Path) -> None:
    cert, _ = await make_certificate(tmp_path)
    changes: dict[str, object] = {"tls": TlsConfig(cert=cert, key=cert)}
    with pytest.raises(ConfigError, match="they don't belong together"):
        async with running_gateway({}, changes=changes):
            pass
    changes = {"tls": TlsConfig(cert=tmp_path / "none", key=tmp_path / "none")}
    with pytest.raises(ConfigError, match="No such file"):
        async with running_gateway({}, changes=changes):
            pass
