"""ICE over TCP, over real connections: framing, strangers, congestion, and that connections end with their sessions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aioice.stun import Class, parse_message

from gateway.webrtc import tcp
from gateway.webrtc.ice import IceLiteAgent
from gateway.webrtc.paths import Drop
from gateway.webrtc.port import MediaPort
from tests.webrtc.checks import VIEWER_UFRAG, check
from tests.webrtc.stage import DEADLINE_S, HandClock, settled

RTCP = bytes((0x80, 201, 0, 1)) + bytes(4)


@dataclass(slots=True)
class Connection:
    """A viewer's connection to the port."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, datagram: bytes) -> None:
        self.writer.write(len(datagram).to_bytes(2, "big") + datagram)

    async def receive(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            size = int.from_bytes(await self.reader.readexactly(2), "big")
            return await self.reader.readexactly(size)

    async def ended(self) -> bool:
        async with asyncio.timeout(DEADLINE_S):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


@dataclass(slots=True)
class Scene:
    port: MediaPort
    agent: IceLiteAgent
    connections: list[Connection]

    async def connect(self) -> Connection:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", self.port.number))
        self.connections.append(connection)
        return connection

    async def validated(self) -> Connection:
        connection = await self.connect()
        connection.send(check(self.agent))
        assert parse_message(await connection.receive()).message_class == Class.RESPONSE
        return connection


@pytest_asyncio.fixture(name="scene")
async def _scene() -> AsyncIterator[Scene]:
    port = MediaPort(clock=HandClock())
    await port.open(0)
    agent = port.agent([])
    agent.remote_username, agent.remote_password = VIEWER_UFRAG, "x" * 22
    scene = Scene(port, agent, [])
    yield scene
    for connection in scene.connections:
        connection.writer.close()
    await port.close()
    for connection in scene.connections:
        with contextlib.suppress(ConnectionError):
            await connection.writer.wait_closed()


async def test_a_check_over_tcp_is_answered_and_selects_the_connection(scene: Scene) -> None:
    await scene.validated()
    assert scene.agent.path is not None
    assert scene.agent.path.protocol == "tcp"


async def test_datagrams_keep_their_borders_however_the_bytes_arrive(scene: Scene) -> None:
    connection = await scene.validated()
    framed = b"".join(len(packet).to_bytes(2, "big") + packet for packet in (RTCP, RTCP + b"more"))
    for place in range(len(framed)):
        connection.writer.write(framed[place : place + 1])
        await connection.writer.drain()
    async with asyncio.timeout(DEADLINE_S):
        assert [await scene.agent.recv(), await scene.agent.recv()] == [RTCP, RTCP + b"more"]


async def test_what_is_sent_arrives_framed(scene: Scene) -> None:
    connection = await scene.validated()
    path = scene.agent.path
    assert path is not None
    assert path.send(b"one")
    assert path.send_packets(memoryview(b"aaabbbc"), 3) == 7
    assert [await connection.receive() for _ in range(4)] == [b"one", b"aaa", b"bbb", b"c"]


async def test_the_connection_ends_with_its_session(scene: Scene) -> None:
    connection = await scene.validated()
    scene.agent.shut()
    assert await connection.ended()
    await settled(lambda: scene.port.connection_count == 0, "the connection is kept")


async def test_the_last_words_of_a_session_still_arrive(scene: Scene) -> None:
    connection = await scene.validated()
    assert scene.agent.path is not None
    scene.agent.path.send(b"bye")
    scene.agent.shut()
    assert await connection.receive() == b"bye"
    assert await connection.ended()


async def test_a_viewer_whose_connection_is_gone_loses_only_that_path(scene: Scene) -> None:
    first, second = await scene.validated(), await scene.validated()
    first.writer.close()
    await settled(lambda: len(scene.agent.paths) == 1, "the path is kept")
    second.send(RTCP)
    async with asyncio.timeout(DEADLINE_S):
        assert await scene.agent.recv() == RTCP


async def test_a_stranger_is_neither_answered_nor_heard(scene: Scene) -> None:
    connection = await scene.connect()
    connection.send(RTCP)
    connection.send(check(scene.agent, password="wrong" * 5))
    connection.send(b"")
    await settled(lambda: scene.port.drops[Drop.EMPTY] == 1, "the connection is not read")
    assert scene.port.drops[Drop.UNVALIDATED] == 1
    assert scene.port.drops[Drop.BAD_INTEGRITY] == 1
    assert scene.port.path_count == 0


async def test_a_frame_larger_than_a_datagram_ends_the_connection(scene: Scene) -> None:
    connection = await scene.connect()
    connection.writer.write((1501).to_bytes(2, "big"))
    assert await connection.ended()
    assert scene.port.drops[Drop.TOO_LARGE] == 1


async def test_a_silent_connection_is_closed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "SILENT_S", 0.05)
    connection = await scene.connect()
    assert await connection.ended()
    assert scene.port.drops[Drop.SILENT_CONNECTION] == 1


