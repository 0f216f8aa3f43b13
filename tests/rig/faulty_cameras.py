"""Demo cameras that can be made to misbehave one by one; runs in the cameras' namespace.

`python -m tests.rig.faulty_cameras HOST PORT CAMERA…` serves each camera on a port of its own, from PORT on, and prints
their addresses as one line of JSON.  `CAMERA` is gateway/demo/spec.py's form; `USER:PASSWORD@@CAMERA` asks for a login.
Each line on standard input, `VERB NAME`, is answered by `done`; the verbs are the methods in `_VERBS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import sys
from typing import Final

from gateway.demo.cameras import start_demo_cameras
from gateway.demo.digest import Credentials
from gateway.demo.rtsp_connection import ServerSettings
from gateway.demo.spec import parse_camera
from tests.support.cameras import DemoCamera

_VERBS: Final = frozenset({"silence", "speak", "freeze", "thaw", "die", "revive", "reset_mid_frame"})


async def _serve(host: str, first_port: int, descriptions: list[str]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        cameras: dict[str, DemoCamera] = {}
        for number, description in enumerate(descriptions):
            login, _, text = description.rpartition("@@")
            user, _, password = login.partition(":")
            spec = parse_camera(text)
            settings = ServerSettings(credentials=Credentials(user, password) if login else None)
            started = await start_demo_cameras(host, port=first_port + number, specs=[spec], settings=settings)
            await stack.enter_async_context(started)
            cameras[spec.name] = DemoCamera(started.cameras[spec.name], started.server)
        _say(json.dumps({name: camera.url for name, camera in cameras.items()}))
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := (await reader.readline()).decode():
            verb, name = line.split()
            if verb not in _VERBS:
                raise ValueError(f"cameras can't {verb}")
            result = getattr(cameras[name], verb)()
            if inspect.isawaitable(result):
                await result
            _say("done")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Serves until standard input closes."""
    host, port, *descriptions = arguments
    asyncio.run(_serve(host, int(port), descriptions))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
