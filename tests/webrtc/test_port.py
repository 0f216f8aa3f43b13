"""The media port, over real sockets: who gets through to a viewer's connection, who is answered, who is dropped."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aioice.stun import ATTRIBUTES_BY_NAME, Class, Message, Method, parse_message

from gateway.errors import PortInUse
from gateway.webrtc import udp
from gateway.webrtc.ice import AWAY_S, CONSENT_S, CONTROL_BURST_BYTES, CONTROL_BYTES_PER_S, QUIET_S, IceLiteAgent
from gateway.webrtc.lane import MAX_WAITING_EACH
from gateway.webrtc.paths import Drop
from gateway.webrtc.port import MediaPort
from tests.webrtc.checks import VIEWER_UFRAG, check
from tests.webrtc.stage import DEADLINE_S, HandClock, settled

DTLS = bytes((22, 254, 253)) + bytes(10)
RTCP = bytes((0x80, 201, 0, 1)) + bytes(4)
FINGERPRINT_BYTES = 8


class Stranger:
    """Someone with a UDP socket."""

    def __init__(self, number: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.connect(("127.0.0.1", number))
        self._sock.setblocking(False)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._sock.getsockname()
        return host, port

    def send(self, datagram: bytes) -> None:
        self._sock.send(datagram)

    async def receive(self) -> bytes:
        async with asyncio.timeout(DEADLINE_S):
            return await asyncio.get_running_loop().sock_recv(self._sock, 4096)

    def silent(self) -> bool:
        """Nothing has come."""
        try:
            self._sock.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._sock.close()


@dataclass(slots=True)
class Scene:
    """A port with one agent, and one viewer who may connect to it."""

    port: MediaPort
    agent: IceLiteAgent
    viewer: Stranger
    clock: HandClock

    def request(self, **changes: object) -> bytes:
        return check(self.agent, **changes)  # type: ignore[arg-type]

    async def connect(self) -> Message:
        """The viewer's first check and its answer."""
        self.viewer.send(self.request())
        return parse_message(await self.viewer.receive())

    async def all_read(self) -> None:
        """Whatever was sent to the port before now has been dealt with."""
        with contextlib.closing(Stranger(self.port.number)) as witness:
            other = self.port.agent([])
            witness.send(check(other))
            await witness.receive()
            await other.close()


@pytest_asyncio.fixture(name="scene")
async def _scene() -> AsyncIterator[Scene]:
    clock = HandClock()
    port = MediaPort(clock=clock)
    await port.open(0)
    agent = port.agent([])
    agent.remote_username, agent.remote_password = VIEWER_UFRAG, "x" * 22
    viewer = Stranger(port.number)
    yield Scene(port, agent, viewer, clock)
    viewer.close()
    await port.close()


@pytest.fixture(name="stranger")
def _stranger(scene: Scene) -> Iterator[Stranger]:
    stranger = Stranger(scene.port.number)
    yield stranger
    stranger.close()


async def received(agent: IceLiteAgent) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return await agent.recv()


async def test_a_check_is_answered_with_the_viewers_address_signed(scene: Scene) -> None:
    request = scene.request()
    scene.viewer.send(request)
    answer = await scene.viewer.receive()
    response = parse_message(answer)
    assert (response.message_method, response.message_class) == (Method.BINDING, Class.RESPONSE)
    assert response.transaction_id == parse_message(request).transaction_id
    assert response.attributes["XOR-MAPPED-ADDRESS"] == scene.viewer.address
    assert response.check_message_integrity(scene.agent.local_password.encode())
    assert list(response.attributes) == ["XOR-MAPPED-ADDRESS", "MESSAGE-INTEGRITY", "FINGERPRINT"]
    assert len(answer) <= len(request)


async def test_after_a_check_data_goes_both_ways(scene: Scene) -> None:
    await scene.connect()
    await scene.agent.connect()
    scene.viewer.send(DTLS)
    assert await received(scene.agent) == DTLS
    scene.viewer.send(RTCP)
    assert await received(scene.agent) == RTCP
    await scene.agent.send(b"\x17hello")
    assert await scene.viewer.receive() == b"\x17hello"


