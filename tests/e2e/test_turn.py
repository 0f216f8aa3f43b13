"""The distribution's coturn with docker/coturn.conf: viewers play through it, and it leads nowhere else."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aioice import stun
from playwright.async_api import Browser, Page

from gateway.access.passwords import hash_password
from gateway.app import Gateway
from gateway.config import AccessConfig, UserConfig
from gateway.config.webrtc import TurnConfig, WebRtcConfig
from gateway.negotiate.turn import Turn, turn_server
from tests.support.browser import open_player
from tests.support.cameras import demo_camera
from tests.support.crippled_page import cut_out
from tests.support.gateway import http, running_gateway
from tests.support.turn import TurnServer, coturn, own_address, refused_with, turn_client
from tests.web.visitors import basic

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "cAnArY-password"
DOCUMENTS = Path(__file__).resolve().parents[2] / "docs"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TurnServer]:
    async with coturn(tmp_path_factory.mktemp("coturn"), peer=own_address()) as running:
        yield running


def credentials(server: TurnServer, *, made_s_ago: float = 0.0) -> dict[str, str]:
    turn = Turn((f"turn:{server.host}:{server.port}",), server.secret)
    made = turn_server(turn, holder="0123456789abcdef", now=time.time() - made_s_ago, expires_at=None)
    return {"username": made["username"], "credential": made["credential"]}


async def test_the_gateways_media_port_can_be_reached(server: TurnServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((server.peer, 0))
        async with turn_client(server, **credentials(server)) as client:
            assert (await client.allocate())[0] == server.host
            await client.reach(*peer.getsockname())


@pytest.mark.parametrize(
    "peer",
    [
        pytest.param(("127.0.0.1", 8080), id="the machine itself"),
        pytest.param(("127.0.0.1", 5766), id="its administration"),
        pytest.param(("169.254.169.254", 80), id="a cloud's metadata"),
        pytest.param(("10.1.2.3", 554), id="a camera"),
        pytest.param(("192.168.1.10", 554), id="a camera at home"),
        pytest.param(("198.51.100.7", 53), id="anybody"),
        pytest.param(("224.0.0.251", 5353), id="multicast"),
        pytest.param(("255.255.255.255", 9), id="broadcast"),
        pytest.param(("0.0.0.0", 8190), id="nowhere"),
    ],
)
async def test_no_other_address_can(server: TurnServer, peer: tuple[str, int]) -> None:
    async with turn_client(server, **credentials(server)) as client:
        await client.allocate()
        with pytest.raises(stun.TransactionFailed) as refused:
            await client.reach(*peer)
        assert refused_with(refused.value) == 403
        await client.reach(server.peer, 8190)


async def test_neither_can_one_in_ipv6(server: TurnServer) -> None:
    async with turn_client(server, **credentials(server)) as client:
        await client.allocate()
        for peer in ("::1", "fd00::1", f"::ffff:{server.peer}", "::ffff:127.0.0.1"):
            with pytest.raises(stun.TransactionFailed) as refused:
                await client.reach(peer, 8190)
            assert refused_with(refused.value) in (403, 443), peer


async def test_nothing_is_relayed_over_tcp(server: TurnServer) -> None:
    async with turn_client(server, **credentials(server)) as client:
        with pytest.raises(stun.TransactionFailed) as refused:
            await client.request(stun.Method.ALLOCATE, LIFETIME=600, REQUESTED_TRANSPORT=6 << 24)
        assert refused_with(refused.value) == 442


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"made_s_ago": 700.0}, id="expired"),
        pytest.param({"credential": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}, id="forged"),
        pytest.param({"username": "9999999999:0123456789abcdef"}, id="made longer"),
    ],
)
async def test_only_fresh_credentials_of_the_gateway_are_good(server: TurnServer, wrong: dict[str, Any]) -> None:
    shown = credentials(server, made_s_ago=wrong.pop("made_s_ago", 0.0)) | wrong
    async with turn_client(server, **shown) as client:
        with pytest.raises(stun.TransactionFailed) as refused:
            await client.allocate()
        assert refused_with(refused.value) == 401


async def test_strangers_get_no_answer_to_stun_and_a_short_one_to_turn(server: TurnServer) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        stranger.connect((server.host, server.port))
        binding = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        allocate = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
        allocate.attributes["REQUESTED-TRANSPORT"] = 17 << 24
        bare = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.REQUEST)
        # What the server answers first is what it answers at all: it takes them in order.
        for request in (binding, binding, allocate, bare):
            await loop.sock_sendall(stranger, bytes(request))
        async with asyncio.timeout(10):
            answers = [await loop.sock_recv(stranger, 2048) for _ in range(2)]
    asked = [allocate.transaction_id, bare.transaction_id]
    assert [stun.parse_message(answer).transaction_id for answer in answers] == asked
    # As docs/turn.md says.
    assert (len(bytes(allocate)), len(bytes(bare))) == (28, 20)
    assert max(len(answer) for answer in answers) <= 3 * 28


@dataclass(slots=True)
class Relayed:
    gateway: Gateway
    ice_servers: list[dict[str, Any]]
    page: str
    """An address that opens the camera's page to everybody."""


