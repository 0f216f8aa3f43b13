"""Strangers at the media port while somebody watches: not one frame is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import socket
import struct
from collections.abc import Callable

import pytest
from aioice import stun
from playwright.async_api import Page

from gateway.demo.camera import VIDEO
from gateway.demo.rtp_stream import Burst
from tests.support.browser import BrowserPlayer, open_player, timestamp_steps
from tests.support.cameras import demo_camera
from tests.support.clients import binding_request, media_port
from tests.support.gateway import gateway_process

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_RTP_TIMESTAMP = struct.Struct("!4xI")
_ROUNDS = 40
_ATTACK_DEADLINE_S = 20.0
_MAGIC_COOKIE = 0x2112A442


class SentFrames:
    """Listens at the camera itself: the RTP timestamp of every frame it sent.  A `Receiver` of the demo camera."""

    def __init__(self) -> None:
        self.timestamps: list[int] = []

    def deliver(self, track: int, burst: Burst) -> None:
        if track == VIDEO:
            self.timestamps.append(_RTP_TIMESTAMP.unpack_from(burst.packets[0])[0])

    def report(self, track: int, packet: bytes) -> None:
        pass

    def cut(self, track: int, burst: Burst) -> None:
        pass


def missing_steps(sent: list[int], received: list[int]) -> list[int]:
    """How many frames were left out before each received one, by aligning the steps between timestamps.

    The gateway shifts timestamps, so only steps compare.  Raises AssertionError when the frames were not sent so.
    """
    of_sent, of_received = timestamp_steps(sent), timestamp_steps(received)
    for first in range(len(of_sent)):
        place, missing = first, []
        for step in of_received:
            begin, total = place, 0
            while place < len(of_sent) and total < step:
                total += of_sent[place]
                place += 1
            if total != step:
                break
            missing.append(place - begin - 1)
        else:
            return missing
    raise AssertionError(f"these steps are none of the camera's: {of_received}")


def _stun(*, length: int, body: bytes, cookie: int = _MAGIC_COOKIE) -> bytes:
    return struct.pack("!HHI12s", 1, length, cookie, secrets.token_bytes(12)) + body


def _client_hello() -> bytes:
    """A DTLS 1.2 record with a ClientHello whose insides are noise (RFC 6347 section 4.2.2)."""
    body = struct.pack("!HHHH", 0xFEFD, 0, 0, 0) + secrets.token_bytes(60)
    handshake = (
        struct.pack("!B3sH3s3s", 1, len(body).to_bytes(3, "big"), 0, bytes(3), len(body).to_bytes(3, "big")) + body
    )
    return struct.pack("!BHH6sH", 22, 0xFEFD, 0, bytes(6), len(handshake)) + handshake


def _with_wrong_integrity(ufrags: tuple[str, str]) -> bytes:
    """A check for the real viewer's session by somebody who does not know its password."""
    viewer, gateway = ufrags
    return binding_request(username=f"{gateway}:{viewer}", password="guessed")


def _without_integrity(ufrags: tuple[str, str]) -> bytes:
    viewer, gateway = ufrags
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{gateway}:{viewer}"
    return bytes(request)


def _noise(seed: random.Random) -> bytes:
    return seed.randbytes(seed.randrange(1, 1500))


def _like_rtp(seed: random.Random) -> bytes:
    return bytes([0x80, 96]) + seed.randbytes(100)


def _attacks(ufrags: tuple[str, str]) -> dict[str, Callable[[random.Random], bytes]]:
    return {
        "empty": lambda _: b"",
        "one byte": lambda seed: seed.randbytes(1),
        "noise": _noise,
        "noise as RTP": _like_rtp,
        "too large": lambda seed: seed.randbytes(9000),
        "stun cut short": lambda _: _stun(length=0, body=b"")[:11],
        "stun that promises more": lambda _: _stun(length=400, body=b"abcd"),
        "stun with a lying attribute": lambda _: _stun(length=8, body=struct.pack("!HH4s", 6, 0xFFFF, b"user")),
        "stun with noise": lambda seed: _stun(length=64, body=seed.randbytes(64)),
        "stun that is no text": lambda _: _stun(length=8, body=struct.pack("!HH4s", 6, 4, b"\xff\xfe\xfd\xfc")),
        "stun without the cookie": lambda _: _stun(length=0, body=b"", cookie=0),
        "check for nobody": lambda _: binding_request(username="nobody:here", password="guessed"),
        "check with a wrong password": lambda _: _with_wrong_integrity(ufrags),
        "check without a password": lambda _: _without_integrity(ufrags),
        "dtls hello": lambda _: _client_hello(),
        "dtls alert": lambda _: bytes([21, 0xFE, 0xFD]) + bytes(8) + bytes([0, 2, 2, 0]),
    }


