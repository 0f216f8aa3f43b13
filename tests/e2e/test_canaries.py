"""Secrets in use appear nowhere: not in the log at DEBUG, in errors, in the API, in the process list or environment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from gateway.access.api_keys import hash_api_key
from gateway.access.carriers import COOKIE_NAME
from gateway.access.grants import new_grant_id, sign_grant
from gateway.access.keyring import read_keys
from gateway.access.passwords import hash_password
from gateway.clock import SYSTEM_CLOCK
from tests.support.cameras import demo_camera
from tests.support.gateway import http
from tests.web.visitors import basic, bearer
from tests.webrtc.stage import offer

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

CAMERA_PASSWORD = "cAnArY-camera"
PASSWORD = "cAnArY-person"
WRONG = "cAnArY-typed-wrong"
API_KEY = "cgk_" + "cAnArY" * 7 + "x"
SDP = {"Content-Type": "application/sdp"}


async def _read(stream: asyncio.StreamReader, into: list[str]) -> None:
    while line := await stream.readline():
        into.append(line.decode())


async def test_no_secret_shows_anywhere(tmp_path: Path) -> None:
    secrets = [CAMERA_PASSWORD, PASSWORD, WRONG, API_KEY]
    shown: list[str] = []
    hashes = [hash_password(PASSWORD), hash_api_key(API_KEY)]
    secrets += hashes
    async with demo_camera(name="cam") as camera:
        config = tmp_path / "gateway.yml"
        config.write_text(
            json.dumps(
                {
                    "listen": "127.0.0.1:0",
                    "webrtc": {"port": 0},
                    "cameras": {
                        "cam": camera.url_with("user", CAMERA_PASSWORD),
                        "gone": f"rtsp://user:{CAMERA_PASSWORD}@127.0.0.1:1/s?token={CAMERA_PASSWORD}",
                    },
                    "access": {
                        "users": {"admin": {"hash": hashes[0], "cameras": ["*"]}},
                        "api_keys": {"app": {"hash": hashes[1], "cameras": ["*"], "scopes": ["view", "sign", "admin"]}},
                        "keys_file": "keys.yml",
                    },
                    "sources": {"by_api": True},
                }
            )
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "serve", "--log-level", "debug", "-c", str(config),
            f"typed=rtsp://user:{CAMERA_PASSWORD}@127.0.0.1:1/s",
            env={**os.environ, "STATE_DIRECTORY": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        reading = asyncio.create_task(_read(process.stderr, shown))
        try:
            async with asyncio.timeout(30):
                line = (await process.stdout.readline()).decode()
            shown.append(line)
            found = re.search(r"http://\S+", line)
            assert found, line
            secrets += await _use_everything(found[0], tmp_path / "keys.yml", shown)
            folder = Path(f"/proc/{process.pid}")
            shown += [(folder / name).read_text(errors="replace") for name in ("cmdline", "environ")]
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                shown.append((await process.stdout.read()).decode())
                await process.wait()
                await reading
    text = "".join(shown)
    assert process.returncode == 0
    # The log did speak of what happened.
    for word in ("signed in", "a wrong password for admin", "refused: 401", "gone"):
        assert word in text, word
    assert len(secrets) >= 10
    for secret in secrets:
        assert secret not in text, secret


async def _use_everything(address: str, keys_file: Path, shown: list[str]) -> list[str]:
    """Shows every secret to the gateway in every way; the secrets it gave, which `shown` must not hold either."""
    key = read_keys(keys_file).active
    expires = int(SYSTEM_CLOCK.now() + 60)
    grant = sign_grant(key, prefix="/", expires=expires, grant_id=new_grant_id())
    forged = grant[:-8] + "00000000"
    signature, forged_signature = grant.rpartition(".")[2], forged.rpartition(".")[2]
    secrets = [key.secret, signature, forged_signature]
    async with http() as session:

        async def ask(method: str, path: str, *, answer_is_secret: bool = False, **options: object) -> dict[str, str]:
            async with session.request(method, address + path, allow_redirects=False, **options) as response:  # type: ignore[arg-type]
                body = await response.text(errors="replace")
                if not answer_is_secret:
                    shown.append(f"{response.status} {body}")
                cookie = response.cookies.get(COOKIE_NAME)
                return {
                    "body": body,
                    "location": response.headers.get("Location", ""),
                    "cookie": "" if cookie is None else cookie.value,
                }

        await ask("POST", "login", data={"user": "admin", "password": WRONG})
        entered = await ask("POST", "login", data={"user": "admin", "password": PASSWORD})
        secrets.append(entered["cookie"])
        cookie = {"Cookie": f"{COOKIE_NAME}={entered['cookie']}"}
        await ask("GET", "api/cameras/nosuch", headers=cookie)
        for headers in (
            basic("admin", PASSWORD),
            basic("admin", WRONG),
            bearer(API_KEY),
            bearer(grant),
            bearer(forged),
        ):
            for path in (
                "api/cameras",
                "api/streams",
                "api/sessions",
                "gone/",
                "nosuch/",
                "api/cameras/%00",
                "cam/whep",
            ):
                await ask("GET", path, headers=headers | {"Accept": "text/html"})
                await ask("GET", path, headers=headers)
        for token in (grant, forged):
            await ask("GET", f"g/{token}/cam/", headers={"Accept": "text/html"})
            await ask("GET", f"g/{token}/../cam/?grant={token}")
            await ask("GET", f"cam/snapshot.jpg?grant={token}&width=x")
            await ask("GET", f"cam/snapshot.jpg?grant={token}", headers={"Accept": "text/html"})
        started = await ask(
            "POST", f"g/{grant}/cam/whep", data=offer("chromium-video"), headers=SDP, answer_is_secret=True
        )
        secrets.append(started["location"].rpartition("/")[2])
        await ask("PATCH", f"g/{grant}/cam/{started['location']}", data="x", headers=SDP)
        await ask("DELETE", f"cam/{started['location']}")
        signed = await ask("POST", "api/cameras/cam/sign", headers=bearer(API_KEY), answer_is_secret=True)
        secrets.append(json.loads(signed["body"])["token"].rpartition(".")[2])
        body = json.dumps({"source": f"rtsp://u:{CAMERA_PASSWORD}@192.0.2.1/s", "on_demand": True})
        await ask("PUT", "api/cameras/added", headers=bearer(API_KEY), data=body)
        await ask("PUT", "api/cameras/bad", headers=bearer(API_KEY), data=body.replace("192.0.2.1", "127.0.0.1"))
        async with session.ws_connect(f"{address}g/{grant}/api/ws?src=cam") as socket:
            await socket.send_json({"type": "grant", "value": forged})
            shown.extend([str(await socket.receive_json()) for _ in range(2)])
        await ask("POST", "login/out", headers=cookie)
    return secrets
