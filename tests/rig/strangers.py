"""What strangers send to the media port; runs in the attacker's namespace.

`python -m tests.rig.strangers JSON` with `{"gateway": [host, port], "viewer": [host, port], "users": "ours:theirs"}`:
the address of a viewer that is to be impersonated, and its session's ICE user names as somebody may have overheard
them.  Each line on standard input is a task, answered by `done N` with the number of packets: `whisper SECONDS` sends
every kind over and over, `connect` bothers the TCP port, `flood RATE SECONDS` sends as many a second.
"""

from __future__ import annotations

import itertools
import json
import random
import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aioice.stun import Class, Message, Method
from OpenSSL import SSL

_WHISPERS_PER_S: Final = 100
_CONNECTIONS: Final = 50
_UDP_HEADER: Final = struct.Struct("!HHHH")
_IP_HEADER: Final = struct.Struct("!BBHHHBBH4s4s")
_DONT_WAIT: Final = 0.001


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to bother, and as whom."""

    gateway: tuple[str, int]
    viewer: tuple[str, int]
    users: str


def check(username: str, password: str) -> bytes:
    """A connectivity check that would take a viewer's pictures over, were it believed."""
    request = Message(Method.BINDING, Class.REQUEST)
    request.attributes["USERNAME"] = username
    request.attributes["PRIORITY"] = 1845501695
    request.attributes["ICE-CONTROLLING"] = secrets.randbits(64)
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    request.add_fingerprint()
    return bytes(request)


def client_hello() -> bytes:
    """The first flight of somebody else's DTLS handshake."""
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD), None)
    connection.set_connect_state()
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return bytes(connection.bio_read(4096))
    raise AssertionError("a handshake can't be over before the server has spoken")


def kinds(target: Target, chance: random.Random) -> Iterator[bytes]:
    """One of each kind, over and over."""
    hello = client_hello()
    while True:
        yield b""
        yield bytes([chance.randrange(256)])
        yield chance.randbytes(chance.randrange(2, 1400))
        yield check("nobody:knows", "guessed")
        yield check(target.users, "guessed")
        yield check(target.users, "guessed")[: chance.randrange(1, 60)]
        yield hello
        # A DTLS alert, RTP, RTCP: none of them could be encrypted with the viewer's keys.
        yield b"\x15\xfe\xfd" + chance.randbytes(30)
        yield b"\x80\x60" + chance.randbytes(800)
        yield b"\x80\xc9\x00\x07" + chance.randbytes(60)


def as_viewer(target: Target, payload: bytes) -> bytes:
    """The payload in a packet that claims to come from the viewer; the kernel fills in lengths and checksums."""
    udp = _UDP_HEADER.pack(target.viewer[1], target.gateway[1], _UDP_HEADER.size + len(payload), 0) + payload
    source, destination = (socket.inet_aton(address[0]) for address in (target.viewer, target.gateway))
    header = _IP_HEADER.pack(0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0, source, destination)
    return header + udp


def _send(target: Target, *, rate: float, seconds: float) -> int:
    """Every second packet pretends to be the viewer's."""
    count = 0
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw,
    ):
        pause = threading.Event()
        payloads = list(itertools.islice(kinds(target, random.Random(7)), 200))
        begun_at = time.monotonic()
        for payload in itertools.cycle(payloads):
            elapsed_s = time.monotonic() - begun_at
            if elapsed_s >= seconds:
                break
            if count % 2:
                raw.sendto(as_viewer(target, payload), (target.gateway[0], 0))
            else:
                plain.sendto(payload, target.gateway)
            count += 1
            ahead_s = count / rate - elapsed_s
            if ahead_s > _DONT_WAIT:
                pause.wait(ahead_s)
    return count


def _connect(target: Target) -> int:
    """Connections that are silent, hang up, or speak nonsense; all stay open until the end of the program."""
    chance = random.Random(11)
    for number in range(_CONNECTIONS):
        connection = socket.create_connection(target.gateway, timeout=5)
        if number % 3 == 1:
            connection.sendall(chance.randbytes(200))
        elif number % 3 == 2:
            framed = check(target.users, "guessed")
            connection.sendall(len(framed).to_bytes(2, "big") + framed)
        if number % 2:
            connection.close()
        else:
            _open.append(connection)
    return _CONNECTIONS


_open: list[socket.socket] = []


def main(arguments: list[str]) -> int:
    """Works until standard input closes."""
    about = json.loads(arguments[0])
    target = Target(tuple(about["gateway"]), tuple(about["viewer"]), about["users"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        match line.split():
            case ["whisper", seconds]:
                count = _send(target, rate=_WHISPERS_PER_S, seconds=float(seconds))
            case ["flood", rate, seconds]:
                count = _send(target, rate=float(rate), seconds=float(seconds))
            case ["connect"]:
                count = _connect(target)
            case _:
                return 2
        sys.stdout.write(f"done {count}\n")
        sys.stdout.flush()
    for connection in _open:
        connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
