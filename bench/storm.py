"""`python -m bench.storm COUNT`: many viewers that have their offers ready and connect when they get their answers.

A process of its own with low priority: preparing offers and shaking hands costs more than answering does, and must
not delay the cameras, nor the clock by which answers are timed.  Talks in lines of JSON: first writes its offers, then
reads `{"number": …, "sdp": …}` and writes `{"number": …, "connected": true | false}` for each, until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from aiortc import RTCPeerConnection

from bench.viewers import accept_answer, make_offer, prepare_process

_NICENESS = 10
_LONGEST_LINE = 1 << 24


def _write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def _connect(number: int, peer: RTCPeerConnection, answer: str) -> None:
    try:
        await accept_answer(peer, answer)
    except (TimeoutError, ConnectionError):
        _write({"number": number, "connected": False})
    else:
        _write({"number": number, "connected": True})


async def _run(count: int) -> None:
    prepare_process()
    made = [await make_offer() for _ in range(count)]
    _write({"offers": [offer for _, offer in made]})
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    connecting = []
    while line := await reader.readline():
        message = json.loads(line)
        number = message["number"]
        connecting.append(asyncio.create_task(_connect(number, made[number][0], message["sdp"])))
    await asyncio.gather(*connecting)
    await asyncio.gather(*(peer.close() for peer, _ in made))


if __name__ == "__main__":
    os.nice(_NICENESS)
    asyncio.run(_run(int(sys.argv[1])))