async def test_only_whoever_sent_a_check_gets_through(scene: Scene, stranger: Stranger) -> None:
    await scene.connect()
    stranger.send(DTLS)
    stranger.send(RTCP)
    await scene.all_read()
    scene.viewer.send(b"\x16from the viewer")
    assert await received(scene.agent) == b"\x16from the viewer"
    assert scene.port.drops[Drop.UNVALIDATED] == 2
    assert stranger.silent()


@pytest.mark.parametrize("datagram", [b"", b"\x16", b"\x00", b"\x80", b"\xff", b"\x01", DTLS, RTCP, bytes(1600)])
async def test_bytes_of_strangers_reach_nobody_and_get_no_answer(
    scene: Scene, stranger: Stranger, datagram: bytes
) -> None:
    stranger.send(datagram)
    await scene.all_read()
    assert sum(scene.port.drops.values()) == 1
    assert scene.agent.path is None
    assert stranger.silent()


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        pytest.param(b"", Drop.EMPTY, id="empty"),
        pytest.param(b"\x05", Drop.NOT_OURS, id="one byte"),
        pytest.param(b"\x40" * 20, Drop.NOT_OURS, id="TURN channel data"),
        pytest.param(b"\xc0" * 20, Drop.NOT_OURS, id="QUIC"),
        pytest.param(b"\x16" * 1501, Drop.TOO_LARGE, id="oversize"),
        pytest.param(b"\x00" * 19, Drop.BAD_STUN, id="too short for STUN"),
        pytest.param(b"\x00" * 20, Drop.BAD_STUN, id="STUN of zeros"),
        pytest.param(b"\x00\x01\xff\xff" + bytes(16), Drop.BAD_STUN, id="STUN with a false length"),
    ],
)
async def test_what_even_a_viewer_may_not_send_is_dropped_by_reason(
    scene: Scene, datagram: bytes, reason: Drop
) -> None:
    await scene.connect()
    scene.viewer.send(datagram)
    scene.viewer.send(DTLS)
    assert await received(scene.agent) == DTLS
    assert scene.port.drops == {reason: 1}
    assert scene.viewer.silent()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"password": "y" * 24}, Drop.BAD_INTEGRITY, id="wrong password"),
        pytest.param({"sign": False}, Drop.BAD_INTEGRITY, id="no integrity"),
        pytest.param({"user": "nobody:viewer"}, Drop.UNKNOWN_USER, id="unknown user"),
        pytest.param({"user": ""}, Drop.BAD_STUN, id="empty user"),
        pytest.param({"fingerprint": False}, Drop.NO_FINGERPRINT, id="no fingerprint"),
        pytest.param({"user": "ü" * 300}, Drop.BAD_STUN, id="a user name beyond its limit"),
        pytest.param({"user": ":"}, Drop.UNKNOWN_USER, id="colon alone"),
        pytest.param({"kind": Class.RESPONSE}, Drop.BAD_STUN, id="a response"),
        pytest.param({"kind": Class.INDICATION}, Drop.BAD_STUN, id="an indication"),
        pytest.param({"method": Method.ALLOCATE}, Drop.BAD_STUN, id="TURN"),
    ],
)
async def test_checks_that_prove_nothing_get_no_answer(
    scene: Scene, stranger: Stranger, changes: dict[str, object], reason: Drop
) -> None:
    stranger.send(scene.request(**changes))
    await scene.all_read()
    assert scene.port.drops == {reason: 1}
    assert scene.agent.path is None
    assert stranger.silent()


@pytest.mark.parametrize("tail", [":someone-else", "", ":", ":é", ":viewer:x"])
async def test_a_check_for_another_viewer_of_the_same_agent_gets_no_answer(
    scene: Scene, stranger: Stranger, tail: str
) -> None:
    stranger.send(scene.request(user=scene.agent.local_username + tail))
    await scene.all_read()
    assert scene.port.drops == {Drop.BAD_INTEGRITY: 1}
    assert stranger.silent()


async def test_a_check_without_a_user_gets_no_answer(scene: Scene, stranger: Stranger) -> None:
    stranger.send(bytes(Message(Method.BINDING, Class.REQUEST)))
    await scene.all_read()
    assert scene.port.drops == {Drop.BAD_STUN: 1}
    assert stranger.silent()


