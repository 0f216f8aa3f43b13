"""An nginx that speaks TLS for viewers who could not afford it: plain HTTP from them, a connection each to the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.support.nginx import temporary_paths

_CONFIG: Final = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  {temporary}
  keepalive_requests 1000000;
  upstream edge {{
    server 127.0.0.1:{edge_port};
    # As many connections as viewers: each holds one while it waits for its playlist.
    keepalive 4096;
    keepalive_requests 1000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass https://edge;
      proxy_ssl_trusted_certificate {cert};
      proxy_ssl_verify on;
      proxy_ssl_name 127.0.0.1;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_read_timeout 60s;
    }}
  }}
}}
"""


def write(folder: Path, *, port: int, edge_port: int, cert: Path) -> None:
    """Its configuration, to be run with `edge_config.command(folder)`."""
    text = _CONFIG.format(folder=folder, temporary=temporary_paths(folder), port=port, edge_port=edge_port, cert=cert)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
