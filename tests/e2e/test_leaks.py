"""200 joins that really decode and 50 that are abandoned half-way leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page

from gateway.app import Gateway
from gateway.webrtc.peer import GatewayPeer
from gateway.webrtc.sessions import HANDSHAKE_DEADLINE_S
from gateway.webrtc.viewer import Viewer
from tests.support.browser import open_player
from tests.support.cameras import demo_camera
from tests.support.clients import connect_without_dtls, offer_and_leave
from tests.support.gateway import http, running_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

JOINS, AT_ONCE, ABANDONED = 200, 8, 25

# Joins in `atOnce` lanes; each join ends when its first picture was on the screen.
_JOIN = """async ({ count, atOnce }) => {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const player = new TestPlayer();
      const { status, body } = await player.start({ url: '/cam/whep' });
      if (status !== 201) throw new Error(body);
      await player.until((p) => p.pictures.length > 0, 10000);
      if (player.pictures[0].clock === null) throw new Error('the first picture has no clock');
      player.close();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}"""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds."""

    tasks: int
    threads: int
    descriptors: int
    peers: int
    viewers: int
    agents: int
    paths: int
    sessions: int

    def exceeds(self, other: Holdings) -> bool:
        return any(getattr(self, name) > getattr(other, name) for name in self.__slots__)


def _holdings(gateway: Gateway) -> Holdings:
    gc.collect()
    living = gc.get_objects()
    return Holdings(
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        peers=sum(type(thing) is GatewayPeer for thing in living),
        viewers=sum(type(thing) is Viewer for thing in living),
        agents=gateway.port.agent_count,
        paths=gateway.port.path_count,
        sessions=len(gateway.sessions or ()),
    )


def _nobody_watches(held: Holdings) -> bool:
    return not (held.peers or held.viewers or held.agents or held.paths or held.sessions)


async def _until(condition: Callable[[], bool], *, within_s: float) -> None:
    """Looks ten times a second: most of what is counted here tells nobody when it goes."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _back_at(before: Holdings, gateway: Gateway, *, within_s: float) -> None:
    try:
        await _until(lambda: not _holdings(gateway).exceeds(before), within_s=within_s)
    except TimeoutError:
        tasks = sorted(task.get_name() for task in asyncio.all_tasks())
        raise AssertionError(f"before {before}\nafter {_holdings(gateway)}\ntasks {tasks}") from None


async def _abandon(session: aiohttp.ClientSession, endpoint: str) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(ABANDONED):
            group.create_task(offer_and_leave(session, endpoint))
            group.create_task(connect_without_dtls(session, endpoint))


@pytest.mark.timeout(120)
async def test_joins_and_abandoned_joins_leave_nothing_behind(page: Page) -> None:
    async with demo_camera(gop_s=0.5) as camera, running_gateway({"cam": camera.url}) as gateway, http() as session:
        assert gateway.sessions is not None
        await open_player(page, gateway.address)
        # The first ones open what is kept: threads of the pool, connections of the browser, caches.
        await page.evaluate(_JOIN, {"count": 2 * AT_ONCE, "atOnce": AT_ONCE})
        await _until(lambda: _nobody_watches(_holdings(gateway)), within_s=10)
        before = _holdings(gateway)

        await page.evaluate(_JOIN, {"count": JOINS, "atOnce": AT_ONCE})
        await _abandon(session, f"{gateway.address}cam/whep")
        assert len(gateway.sessions) >= 2 * ABANDONED
        await _back_at(before, gateway, within_s=2 * HANDSHAKE_DEADLINE_S)