async def test_where_too_many_are_strangers_the_oldest_goes_and_viewers_stay(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "MAX_STRANGERS", 1)
    await scene.validated()
    first = await scene.connect()
    await settled(lambda: scene.port.connection_count == 2, "the stranger is not in")
    await scene.validated()
    assert await first.ended()
    assert scene.port.drops[Drop.CONNECTIONS_FULL] == 1
    assert scene.port.path_count == 2


async def test_one_address_takes_no_other_addresss_place(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "MAX_STRANGERS_EACH", 2)
    elsewhere = Connection(*await asyncio.open_connection("127.0.0.1", scene.port.number, local_addr=("127.0.0.2", 0)))
    scene.connections.append(elsewhere)
    await settled(lambda: scene.port.connection_count == 1, "the neighbour is not in")
    mine = [await scene.connect() for _ in range(3)]
    assert await mine[0].ended()
    assert scene.port.drops == {Drop.ADDRESS_FULL: 1}
    for connection in (elsewhere, *mine[1:]):
        connection.send(check(scene.agent))
        await connection.receive()


def test_the_addresses_of_one_ipv6_network_count_together() -> None:
    assert tcp._network("2001:db8:1:2:3::4") == tcp._network("2001:db8:1:2:ffff::1") != tcp._network("2001:db8:1:3::4")
    assert tcp._network("192.0.2.1") != tcp._network("192.0.2.2")


async def test_a_flood_by_many_connections_leaves_the_event_loop_its_turn(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await scene.validated()
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += tcp.TURN_S * 0.5
        return now

    monkeypatch.setattr(tcp, "monotonic", monotonic)
    others = [await scene.validated() for _ in range(5)]
    turns = 0
    done = False

    def turn() -> None:
        nonlocal turns
        turns += 1
        if not done:
            asyncio.get_running_loop().call_soon(turn)

    for connection in others:
        for _ in range(20):
            connection.send(RTCP)
    viewer.send(RTCP + b"mine")
    turn()
    place = 0
    async with asyncio.timeout(DEADLINE_S):
        while await scene.agent.recv() != RTCP + b"mine":
            place += 1
        for _ in range(100 - place):
            await scene.agent.recv()
    done = True
    # Two datagrams a turn, and a connection with one waits for no other's twenty.
    assert turns >= 50
    assert place <= 50


async def test_a_connection_is_read_no_further_than_it_is_dealt_with(scene: Scene) -> None:
    connection = await scene.validated()
    datagram = RTCP + bytes(1000)
    count = 60
    for _ in range(count):
        connection.send(datagram)
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(count):
            assert await scene.agent.recv() == datagram


async def test_a_stranger_who_keeps_sending_nonsense_is_closed(scene: Scene) -> None:
    connection = await scene.connect()
    connection.writer.write(bytes(2) * 100_000)
    assert await connection.ended()
    assert scene.port.drops[Drop.EMPTY] == 8


async def test_a_connection_that_sends_much_at_once_leaves_the_loop_its_turns(scene: Scene) -> None:
    connection = await scene.validated()
    for _ in range(200):
        connection.send(RTCP)
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(200):
            assert await scene.agent.recv() == RTCP


async def test_a_viewer_that_does_not_read_is_congested_then_dropped_on(scene: Scene) -> None:
    connection = await scene.validated()
    path = scene.agent.path
    assert path is not None
    connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
    packets = memoryview(bytes(60_000))
    sent = 0
    while path.send_packets(packets, 1200):
        sent += len(packets)
        assert sent < 1 << 28
    assert path.congested
    assert scene.port.drops[Drop.SEND_FULL] == 50
