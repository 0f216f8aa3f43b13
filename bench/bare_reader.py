"""`python -m bench.bare_reader PORT FILE`: pulls the cameras of a JSON file, each in a thread, and drops their packets.

`GET /live` tells how many have sent something.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import av

_OPTIONS = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay", "timeout": "10000000"}


def main(port: int, file: Path) -> None:
    """Run until ended by a signal."""
    live: set[str] = set()

    def pull(name: str, url: str) -> None:
        with av.open(url, options=_OPTIONS) as container:
            for _ in container.demux():
                live.add(name)
        live.discard(name)

    class Status(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = str(len(live)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    for name, url in json.loads(file.read_text(encoding="utf-8")).items():
        threading.Thread(target=pull, args=(name, url), name=name, daemon=True).start()
    HTTPServer(("127.0.0.1", port), Status).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