async def test_a_request_too_small_to_be_answered_within_its_size_gets_no_answer_and_teaches_nothing(
    scene: Scene,
) -> None:
    # The smallest request there is, no priority and no role; by IPv6 the answer would be larger.
    scene.agent.remote_username = None
    message = Message(Method.BINDING, Class.REQUEST)
    message.attributes["USERNAME"] = scene.agent.local_username
    message.add_message_integrity(scene.agent.local_password.encode())
    with contextlib.closing(ipv6_socket()) as sock:
        sock.connect(("::1", scene.port.number))
        sock.send(bytes(message))
        await settled(lambda: scene.port.drops == {Drop.AMPLIFICATION: 1}, "it is not dropped")
        with pytest.raises(BlockingIOError):
            sock.recv(4096)
    assert (scene.port.path_count, scene.agent.path) == (0, None)
    with pytest.raises(ConnectionError):
        await scene.agent.send(b"x")


@pytest.mark.parametrize("extra", [["CHANGE-REQUEST"], ["LIFETIME", "CHANNEL-NUMBER"]])
async def test_what_must_be_understood_and_is_not_is_answered_so_and_teaches_nothing(
    scene: Scene, extra: list[str]
) -> None:
    request = scene.request(extra=extra)
    scene.viewer.send(request)
    answer = await scene.viewer.receive()
    # aioice does not know UNKNOWN-ATTRIBUTES.
    types = b"".join(ATTRIBUTES_BY_NAME[name][0].to_bytes(2, "big") for name in extra)
    assert struct.pack("!HH", 0x000A, len(types)) + types in answer
    response = parse_message(answer)
    assert (response.message_class, response.error_code) == (Class.ERROR, 420)
    assert response.check_message_integrity(scene.agent.local_password.encode())
    assert len(answer) <= len(request)
    assert scene.port.drops == {Drop.UNKNOWN_ATTRIBUTE: 1}
    assert (scene.port.path_count, scene.agent.path) == (0, None)


async def test_nobody_learns_what_is_understood_without_the_password(scene: Scene, stranger: Stranger) -> None:
    stranger.send(scene.request(extra=["LIFETIME"], password="y" * 24))
    await scene.all_read()
    assert stranger.silent()
    assert scene.port.drops == {Drop.BAD_INTEGRITY: 1}


async def test_a_viewer_that_takes_the_wrong_role_is_told(scene: Scene) -> None:
    message = Message(Method.BINDING, Class.REQUEST)
    message.attributes["USERNAME"] = f"{scene.agent.local_username}:{VIEWER_UFRAG}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLED"] = 7
    message.add_message_integrity(scene.agent.local_password.encode())
    request = bytes(message)
    scene.viewer.send(request)
    answer = await scene.viewer.receive()
    assert parse_message(answer).error_code == 487
    assert len(answer) <= len(request)
    assert scene.agent.path is None


async def test_random_bytes_harm_nobody(scene: Scene, stranger: Stranger) -> None:
    await scene.connect()
    dice = random.Random(3)
    template = scene.request()
    for number in range(300):
        damaged = bytearray(template)
        # The fingerprint at the end proves nothing; all before it is covered by the integrity.
        for place in dice.sample(range(len(template) - FINGERPRINT_BYTES), dice.randrange(1, 6)):
            damaged[place] ^= dice.randrange(1, 256)
        stranger.send(bytes(damaged))
        stranger.send(dice.randbytes(dice.randrange(100)))
        if number % 20 == 0:
            await scene.all_read()
    await scene.all_read()
    scene.viewer.send(DTLS)
    assert await received(scene.agent) == DTLS
    assert stranger.silent()
    assert sum(scene.port.drops.values()) == 600


async def test_stun_with_any_attribute_cut_short_is_dropped(scene: Scene, stranger: Stranger) -> None:
    whole = scene.request()
    for end in range(20, len(whole) - FINGERPRINT_BYTES):
        stranger.send(whole[:2] + struct.pack("!H", end - 20) + whole[4:end])
        await scene.all_read()
    assert stranger.silent()
    assert scene.agent.path is None


