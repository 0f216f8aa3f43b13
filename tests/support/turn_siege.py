"""A siege of coturn behind docs/turn.md's firewall rules: python -m tests.support.turn_siege RULES FOLDER

Runs in a network namespace of its own, with the addresses of docs/turn.md, and prints what strangers got as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from aioice import stun

from gateway.negotiate.turn import Turn, turn_server
from tests.support.turn import TurnServer, coturn_as, turn_client

_SERVER: Final = TurnServer("203.0.113.20", 3478, 443, "192.0.2.10", "s" * 32)
_STRANGER: Final = "198.51.100.66"
_VIEWER: Final = "198.51.100.7"
_MEDIA_PORT: Final = 8190
_OTHER_PORT: Final = 9999
_REQUESTS: Final = 3000
_PORTS: Final = 50
_PASS_S: Final = 0.3
"""More than a datagram takes here."""


def _prepare(rules: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (_SERVER.host, _SERVER.peer, _STRANGER, _VIEWER):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    subprocess.run(["nft", "-f", str(rules)], check=True)


def _open(host: str, port: int = 0) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((host, port))
    opened.setblocking(False)
    return opened


async def _answers(sockets: list[socket.socket], requests: list[bytes]) -> int:
    """How many of them are answered."""
    loop, answered = asyncio.get_running_loop(), 0

    def read(source: socket.socket) -> None:
        nonlocal answered
        source.recv(2048)
        answered += 1

    for one in sockets:
        loop.add_reader(one, read, one)
    for number, request in enumerate(requests):
        sockets[number % len(sockets)].sendto(request, (_SERVER.host, _SERVER.port))
        if number % 20 == 19:
            # No faster than coturn reads.
            await asyncio.sleep(0.002)
    known = -1
    while known < answered:
        known = answered
        await asyncio.sleep(_PASS_S)
    for one in sockets:
        loop.remove_reader(one)
    return answered


def _request(*, short: bool) -> bytes:
    message = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
    if not short:
        message.attributes["REQUESTED-TRANSPORT"] = 17 << 24
    return bytes(message)


async def _relay() -> dict[str, Any]:
    """A viewer relays, and from the relay's own port it is tried what gets through."""
    made = turn_server(Turn(("turn:x",), _SERVER.secret), holder="viewer", now=time.time(), expires_at=None)
    async with turn_client(_SERVER, username=made["username"], credential=made["credential"]) as client:
        _, port = await client.allocate()
        reached = {}
        for name, peer_port in (("media_port", _MEDIA_PORT), ("other_port", _OTHER_PORT)):
            with _open(_SERVER.peer, peer_port) as peer:
                await client.send(b"to a peer", (_SERVER.peer, peer_port))
                try:
                    async with asyncio.timeout(_PASS_S):
                        await asyncio.get_running_loop().sock_recv(peer, 2048)
                    reached[name] = True
                except TimeoutError:
                    reached[name] = False
    return {"relay_port": port} | reached


def _own_refused(count: int) -> int:
    """How many of this machine's own datagrams, each from a port that the system chose, do not leave."""
    refused = 0
    for _ in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.connect((_STRANGER, 53))
            try:
                own.send(b"a question of its own")
            except PermissionError:
                refused += 1
    return refused


async def _siege(folder: Path) -> dict[str, Any]:
    async with coturn_as(_SERVER, folder):
        strangers = [_open(_STRANGER) for _ in range(_PORTS)]
        short = await _answers(strangers, [_request(short=True)] * 20)
        # One that goes on for long is a connection to the kernel; new ports begin others.
        answered = await _answers(strangers[:1], [_request(short=False)] * (_REQUESTS // 2))
        answered += await _answers(strangers, [_request(short=False)] * (_REQUESTS // 2))
        relayed = await _relay()
        for one in strangers:
            one.close()
    counts = {"asked": _REQUESTS, "answered": answered, "short_answered": short}
    return counts | relayed | {"own_refused": _own_refused(1000)}


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    _prepare(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(asyncio.run(_siege(Path(sys.argv[2])))))