async def _speak_over_tcp(port: int, datagrams: list[bytes], seed: random.Random) -> None:
    """The same framed for TCP (RFC 4571), the last frame cut short; the gateway may hang up at any time."""
    framed = b"".join(struct.pack("!H", len(datagram)) + datagram for datagram in datagrams)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            await _write_and_close(port, framed + struct.pack("!H", 0xFFFF) + seed.randbytes(10))


async def _write_and_close(port: int, stream: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(stream)
        await writer.drain()
    finally:
        writer.close()
        await writer.wait_closed()


async def _ufrags(player: BrowserPlayer) -> tuple[str, str]:
    viewer, gateway = (await player.identity())["ufrags"]
    return viewer, gateway


async def test_no_frame_is_lost_to_strangers_at_the_media_port(page: Page) -> None:
    sent = SentFrames()
    async with demo_camera() as camera:
        camera.camera.subscribe(sent)
        async with gateway_process(
            "serve", "--listen", "127.0.0.1:0", f"cam={camera.url}", GATEWAY_WEBRTC__PORT="0"
        ) as gateway:
            player = await open_player(page, gateway.address)
            reply = await player.play("cam", encoded=True)
            await player.until("p => p.encoded.length > 20", within_s=10)
            before, stats_before = await player.identity(), (await player.stats())["video"]
            known = len(await player.encoded_timestamps())

            attacks = _attacks(await _ufrags(player))
            port, seed, loop = media_port(reply.body), random.Random(3), asyncio.get_running_loop()
            async with asyncio.timeout(_ATTACK_DEADLINE_S):
                for _ in range(_ROUNDS):
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                        stranger.setblocking(False)
                        stranger.bind(("127.0.0.1", 0))
                        for make in attacks.values():
                            await loop.sock_sendto(stranger, make(seed), ("127.0.0.1", port))
                    await _speak_over_tcp(port, [make(seed) for make in attacks.values()], seed)
                    # Spread over the frames, a picture between two rounds.
                    known_now = await player.count()
                    await player.until(f"p => p.pictures.length > {known_now}", within_s=10)

            received = await player.encoded_timestamps()
            assert len(received) >= known + _ROUNDS
            assert not any(missing_steps(sent.timestamps, received[known - 1 :]))
            stats = (await player.stats())["video"]
            for lost in ("packetsLost", "nackCount", "pliCount", "framesDropped"):
                assert stats.get(lost, 0) == stats_before.get(lost, 0), lost
            assert await player.identity() == before
        camera.camera.unsubscribe(sent)


async def test_a_frame_left_out_would_be_noticed() -> None:
    sent = [2**32 - 4000, 500, 5100, 9400, 14_000, 18_600]
    assert missing_steps(sent, [100, 4700, 9000]) == [0, 0]
    assert missing_steps(sent, [100, 4700, 13_600]) == [0, 1]
    with pytest.raises(AssertionError):
        missing_steps(sent, [100, 4701])


async def test_strangers_learn_nothing_and_are_not_answered(page: Page) -> None:
    async with (
        demo_camera() as camera,
        gateway_process("serve", "--listen", "127.0.0.1:0", f"cam={camera.url}", GATEWAY_WEBRTC__PORT="0") as gateway,
    ):
        player = await open_player(page, gateway.address)
        reply = await player.play("cam")
        ufrags, loop, seed = await _ufrags(player), asyncio.get_running_loop(), random.Random(4)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            stranger.bind(("127.0.0.1", 0))
            for make in _attacks(ufrags).values():
                await loop.sock_sendto(stranger, make(seed), ("127.0.0.1", media_port(reply.body)))
            # A check that is in order is answered, by the same thread and in order: everything before it was dropped.
            viewer, host = ufrags
            password = reply.body.split("a=ice-pwd:")[1].split()[0]
            check = binding_request(username=f"{host}:{viewer}", password=password)
            await loop.sock_sendto(stranger, check, ("127.0.0.1", media_port(reply.body)))
            async with asyncio.timeout(10):
                answer = await loop.sock_recv(stranger, 2000)
        assert stun.parse_message(answer).transaction_id == check[8:20]