async def test_the_path_the_viewer_nominates_is_taken(scene: Scene, stranger: Stranger) -> None:
    scene.viewer.send(scene.request(nominate=False))
    await scene.viewer.receive()
    first = scene.agent.path
    assert first is not None
    assert first.remote == scene.viewer.address
    stranger.send(scene.request(nominate=False))
    await stranger.receive()
    assert scene.agent.path is first
    stranger.send(scene.request(nominate=True))
    await stranger.receive()
    assert scene.agent.path is not None
    assert scene.agent.path.remote == stranger.address
    await scene.agent.send(b"\x16x")
    assert await stranger.receive() == b"\x16x"


async def test_a_viewer_back_from_elsewhere_is_followed_before_it_nominates(scene: Scene, stranger: Stranger) -> None:
    await scene.connect()
    returned: list[str] = []
    scene.agent.on_return = lambda: returned.append(scene.agent.path.remote[0] if scene.agent.path else "")
    scene.clock.advance(AWAY_S)
    stranger.send(scene.request(nominate=False))
    await stranger.receive()
    assert scene.agent.path is not None
    assert scene.agent.path.remote == scene.viewer.address
    scene.clock.advance(AWAY_S + 0.1)
    stranger.send(scene.request(nominate=False))
    await stranger.receive()
    assert scene.agent.path.remote == stranger.address
    assert returned == [stranger.address[0]]


async def test_the_number_of_paths_is_bounded_and_the_newest_stays_reachable(scene: Scene) -> None:
    await scene.connect()
    with contextlib.ExitStack() as closing:
        others = [closing.enter_context(contextlib.closing(Stranger(scene.port.number))) for _ in range(30)]
        for other in others:
            other.send(scene.request(nominate=False))
            await other.receive()
        assert scene.port.path_count == 16
        others[-1].send(DTLS)
        assert await received(scene.agent) == DTLS
        # The one in use is never the one that makes room.
        scene.viewer.send(RTCP)
        assert await received(scene.agent) == RTCP


async def test_a_viewer_that_keeps_changing_its_path_is_slowed_down(scene: Scene, stranger: Stranger) -> None:
    await scene.connect()
    for _ in range(6):
        for sender in (stranger, scene.viewer):
            sender.send(scene.request())
            await sender.receive()
    assert scene.port.drops == {Drop.PATH_SWITCHES: 2}
    scene.clock.advance(5.0)
    stranger.send(scene.request())
    await stranger.receive()
    assert scene.agent.path is not None
    assert scene.agent.path.remote == stranger.address


async def test_after_an_ice_restart_old_and_new_credentials_are_answered(scene: Scene) -> None:
    await scene.connect()
    old = scene.request()
    fresh = scene.agent.restart(remote_username="again", remote_password="y" * 22)
    scene.viewer.send(old)
    await scene.viewer.receive()
    scene.viewer.send(check(scene.agent, user=f"{fresh.username}:again"))
    response = parse_message(await scene.viewer.receive())
    assert response.check_message_integrity(fresh.password.encode())
    assert scene.port.agent_count == 1


async def test_however_often_a_viewer_restarts_nothing_of_it_stays(scene: Scene) -> None:
    for _ in range(10):
        scene.agent.restart(remote_username="again", remote_password="y" * 22)
    await scene.agent.close()
    assert scene.port.agent_count == 0


async def test_an_address_taken_over_by_another_viewer_is_his(scene: Scene) -> None:
    await scene.connect()
    other = scene.port.agent([])
    scene.viewer.send(check(other))
    await scene.viewer.receive()
    scene.viewer.send(DTLS)
    assert await received(other) == DTLS
    # The first one's end must not take the path with it.
    await scene.agent.close()
    scene.viewer.send(RTCP)
    assert await received(other) == RTCP


async def test_a_viewer_that_stays_silent_is_let_go(scene: Scene) -> None:
    await scene.connect()
    scene.clock.advance(CONSENT_S)
    scene.port._sweep()
    assert scene.port.agent_count == 1
    scene.clock.advance(0.1)
    scene.port._sweep()
    assert (scene.port.agent_count, scene.port.path_count) == (0, 0)
    with pytest.raises(ConnectionError, match="closed"):
        await received(scene.agent)


