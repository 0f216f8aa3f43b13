"""What a scenario of a failing link is, and the stage it plays on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from playwright.async_api import Browser

from tests.rig.figures import Figure, Limit
from tests.rig.network import Network
from tests.rig.viewer import Viewer, viewer

CAMERA: Final = "cam"
SMALL: Final = f"{CAMERA}:640x360@30:gop=2:bitrate=1M"
FOUR_MEGABIT: Final = f"{CAMERA}:1280x720@30:gop=2:bitrate=4M"
MANY_PACKETS: Final = f"{CAMERA}:640x360@30:gop=2:bitrate=20M"
"""Its sequence numbers wrap every half minute, and it is still cheap to decode."""

SETTLE_S: Final = 2.0
"""The burst of a join is over by then."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario plays; `long` is the length the issue asks for, else one for every day."""

    network: Network
    browser: Browser
    address: str
    folder: Path
    long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`without` names the protection (tests/rig/crippled.py) that the limits need, `breaks` the figures that tell.

    `prepare` changes the network before the gateway starts.
    """

    name: str
    run: Callable[[Stage], Awaitable[dict[str, Figure]]]
    limits: Mapping[str, Limit]
    without: str
    breaks: frozenset[str]
    camera: str = SMALL
    prepare: Callable[[Network], None] | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a trial makes its own cameras and gateways: whole ones, or `without` a protection; `long` as in `Stage`."""

    network: Network
    browser: Browser
    folder: Path
    without: str | None
    long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A scenario that starts what it needs itself.

    `without` names the protections (tests/rig/crippled.py) that the limits need, each with the figures that tell.
    """

    name: str
    run: Callable[[Ground], Awaitable[dict[str, Figure]]]
    limits: Mapping[str, Limit]
    without: Mapping[str, frozenset[str]]

    def __str__(self) -> str:
        """For pytest."""
        return self.name


def variants(trials: Sequence[Trial]) -> list[tuple[Trial, str | None]]:
    """Each trial whole, then without each of its protections."""
    return [(trial, without) for trial in trials for without in (None, *trial.without)]


class Conduct(Protocol):
    """Runs a trial and returns what was not as it should be, as `Play`."""

    async def __call__(self, trial: Trial, *, without: str | None = None, long: bool = False) -> Mapping[str, str]:
        """With gateways as they are, or `without` a protection."""


class Play(Protocol):
    """Plays a scenario and returns what was not as it should be: a sentence for each such figure."""

    async def __call__(
        self, scenario: Scenario, *, without: str | None = None, long: bool = False
    ) -> Mapping[str, str]:
        """On a gateway as it is, or on one `without` a protection."""


@asynccontextmanager
async def watching(stage: Stage, *, socket: bool = False, page: bool = False) -> AsyncIterator[Viewer]:
    """A viewer that joined before anything is wrong and has left the burst of the first seconds behind.

    By WHEP, by the WebSocket or by the page's own element.
    """
    async with viewer(stage.browser, stage.address) as one:
        first_ms = await (one.show(CAMERA) if page else one.join(CAMERA, socket=socket))
        assert first_ms is not None, "there was no picture even before anything was wrong"
        await asyncio.sleep(SETTLE_S)
        yield one
