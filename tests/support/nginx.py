"""The distribution's nginx in front of a gateway: TLS, HTTP/2 and a base path, as docs/security.md shows it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DEADLINE_S: Final = 10.0
DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "security.md"
_CONFIG: Final = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{}}
http {{
  access_log off;
  {temporary}
{snippet}
}}
"""


@dataclass(frozen=True, slots=True)
class Front:
    """`origin` is https://127.0.0.1:PORT; `cert` a file that clients may trust."""

    origin: str
    cert: Path


def temporary_paths(folder: Path) -> str:
    """Directives of an `http` block that keep all that nginx writes besides its log and pid in `folder`."""
    kinds = {"client_body": "body", "proxy": "proxy", "fastcgi": "fastcgi", "uwsgi": "uwsgi", "scgi": "scgi"}
    return " ".join(f"{kind}_temp_path {folder}/{name};" for kind, name in kinds.items())


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def documented() -> str:
    """What docs/security.md tells to write."""
    (snippet,) = re.findall(r"^```nginx\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return str(snippet)


async def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key for 127.0.0.1."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
    arguments = [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
    return cert, key


@asynccontextmanager
async def nginx(folder: Path, *, port: int, backend: int) -> AsyncIterator[Front]:
    """Starts nginx on `port` before the gateway on port `backend`, both of 127.0.0.1."""
    executable = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert executable, "tests need the distribution's nginx: make packages"
    cert, key = await make_certificate(folder)
    snippet = documented()
    for written, meant in (
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;"),
        ("/etc/ssl/cams.pem", str(cert)),
        ("/etc/ssl/cams.key", str(key)),
        ("http://127.0.0.1:8080", f"http://127.0.0.1:{backend}"),
    ):
        assert written in snippet, f"docs/security.md no longer says {written}"
        snippet = snippet.replace(written, meant)
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(folder=folder, temporary=temporary_paths(folder), snippet=snippet), encoding="utf-8"
    )
    process = await asyncio.create_subprocess_exec(
        executable, "-p", str(folder), "-c", str(config), stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while not await answers(port):
                assert process.returncode is None, (await process.communicate())[1].decode()
        yield Front(f"https://127.0.0.1:{port}", cert)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def answers(port: int) -> bool:
    """Whether somebody listens on `port`; if not, only after a moment, so that it may be asked in a loop."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.01)
        return False
    writer.close()
    await writer.wait_closed()
    return True