async def test_checks_keep_a_viewer(scene: Scene) -> None:
    for _ in range(5):
        await scene.connect()
        scene.clock.advance(CONSENT_S - 1)
        scene.port._sweep()
    assert scene.port.agent_count == 1


async def test_data_alone_keeps_no_viewer(scene: Scene) -> None:
    await scene.connect()
    scene.clock.advance(CONSENT_S + 1)
    scene.viewer.send(DTLS)
    await received(scene.agent)
    scene.port._sweep()
    assert scene.port.agent_count == 0


async def test_a_viewer_that_never_came_is_let_go_as_well(scene: Scene) -> None:
    scene.clock.advance(CONSENT_S + 0.1)
    scene.port._sweep()
    assert scene.port.agent_count == 0


async def test_closing_wakes_whoever_waits(scene: Scene) -> None:
    connecting = asyncio.create_task(scene.agent.connect())
    receiving = asyncio.create_task(scene.agent.recv())
    event = asyncio.create_task(scene.agent.get_event())
    await asyncio.sleep(0)
    await scene.agent.close()
    async with asyncio.timeout(DEADLINE_S):
        for task in (connecting, receiving):
            with pytest.raises(ConnectionError, match="closed"):
                await task
        assert type(await event).__name__ == "ConnectionClosed"
    assert scene.port.agent_count == 0


async def test_a_closed_connection_stays_closed(scene: Scene) -> None:
    await scene.connect()
    await scene.agent.close()
    await scene.agent.close()
    with pytest.raises(ConnectionError):
        await scene.agent.connect()
    with pytest.raises(ConnectionError):
        await scene.agent.send(b"x")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await received(scene.agent)
    scene.viewer.send(scene.request())
    await scene.all_read()
    assert scene.port.drops == {Drop.UNKNOWN_USER: 1}


async def test_closing_the_port_ends_every_connection(scene: Scene) -> None:
    await scene.connect()
    await scene.port.close()
    with pytest.raises(ConnectionError):
        await received(scene.agent)
    assert (scene.port.agent_count, scene.port.path_count) == (0, 0)


async def test_nothing_is_sent_before_the_first_check(scene: Scene) -> None:
    with pytest.raises(ConnectionError, match="not connected"):
        await scene.agent.send(b"x")


async def test_a_viewer_nobody_reads_from_fills_a_bounded_queue(scene: Scene) -> None:
    await scene.connect()
    for batch in range(20):
        for _ in range(50):
            scene.viewer.send(RTCP + bytes((batch,)))
        await scene.all_read()
    assert scene.port.drops[Drop.QUEUE_FULL] == 1000 - 256
    assert await received(scene.agent) == RTCP + b"\x00"
    await scene.agent.close()


async def test_of_a_viewers_flood_of_reports_no_more_is_taken_in_than_a_browser_has_to_say(scene: Scene) -> None:
    async def flood(count: int, report: bytes) -> int:
        """How many of so many got in."""
        taken = 0
        for _ in range(count // 50):
            for _ in range(50):
                scene.viewer.send(report)
            await scene.all_read()
            dropped, scene.port.drops[Drop.TOO_MUCH_CONTROL] = scene.port.drops[Drop.TOO_MUCH_CONTROL], 0
            for _ in range(50 - dropped):
                assert await received(scene.agent) == report
            taken += 50 - dropped
        return taken

    await scene.connect()
    large = RTCP + bytes(1024 - len(RTCP))
    assert await flood(2000, RTCP) == CONTROL_BURST_BYTES / 128
    scene.clock.advance(1.0)
    assert await flood(500, large) == CONTROL_BYTES_PER_S / 1024
    # What a browser says: 50 NACKs and reports a second.
    for _ in range(100):
        scene.clock.advance(0.02)
        scene.viewer.send(RTCP + bytes(200))
        assert await received(scene.agent) == RTCP + bytes(200)
    assert scene.port.drops[Drop.TOO_MUCH_CONTROL] == 0


async def test_a_full_queue_does_not_hide_the_end(scene: Scene) -> None:
    await scene.connect()
    for _ in range(300):
        scene.agent.receive(RTCP)
    await scene.agent.close()

    async def read_all() -> None:
        for _ in range(300):
            await received(scene.agent)

    with pytest.raises(ConnectionError):
        await read_all()


async def test_a_viewer_whose_address_is_gone_costs_one_datagram_at_a_time(scene: Scene) -> None:
    await scene.connect()
    scene.viewer.close()
    for _ in range(5):
        await scene.agent.send(b"\x16x")
    await scene.all_read()
    assert scene.port.agent_count == 1


def ipv6_socket(number: int = 0, host: str = "::1") -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, number))
    except OSError:
        sock.close()
        pytest.skip("this machine has no IPv6 loopback")
    sock.setblocking(False)
    return sock


