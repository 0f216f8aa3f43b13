"""The quick part of the rig: real links between real programs, in a minute or so.  Needs root."""

from __future__ import annotations

import pytest

from tests.rig.scenario import Conduct, Play, Scenario, Trial
from tests.rig.scenarios import QUICK, QUICK_TRIALS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("scenario", QUICK, ids=lambda scenario: scenario.name)
async def test_a_viewer_survives(play: Play, scenario: Scenario) -> None:
    assert await play(scenario) == {}


@pytest.mark.parametrize("trial", QUICK_TRIALS, ids=str)
async def test_the_page_finds_its_way(conduct: Conduct, trial: Trial) -> None:
    assert await conduct(trial) == {}
