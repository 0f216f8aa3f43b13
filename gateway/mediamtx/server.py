"""MediaMTX as the gateway sees it: watches whether it lives, what it has ready, and who watches there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.mediamtx.api import ApiAway, MediaMtxApi
from gateway.mediamtx.lists import HlsSession, ListedPath
from gateway.standing import INTERVAL_S, Standing

_log = logging.getLogger(__name__)

Follow = Callable[[Sequence[ListedPath]], Awaitable[None]]

_JUDGED_AT_ONCE: Final = 32
_KICKED_AT_ONCE: Final = 100
"""In one round; the rest is kicked in the next, two seconds later."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where MediaMTX is for the gateway, without slashes at their ends; `hls` is None where nobody is sent there."""

    hls: str | None = None
    api: str | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Rounds:
    """What is done with what MediaMTX lists every two seconds.

    `follow` takes all paths; `may_go_on` judges a session; `settled` is told the queries of those that go on.
    """

    follow: Follow | None = None
    may_go_on: Callable[[HlsSession], bool] = lambda _: True
    settled: Callable[[Sequence[HlsSession]], None] = lambda _: None


class MediaMtx:
    """Belongs to the event loop's thread."""

    def __init__(self, addresses: Addresses, rounds: Rounds) -> None:
        self.addresses = addresses
        self._rounds = rounds
        self._api = MediaMtxApi(hls=addresses.hls, api=addresses.api, secret=addresses.secret)
        self._standing = Standing()
        self._ready: frozenset[str] | None = None
        self._viewers: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._complaint = ""

    def start(self) -> None:
        """Begin to watch; until the first answer comes, MediaMTX is not there."""
        if self.addresses.hls is not None:
            self._tasks.append(asyncio.create_task(self._check_on(), name="mediamtx-standing"))
        if self.addresses.api is not None:
            self._tasks.append(asyncio.create_task(self._round_on(), name="mediamtx-rounds"))

    async def close(self) -> None:
        """Stops watching."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._api.close()

    @property
    def is_up(self) -> bool:
        """Whether its HLS answers."""
        return self._standing.is_up

    def has(self, path: str) -> bool:
        """Whether viewers of `path` may be sent there: it lives and, as far as its API told, has pictures of it."""
        return self._standing.is_up and (self._ready is None or path in self._ready)

    def viewers(self, path: str) -> int:
        """How many watch a path there, as of two seconds ago; those behind an edge count as one."""
        return self._viewers[path]

    async def check(self) -> None:
        """One look at whether its HLS answers."""
        if self._standing.heard(answered=await self._api.serves_hls()):
            if self._standing.is_up:
                _log.info("MediaMTX answers: HLS is watched there")
            else:
                self._viewers.clear()
                _log.warning("MediaMTX does not answer: the gateway itself makes HLS until it is back")

    async def round(self) -> None:
        """One look at its lists.  What is known stays while the API is away: cameras do not go because of that."""
        try:
            paths = await self._api.paths()
            self._ready = frozenset(path.name for path in paths if path.ready)
            if self._rounds.follow is not None:
                await self._rounds.follow(paths)
            if self.addresses.hls is not None:
                await self._end_what_is_over(await self._api.hls_sessions())
        except ApiAway as error:
            self._complain(str(error))
        else:
            self._complain("")

    async def _check_on(self) -> None:
        while True:
            await self.check()
            await asyncio.sleep(self._standing.next_check_s)

    async def _round_on(self) -> None:
        while True:
            try:
                await self.round()
            except Exception:  # noqa: BLE001  whoever watches would otherwise watch for ever
                _log.exception("a round of MediaMTX's lists failed")
            await asyncio.sleep(INTERVAL_S)

    async def _end_what_is_over(self, sessions: Sequence[HlsSession]) -> None:
        going_on: list[HlsSession] = []
        over: list[HlsSession] = []
        for number, session in enumerate(sessions, start=1):
            # An edge judges its viewers itself, each request of theirs; its session here is nobody's.
            may_go_on = session.is_edge or self._rounds.may_go_on(session)
            (going_on if may_go_on else over).append(session)
            if number % _JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._viewers = Counter(session.path for session in going_on)
        self._rounds.settled(going_on)
        for session in over[:_KICKED_AT_ONCE]:
            await self._api.kick(session)
        if over:
            _log.info("%d viewers at MediaMTX may watch no longer", len(over))

    def _complain(self, complaint: str) -> None:
        """Once for each trouble, and once when it is over."""
        if complaint == self._complaint:
            return
        if complaint:
            _log.warning("%s", complaint)
        else:
            _log.info("MediaMTX's API answers")
        self._complaint = complaint