@pytest_asyncio.fixture(loop_scope="session")
async def relayed(server: TurnServer, tmp_path: Path) -> AsyncIterator[Relayed]:
    """A gateway that viewers reach at this machine's own address, with a viewer's TURN servers as negotiated."""
    access = AccessConfig(
        users={"ann": UserConfig(hash=hash_password(PASSWORD), cameras=("cam",))}, keys_file=tmp_path / "keys.yml"
    )
    turn = TurnConfig(
        urls=(f"turn:{server.host}:{server.port}", f"turn:{server.host}:{server.port}?transport=tcp"),
        secret=server.secret,
    )
    changes = {"webrtc": WebRtcConfig(port=0, advertise=(server.peer,), turn=turn)}
    async with demo_camera() as camera, running_gateway({"cam": camera.url}, access=access, changes=changes) as gateway:
        async with http() as session:
            url = f"{gateway.address}api/cameras/cam/negotiate"
            async with session.post(url, headers=basic("ann", PASSWORD)) as response:
                rungs = (await response.json())["rungs"]
        assert rungs[0]["rung"] == "webrtc"
        yield Relayed(gateway, rungs[0]["ice_servers"], rungs[0]["url"].removesuffix("whep"))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_browser_that_may_only_relay_plays(relayed: Relayed, page: Page, transport: str) -> None:
    (server,) = relayed.ice_servers
    urls = [url for url in server["urls"] if url.endswith("tcp") == (transport == "tcp")]
    player = await open_player(
        page,
        relayed.gateway.address,
        configuration={"iceServers": [server | {"urls": urls}], "iceTransportPolicy": "relay"},
    )
    await player.play("cam", headers=basic("ann", PASSWORD))
    await player.more_pictures(10, within_s=10)
    local = (await player.stats())["local"]
    assert (local["candidateType"], local["relayProtocol"]) == ("relay", transport)
    await player.close()


# As a firewall does it: nothing gets through but to a TURN server.
_ONLY_RELAYS = """
const Original = RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Original {
  constructor(options) { super({ ...options, iceTransportPolicy: 'relay' }); }
};
"""
_SETTLED = """() => {
  const { metrics, situation } = document.querySelector('camera-view') ?? {};
  return metrics?.transport === 'relay' || situation?.lowered?.code === 'ice';
}"""
_METRICS = "() => document.querySelector('camera-view').metrics"


async def relays(browser: Browser, relayed: Relayed, *, without: str | None) -> tuple[str | None, str | None]:
    """Rung and transport of the page, a moment after it was opened, where only a relay gets through."""
    context = await browser.new_context()
    try:
        await context.add_init_script(_ONLY_RELAYS)
        page = await context.new_page()
        if without is not None:
            await cut_out(page, without)
        await page.goto(relayed.page)
        await page.wait_for_function(_SETTLED, timeout=10_000)
        metrics = await page.evaluate(_METRICS)
        return metrics["rung"], metrics["transport"]
    finally:
        await context.close()


async def test_the_first_try_relays_where_nothing_else_gets_through(relayed: Relayed, browser: Browser) -> None:
    whole, crippled = await asyncio.gather(
        relays(browser, relayed, without=None), relays(browser, relayed, without="late-relays")
    )
    assert whole == ("webrtc", "relay")
    assert crippled == ("mse", "WebSocket")


async def test_a_browser_with_credentials_that_have_expired_does_not(
    relayed: Relayed, server: TurnServer, page: Page
) -> None:
    expired = {"urls": relayed.ice_servers[0]["urls"], **credentials(server, made_s_ago=700)}
    configuration = {"iceServers": [expired], "iceTransportPolicy": "relay"}
    player = await open_player(page, relayed.gateway.address, configuration=configuration)
    reply = await player.start("cam", headers=basic("ann", PASSWORD))
    assert reply.status == 201
    await player.until("p => p.candidateErrors.length >= 2", within_s=10)
    assert set(await player.evaluate("p => p.candidateErrors")) == {401}
    assert (await player.stats())["gathered"] == []
    assert await player.count() == 0
    await player.close()


async def besieged(rules: Path) -> dict[str, Any]:
    """What tests.support.turn_siege tells, in a network namespace of its own, where the rules touch nobody."""
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "tests.support.turn_siege"),
        *(str(rules), str(rules.parent)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, complaint = await process.communicate()
    if b"unshare" in complaint:
        pytest.skip(f"needs network namespaces: {complaint.decode().strip()}")
    assert process.returncode == 0, complaint.decode()
    siege: dict[str, Any] = json.loads(told)
    return siege


async def test_the_firewalls_rules_leave_strangers_little_and_the_machine_its_own(tmp_path: Path) -> None:
    rules = tmp_path / "rules.nft"
    text = (DOCUMENTS / "turn.md").read_text(encoding="utf-8").partition("```nft\n")[2].partition("```")[0]
    rules.write_text(textwrap.dedent(text), encoding="utf-8")
    siege = await besieged(rules)
    # 200 at once and 20 a second, from however many ports, and though the first answer made a connection of it.
    assert siege["asked"] == 3000
    assert 150 <= siege["answered"] <= 320, siege
    assert siege["short_answered"] == 0
    # Somebody else is answered meanwhile, and his relay leads to the media port and no other.
    assert siege["relay_port"] in range(28_000, 30_000)
    assert (siege["media_port"], siege["other_port"]) == (True, False)
    assert siege["own_refused"] == 0


async def test_without_the_limit_strangers_get_as_many_answers_as_they_like(tmp_path: Path) -> None:
    rules = tmp_path / "rules.nft"
    rules.write_text("table inet none { }", encoding="utf-8")
    siege = await besieged(rules)
    assert siege["answered"] > 2000
    assert siege["short_answered"] > 0
    assert siege["other_port"] is True