async def test_viewers_come_by_ipv6_too(scene: Scene) -> None:
    with contextlib.closing(ipv6_socket()) as sock:
        sock.connect(("::1", scene.port.number))
        request = scene.request()
        sock.send(request)
        async with asyncio.timeout(DEADLINE_S):
            answer = await asyncio.get_running_loop().sock_recv(sock, 4096)
        response = parse_message(answer)
        assert response.attributes["XOR-MAPPED-ADDRESS"] == sock.getsockname()[:2]
        assert len(answer) <= len(request)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_a_port_in_use_for_ipv6_alone_is_named_too(kind: int) -> None:
    ipv6_socket().close()
    with socket.socket(socket.AF_INET6, kind) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(("::", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = MediaPort()
        with pytest.raises(PortInUse, match=r"webrtc\.port"):
            await port.open(taken.getsockname()[1])
        await port.close()
        # What was bound before it failed is free again.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("0.0.0.0", taken.getsockname()[1]))


async def test_a_host_without_ipv6_serves_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without(family: int = socket.AF_INET, *arguments: Any, **options: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *arguments, **options)

    monkeypatch.setattr("gateway.webrtc.udp.socket.socket", without)
    port = MediaPort()
    await port.open(0)
    monkeypatch.undo()
    agent = port.agent([])
    with contextlib.closing(Stranger(port.number)) as viewer:
        viewer.send(check(agent))
        assert parse_message(await viewer.receive()).message_class == Class.RESPONSE
    await port.close()


def pktinfo6(address: str, index: int) -> tuple[int, int, bytes]:
    return socket.IPPROTO_IPV6, 50, socket.inet_pton(socket.AF_INET6, address) + struct.pack("@I", index)


def test_answers_by_ipv6_go_whichever_way_the_kernel_finds_except_on_a_link() -> None:
    assert udp.origin_of([pktinfo6("2001:db8::1", 3)]) == (pktinfo6("2001:db8::1", 0), "2001:db8::1")
    assert udp.origin_of([pktinfo6("fe80::1", 3)]) == (pktinfo6("fe80::1", 3), "fe80::1")
    assert udp.origin_of([]) == (None, "")


async def test_a_flood_leaves_the_event_loop_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += udp.TURN_S * 0.3
        return now

    monkeypatch.setattr(udp, "monotonic", monotonic)
    counted: list[bytes] = []
    port = MediaPort()
    sock = udp.UdpSocket(socket.AF_INET, 0, lambda datagram, _: counted.append(datagram), port)
    with contextlib.closing(Stranger(sock.number)) as stranger:
        for _ in range(10):
            stranger.send(b"\x16x")
        # Each datagram takes 0.3 of a turn.
        for turn in (4, 8, 10):
            sock.readable()
            assert len(counted) == turn
    sock.close()


@pytest.mark.parametrize("able", [True, False])
async def test_packets_are_cut_by_the_kernel_only_where_it_says_it_can(
    monkeypatch: pytest.MonkeyPatch, *, able: bool
) -> None:
    monkeypatch.setattr(udp, "can_segment", lambda _: able)
    paths: list[udp.UdpPath] = []
    sock = udp.UdpSocket(socket.AF_INET, 0, lambda _, path: paths.append(path), MediaPort())
    with contextlib.closing(Stranger(sock.number)) as viewer:
        viewer.send(b"\x16x")
        sock.readable()
        assert paths[0].segmented is able
        assert paths[0].send_packets(memoryview(b"aabbc"), 2) == 5
        assert [await viewer.receive() for _ in range(3)] == [b"aa", b"bb", b"c"]
    sock.close()


def test_whether_the_kernel_segments_is_asked() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, socket.socket() as no_datagrams:
        assert udp.can_segment(sock) is (sys.platform == "linux")
        assert not udp.can_segment(no_datagrams)


async def test_one_viewers_handshake_never_fills_the_line_of_all(scene: Scene) -> None:
    await scene.connect()
    other = scene.port.agent([])
    with contextlib.closing(Stranger(scene.port.number)) as neighbour:
        neighbour.send(check(other))
        await neighbour.receive()
        for _ in range(MAX_WAITING_EACH + 5):
            scene.agent.receive(DTLS)
        other.receive(DTLS)
        assert scene.port.drops == {Drop.HANDSHAKES_FULL: 5}
        assert await received(other) == DTLS
        for _ in range(MAX_WAITING_EACH):
            assert await received(scene.agent) == DTLS
        # What has been dealt with makes room.
        scene.agent.receive(DTLS)
        assert await received(scene.agent) == DTLS


async def test_a_port_in_use_is_named(scene: Scene) -> None:
    second = MediaPort()
    with pytest.raises(PortInUse) as refused:
        await second.open(scene.port.number)
    assert refused.value.key == "webrtc.port"
    await second.close()


async def test_every_agent_has_credentials_of_its_own(scene: Scene) -> None:
    agents = [scene.port.agent([]) for _ in range(50)]
    assert len({agent.local_username for agent in agents}) == 50
    assert len({agent.local_password for agent in agents}) == 50
    assert all(len(agent.local_username) >= 4 and len(agent.local_password) >= 22 for agent in agents)
    for agent in agents:
        await agent.close()


async def test_connecting_has_a_deadline(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.webrtc.ice.CONNECT_DEADLINE_S", 0.0)
    with pytest.raises(ConnectionError, match="no connectivity check"):
        await scene.agent.connect()


async def test_what_is_gathered_and_trickled_means_nothing(scene: Scene) -> None:
    await scene.agent.gather_candidates()
    await scene.agent.add_remote_candidate(None)
    assert scene.agent.remote_candidates == []
    assert scene.agent.path is None


async def test_restarts_leave_no_user_names_behind_and_keep_the_one_in_use(scene: Scene) -> None:
    await scene.connect()
    used = scene.agent.local_username
    for number in range(50):
        scene.agent.restart(remote_username=f"again{number}", remote_password="x" * 22)
    assert len(scene.agent.usernames) == 3
    assert used in scene.agent.usernames
    assert len(scene.port._agents) == 3


async def test_a_path_another_viewer_claimed_and_left_comes_back_with_the_next_check(scene: Scene) -> None:
    await scene.connect()
    other = scene.port.agent([])
    scene.viewer.send(check(other))
    await scene.viewer.receive()
    await other.close()
    await scene.connect()
    scene.viewer.send(RTCP)
    assert await received(scene.agent) == RTCP


async def test_checks_that_are_seconds_apart_are_no_absence_while_reports_come(scene: Scene) -> None:
    await scene.connect()
    returns: list[bool] = []
    scene.agent.on_return = lambda: returns.append(True)
    for _ in range(4):
        for _ in range(3):
            scene.clock.advance(2)
            scene.viewer.send(RTCP)
            assert await received(scene.agent) == RTCP
        await scene.connect()
    assert returns == []
    scene.clock.advance(AWAY_S + 0.1)
    await scene.connect()
    assert returns == [True]


async def test_a_viewer_not_heard_of_is_quiet_until_its_next_check(scene: Scene) -> None:
    assert scene.agent.quiet(scene.clock.monotonic())
    await scene.connect()
    assert not scene.agent.quiet(scene.clock.monotonic())
    scene.clock.advance(QUIET_S + 0.1)
    assert scene.agent.quiet(scene.clock.monotonic())
    await scene.connect()
    assert not scene.agent.quiet(scene.clock.monotonic())
