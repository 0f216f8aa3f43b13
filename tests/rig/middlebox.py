"""A proxy on the viewers' way that lets HTTP through and no WebSocket, as many companies have one."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.rig.network import ROUTER, Network, RigUnavailableError
from tests.rig.programs import running
from tests.support.nginx import temporary_paths

REFUSING: Final = 3128
"""The port on the router that lets no WebSocket through; `Faults.web_through` turns viewers there."""

PASSING: Final = 3129
"""The one that does: when it is used instead, connections that are there stay where they are."""

_CONFIG: Final = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr notice;
events {{}}
http {{
  access_log off;
  {temporary}
  proxy_http_version 1.1;
  server {{
    listen {refusing};
    location / {{
      if ($http_upgrade) {{ return 403; }}
      proxy_pass http://$http_host;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
    }}
  }}
  map $http_upgrade $upgrading {{
    default upgrade;
    "" "";
  }}
  server {{
    listen {passing};
    location / {{
      proxy_pass http://$http_host;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $upgrading;
    }}
  }}
}}
"""


@asynccontextmanager
async def refusing_sockets(network: Network, folder: Path) -> AsyncIterator[None]:
    """Transparent: it passes requests on to wherever they were meant for.  Reached only where faults say so."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        raise RigUnavailableError("nginx is not installed; the rig needs it for the proxy that refuses WebSockets")
    config = folder / "middlebox.conf"
    text = _CONFIG.format(folder=folder, temporary=temporary_paths(folder), refusing=REFUSING, passing=PASSING)
    config.write_text(text, encoding="utf-8")
    async with running(network, ROUTER, program, "-p", str(folder), "-c", str(config)) as proxy:
        # The last it says before it serves; it listens by then.
        await proxy.line("getrlimit")
        yield
