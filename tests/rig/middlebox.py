"""A proxy on the viewers' way that lets HTTP through and no WebSocket, as many companies have one.

It refuses them, or leaves them without an answer, as a firewall does that drops what it does not know.
"""

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

HANGING: Final = 3130
"""The one that never answers who asks for one."""

PASSING: Final = 3129
"""The one that does: when it is used instead, connections that are there stay where they are."""

_NOBODY: Final = "10.77.10.99"
"""On the viewer's line, where packets for anybody else are dropped."""

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
  server {{
    listen {hanging};
    location / {{
      error_page 418 = @nowhere;
      if ($http_upgrade) {{ return 418; }}
      proxy_pass http://$http_host;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
    }}
    location @nowhere {{
      proxy_pass http://{nobody}:9;
      proxy_connect_timeout 60s;
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
async def middlebox(network: Network, folder: Path) -> AsyncIterator[None]:
    """Transparent: it passes requests on to wherever they were meant for.  Reached only where faults say so."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        raise RigUnavailableError("nginx is not installed; the rig needs it for the proxy that refuses WebSockets")
    config = folder / "middlebox.conf"
    ports = {"refusing": REFUSING, "hanging": HANGING, "passing": PASSING}
    text = _CONFIG.format(folder=folder, temporary=temporary_paths(folder), nobody=_NOBODY, **ports)
    config.write_text(text, encoding="utf-8")
    async with running(network, ROUTER, program, "-p", str(folder), "-c", str(config)) as proxy:
        # The last it says before it serves; it listens by then.
        await proxy.line("getrlimit")
        yield
