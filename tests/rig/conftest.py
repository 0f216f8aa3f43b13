"""The rig's stage: one network and one Chromium in it for all scenarios, cameras and a gateway for each.

`make test` runs the quick part; `make rig` (`-m "e2e or rig"`) all of it.  `RIG_RESULTS` names a file for the figures.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.rig.figures import Record, complaints
from tests.rig.network import VIEWER, Network, RigUnavailableError
from tests.rig.programs import cameras, gateway
from tests.rig.scenario import Conduct, Ground, Play, Scenario, Stage, Trial
from tests.rig.viewer import chromium, playing

QUICK_SLACK: Final = 3.0


def pytest_configure(config: pytest.Config) -> None:
    """What only `make rig` runs carries this mark."""
    config.addinivalue_line("markers", "rig: a long fault of network or cameras, in namespaces of its own (make rig)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The whole rig takes long: it is read only where it is asked for."""
    whole = collection_path.name.startswith("test_whole_")
    named = any(collection_path.name in argument for argument in config.args)
    return True if whole and not named and not _is_asked(config) else None


def _is_asked(config: pytest.Config) -> bool:
    """Whether the whole rig is wanted: then it must run, not say why it can't."""
    return "rig" in str(config.option.markexpr)


@pytest.fixture(scope="session")
def record() -> Record:
    path = os.environ.get("RIG_RESULTS")
    return Record(Path(path) if path else None)


@pytest.fixture(scope="session")
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    one = Network()
    try:
        one.__enter__()
    except RigUnavailableError as error:
        if _is_asked(request.config):
            raise
        pytest.skip(f"the rig does not run: {error}")
    try:
        yield one
    finally:
        one.__exit__(None, None, None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rig_browser(network: Network, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with chromium(network, VIEWER, tmp_path_factory.mktemp("rig")) as browser:
        yield browser


@pytest.fixture
def healed(network: Network) -> Iterator[Network]:
    yield network
    network.heal()


@pytest.fixture(scope="session")
def slack(request: pytest.FixtureRequest) -> float:
    """The figures are the whole rig's to judge; the quick part runs beside other tests and says that it works."""
    return 1.0 if _is_asked(request.config) else QUICK_SLACK


@pytest.fixture
def play(healed: Network, rig_browser: Browser, record: Record, slack: float, tmp_path: Path) -> Play:
    """Plays a scenario on a gateway, or on one without the protection it needs; returns what was not as it should."""

    async def run(scenario: Scenario, *, without: str | None = None, long: bool = False) -> dict[str, str]:
        if scenario.prepare is not None:
            scenario.prepare(healed)
        async with (
            cameras(healed, scenario.camera) as urls,
            gateway(healed, urls, tmp_path, without=without) as running,
        ):
            await playing(rig_browser, running.address, *urls)
            figures = await scenario.run(Stage(healed, rig_browser, running.address, tmp_path, long))
            # Programs end over a network that is well.
            healed.heal()
        problems = complaints(figures, scenario.limits, slack=slack)
        record.add(scenario.name, figures, without=without, problems=problems)
        return problems

    return run


@pytest.fixture
def conduct(healed: Network, rig_browser: Browser, record: Record, slack: float, tmp_path: Path) -> Conduct:
    """Runs a trial that starts its own gateways; returns what was not as it should."""

    async def run(trial: Trial, *, without: str | None = None, long: bool = False) -> dict[str, str]:
        figures = await trial.run(Ground(healed, rig_browser, tmp_path, without, long))
        problems = complaints(figures, trial.limits, slack=slack)
        record.add(trial.name, figures, without=without, problems=problems)
        return problems

    return run
