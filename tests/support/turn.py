"""The distribution's coturn with docker/coturn.conf as it stands, and a client that asks it for one thing at a time."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from aioice import stun
from aioice.turn import TurnClientUdpProtocol

from tests.support.nginx import free_port, make_certificate

CONFIG: Final = Path(__file__).resolve().parents[2] / "docker" / "coturn.conf"
_DEADLINE_S: Final = 10.0
_LIFETIME_S: Final = 600
_STALE_NONCE: Final = 438


def own_address() -> str:
    """An address of this machine that is not loopback, which no relay leads to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("needs an address besides loopback, such as that of a network card")
        address: str = probe.getsockname()[0]
    return address


@dataclass(frozen=True, slots=True)
class TurnServer:
    """`host` is also where it relays from; `peer` the one address it relays to."""

    host: str
    port: int
    tls_port: int
    peer: str
    secret: str


def configured(folder: Path, server: TurnServer, *, cert: Path, key: Path) -> str:
    """docker/coturn.conf with nothing changed but what it says to replace."""
    text = CONFIG.read_text(encoding="utf-8")
    for written, meant in (
        ("static-auth-secret=REPLACE-ME-with-32-random-characters", f"static-auth-secret={server.secret}"),
        ("allowed-peer-ip=192.0.2.10", f"allowed-peer-ip={server.peer}"),
        ("listening-ip=203.0.113.20", f"listening-ip={server.host}"),
        ("relay-ip=203.0.113.20", f"relay-ip={server.host}"),
        ("\nlistening-port=3478", f"\nlistening-port={server.port}"),
        ("tls-listening-port=443", f"tls-listening-port={server.tls_port}"),
        ("cert=/etc/ssl/cams.pem", f"cert={cert}"),
        ("pkey=/etc/ssl/cams.key", f"pkey={key}"),
    ):
        assert written in text, f"docker/coturn.conf no longer says {written}"
        text = text.replace(written, meant)
    return text + f"pidfile={folder}/turnserver.pid\nuserdb={folder}/turndb\n"


@asynccontextmanager
async def coturn(folder: Path, *, peer: str) -> AsyncIterator[TurnServer]:
    """Starts it on free ports of this machine's own address."""
    server = TurnServer(own_address(), free_port(), free_port(), peer, secrets.token_hex(16))
    async with coturn_as(server, folder):
        yield server


@asynccontextmanager
async def coturn_as(server: TurnServer, folder: Path) -> AsyncIterator[None]:
    """Starts this one."""
    program = shutil.which("turnserver")
    assert program, "tests need the distribution's coturn: make packages"
    cert, key = await make_certificate(folder)
    config = folder / "turnserver.conf"
    config.write_text(configured(folder, server, cert=cert, key=key), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(config), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said: list[str] = []
    reading = asyncio.create_task(_read(process, said))
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while not await _listens(server):
                assert process.returncode is None, "".join(said)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


async def _read(process: asyncio.subprocess.Process, said: list[str]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        said.append(line.decode(errors="replace"))


async def _listens(server: TurnServer) -> bool:
    try:
        _, writer = await asyncio.open_connection(server.host, server.port)
    except OSError:
        await asyncio.sleep(0.01)
        return False
    writer.close()
    await writer.wait_closed()
    return True


class TurnClient:
    """One UDP socket; use `turn_client`.  Every request raises `stun.TransactionFailed` when it is refused."""

    def __init__(self, protocol: TurnClientUdpProtocol) -> None:
        self._protocol = protocol
        self._channel = 0x4000

    async def allocate(self) -> tuple[str, int]:
        """The relayed address."""
        async with asyncio.timeout(_DEADLINE_S):
            try:
                return await self._protocol.connect()
            except stun.TransactionFailed as refused:
                # A request that is sent twice before coturn reads it makes two sessions there, each with a nonce.
                if refused_with(refused) != _STALE_NONCE:
                    raise
            return await self._protocol.connect()

    async def reach(self, host: str, port: int) -> None:
        """Asks to relay to a peer."""
        self._channel += 1
        async with asyncio.timeout(_DEADLINE_S):
            await self._protocol.channel_bind(self._channel, (host, port))

    async def send(self, data: bytes, peer: tuple[str, int]) -> None:
        """Relays to a peer, which is asked for when it is the first."""
        await self._protocol.send_data(data, peer)

    async def request(self, method: stun.Method, **attributes: Any) -> stun.Message:
        """Any request, with credentials once they are known."""
        request = stun.Message(message_method=method, message_class=stun.Class.REQUEST)
        request.attributes.update({name.replace("_", "-"): value for name, value in attributes.items()})
        async with asyncio.timeout(_DEADLINE_S):
            return (await self._protocol.request_with_retry(request))[0]


@asynccontextmanager
async def turn_client(server: TurnServer, *, username: str, credential: str) -> AsyncIterator[TurnClient]:
    """A client with these credentials; what it allocated ends with the block."""
    address = (server.host, server.port)
    _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: TurnClientUdpProtocol(
            address, username=username, password=credential, lifetime=_LIFETIME_S, channel_refresh_time=_LIFETIME_S
        ),
        remote_addr=address,
    )
    try:
        yield TurnClient(protocol)
    finally:
        if protocol.relayed_address is not None:
            await protocol.delete()
        protocol.transport.close()


def refused_with(error: stun.TransactionFailed) -> int:
    """The STUN error code of a refusal."""
    code = error.response.attributes["ERROR-CODE"]
    return int(re.sub(r"\D", "", str(code[0])))
