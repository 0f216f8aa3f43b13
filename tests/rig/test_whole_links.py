"""Every scenario of a failing link at its full length, and that each notices when its protection is missing."""

from __future__ import annotations

import pytest

from tests.rig.scenario import Play, Scenario
from tests.rig.scenarios import ALL

pytestmark = [
    pytest.mark.rig,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name),
]


async def test_a_viewer_survives(play: Play, scenario: Scenario) -> None:
    assert await play(scenario, long=True) == {}


async def test_the_scenario_notices_that_its_protection_is_missing(play: Play, scenario: Scenario) -> None:
    problems = await play(scenario, without=scenario.without)
    assert scenario.breaks <= problems.keys(), problems
