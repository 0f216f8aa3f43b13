"""Which addresses are advertised, and that they follow leases, names and what a STUN server sees."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import pytest
from aioice.stun import Class, Message, parse_message

from gateway.errors import ConfigError
from gateway.webrtc import advertise
from gateway.webrtc.advertise import Addresses
from gateway.webrtc.candidates import IpAddress
from gateway.webrtc.lookups import Lookups
from gateway.webrtc.port import MediaPort
from tests.webrtc.stage import settled

OLD, NEW = ipaddress.IPv4Address("192.0.2.1"), ipaddress.IPv4Address("192.0.2.2")


class World:
    """What look-ups find."""

    def __init__(self) -> None:
        self.addresses: list[IpAddress] = [OLD]
        self.fails = False
        self.looked_up = 0
        self.threads: set[str] = set()

    def find(self, *_: object) -> list[IpAddress]:
        self.looked_up += 1
        self.threads.add(threading.current_thread().name)
        if self.fails:
            raise OSError("no")
        return list(self.addresses)


@pytest.fixture(name="world")
def _world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(advertise, "interface_addresses", world.find)
    monkeypatch.setattr(advertise, "resolve", world.find)
    return world


@asynccontextmanager
async def addresses(*entries: str) -> AsyncIterator[Addresses]:
    port = MediaPort()
    await port.open(0)
    made = Addresses(port, entries)
    try:
        yield made
    finally:
        await made.close()
        await port.close()


def offered(made: Addresses) -> set[str]:
    return {candidate.host for candidate in made.candidates(None)}


@pytest.mark.parametrize("entries", [(), ("cams.example.org",)])
@pytest.mark.asyncio
async def test_addresses_that_change_are_offered_from_then_on(world: World, entries: tuple[str, ...]) -> None:
    async with addresses(*entries) as made:
        await made.start()
        assert offered(made) == {str(OLD)}
        world.addresses = [NEW]
        await made.refresh()
        assert offered(made) == {str(NEW)}
        # Off the event loop.
        assert world.threads == {"look-up"}


@pytest.mark.asyncio
async def test_a_name_that_fails_later_keeps_its_addresses_and_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with addresses("cams.example.org") as made:
        await made.start()
        world.fails = True
        for _ in range(3):
            await made.refresh()
        assert offered(made) == {str(OLD)}
        assert caplog.text.count("can't be resolved any more") == 1
        world.fails = False
        await made.refresh()
        world.fails = True
        await made.refresh()
        assert caplog.text.count("can't be resolved any more") == 2


@pytest.mark.asyncio
async def test_a_name_that_fails_at_the_start_is_an_error(world: World) -> None:
    world.fails = True
    async with addresses("cams.example.org") as made:
        with pytest.raises(ConfigError, match="can't be resolved"):
            await made.start()


@pytest.mark.asyncio
async def test_they_are_looked_at_again_and_again_whatever_happens(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(advertise, "REFRESH_S", 0.0)

    def broken() -> None:
        world.looked_up += 1
        raise ValueError("unforeseen")

    async with addresses() as made:
        await made.start()
        await settled(lambda: world.looked_up >= 3, "they are not looked at again")
        monkeypatch.setattr(advertise, "interface_addresses", broken)
        before = world.looked_up
        await settled(lambda: world.looked_up >= before + 3, "a failure ends it")
        monkeypatch.setattr(advertise, "interface_addresses", world.find)
        world.addresses = [NEW]
        await settled(lambda: offered(made) == {str(NEW)}, "the new address is not found")
    assert "looking for our addresses failed" in caplog.text


@pytest.mark.asyncio
async def test_literal_addresses_are_never_looked_at_again() -> None:
    async with addresses("192.0.2.7", "2001:db8::7") as made:
        before = asyncio.all_tasks()
        await made.start()
        assert asyncio.all_tasks() == before
        assert offered(made) == {"192.0.2.7", "2001:db8::7"}


class _StunServer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.seen_as = "203.0.113.7"
        self.silent = False
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = parse_message(data)
        self.asked += 1
        if self.silent:
            return
        response = Message(request.message_method, Class.RESPONSE, transaction_id=request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = (self.seen_as, 4711)
        response.add_fingerprint()
        self._transport.sendto(bytes(response), addr)


@asynccontextmanager
async def stun_server() -> AsyncIterator[tuple[_StunServer, str]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(_StunServer, ("127.0.0.1", 0))
    try:
        yield server, f"stun:127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@pytest.mark.asyncio
async def test_the_public_address_is_asked_for_now_and_then() -> None:
    async with stun_server() as (server, entry), addresses(entry) as made:
        await made.start()
        assert offered(made) == {"203.0.113.7"}
        server.seen_as = "203.0.113.8"
        for _ in range(9):
            await made.refresh()
        assert (server.asked, offered(made)) == (1, {"203.0.113.7"})
        await made.refresh()
        assert (server.asked, offered(made)) == (2, {"203.0.113.8"})


@pytest.mark.asyncio
async def test_a_stun_server_that_never_answers_is_an_error_later_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(advertise, "_ATTEMPT_S", 0.0)
    monkeypatch.setattr(advertise, "_STUN_EVERY", 1)
    async with stun_server() as (server, entry):
        server.silent = True
        async with addresses(entry) as made:
            with pytest.raises(ConfigError, match="no STUN server answered"):
                await made.start()
        async with addresses(entry, "192.0.2.7") as made:
            caplog.clear()
            await made.start()
            await made.refresh()
            assert offered(made) == {"192.0.2.7"}
            assert caplog.text.count("did not answer") == 1


@contextmanager
def hanging() -> Iterator[threading.Event]:
    release = threading.Event()
    try:
        yield release
    finally:
        release.set()


@pytest.mark.asyncio
async def test_a_look_up_that_hangs_is_given_up_and_few_hang_at_once() -> None:
    with hanging() as release:
        lookups = Lookups()
        for _ in range(6):
            with pytest.raises(TimeoutError):
                await lookups.run(release.wait, deadline_s=0.0)
        stuck = [thread for thread in threading.enumerate() if thread.name == "look-up" and thread.daemon]
        assert len(stuck) == 4
        release.set()
        for thread in stuck:
            thread.join(10)
        assert await lookups.run(lambda: 7, deadline_s=10) == 7


def test_a_look_up_that_ends_after_its_loop_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with hanging() as release:

        async def give_up() -> None:
            with pytest.raises(TimeoutError):
                await Lookups().run(release.wait, deadline_s=0.0)

        asyncio.run(give_up())
        threads = [thread for thread in threading.enumerate() if thread.name == "look-up"]
        with caplog.at_level(logging.ERROR):
            release.set()
            for thread in threads:
                thread.join(10)
        assert caplog.records == []


@pytest.mark.asyncio
async def test_the_port_asks_from_the_family_of_the_server() -> None:
    port = MediaPort()
    await port.open(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        transaction = port.ask(server.getsockname(), lambda _: None)
        datagram, sender = await asyncio.to_thread(server.recvfrom, 1500)
        port.forget(transaction)
    assert sender[1] == port.number
    assert parse_message(datagram).transaction_id == transaction
    await port.close()
