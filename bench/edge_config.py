"""The edge's configuration (docker/nginx), changed so that one process runs it from a folder, as whoever we are."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.nginx import temporary_paths

FILES: Final = Path(__file__).resolve().parents[1] / "docker" / "nginx"
MODULE: Final = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
EXECUTABLE_FOLDERS: Final = "/usr/sbin:/usr/bin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """What differs from the files: ports of 127.0.0.1, where things are, and whose word counts for the time.

    `time` is what stands for nginx's own clock.
    """

    port: int
    gateway_port: int
    mediamtx_port: int
    cert: Path
    key: Path
    keys: Path
    mediamtx_secret: str
    base_path: str = ""
    time: str = "$msec"


def missing() -> str | None:
    """Why no edge can be started here, as a sentence; None when one can."""
    if shutil.which("nginx", path=EXECUTABLE_FOLDERS) is None or not MODULE.exists():
        return "nginx with njs is not installed (Debian's packages nginx and libnginx-mod-http-js)."
    return None


def command(folder: Path) -> tuple[str, ...]:
    """Starts what `write` has written into `folder`."""
    executable = shutil.which("nginx", path=EXECUTABLE_FOLDERS) or "nginx"
    return (executable, "-p", str(folder), "-e", str(folder / "start.log"), "-c", str(folder / "nginx.conf"))


def priority() -> int:
    """What its workers run with; one process without workers has to be started with it."""
    found = re.search(r"^worker_priority (-?\d+);$", (FILES / "nginx.conf").read_text(encoding="utf-8"), re.MULTILINE)
    return 0 if found is None else int(found[1])


def write(folder: Path, settings: EdgeSettings) -> None:
    """Copies docker/nginx into `folder`; raises ValueError when its files no longer say what is changed here."""
    for file in (*FILES.glob("edge*.conf"), FILES / "edge.js"):
        shutil.copy(file, folder)
    secret = f'proxy_set_header Authorization "Bearer {settings.mediamtx_secret}";\n'
    (folder / "mediamtx-secret.conf").write_text(secret, encoding="utf-8")
    text = (FILES / "nginx.conf").read_text(encoding="utf-8")
    for written, meant in _changes(folder, settings):
        if written not in text:
            raise ValueError(f"docker/nginx/nginx.conf no longer says {written}")
        text = text.replace(written, meant)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")


def socket_of(folder: Path) -> Path:
    """Where its socket is: a socket's path has at most 107 characters, and a folder may have more."""
    return Path(tempfile.gettempdir()) / f"edge-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}.sock"


def _changes(folder: Path, settings: EdgeSettings) -> tuple[tuple[str, str], ...]:
    return (
        ("load_module modules/ngx_http_js_module.so;", f"load_module {MODULE};"),
        ("user gateway;", "daemon off; master_process off;"),
        ("pid /run/nginx.pid;", f"pid {folder}/pid;"),
        ("error_log /dev/stderr", f"error_log {folder}/error.log"),
        ("access_log /dev/stdout edge buffer=64k flush=5s;", f"access_log {folder}/access.log edge;"),
        ("server_tokens off;", f"server_tokens off; {temporary_paths(folder)}"),
        ("js_path /etc/nginx/;", f"js_path {folder}/;"),
        ("/run/keys/keys.yml", str(settings.keys)),
        ("default $msec;", f"default {settings.time};"),
        ("server gateway:8080;", f"server 127.0.0.1:{settings.gateway_port};"),
        ("server mediamtx:8888;", f"server 127.0.0.1:{settings.mediamtx_port};"),
        ("/var/cache/nginx/", f"{folder}/cache-"),
        ("unix:/run/edge-again.sock", f"unix:{socket_of(folder)}"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{settings.port} ssl http2;"),
        ("/run/certs/cert.pem", str(settings.cert)),
        ("/run/certs/key.pem", str(settings.key)),
        ('set $edge_base "";', f'set $edge_base "{settings.base_path}";'),
    )
