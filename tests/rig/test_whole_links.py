"""Every scenario of a failing link at its full length, and that each notices when its protection is missing."""

from __future__ import annotations

import pytest

from tests.rig import scenarios
from tests.rig.scenarios import Play, Scenario

pytestmark = [pytest.mark.rig, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]

SCENARIOS = [
    scenarios.UDP_BLOCKED,
    scenarios.SHORT_OUTAGE,
    scenarios.LONG_OUTAGE,
    scenarios.PAGE_AFTER_LONG_OUTAGE,
    scenarios.PAGE_AT_ANOTHER_ADDRESS,
    scenarios.PAGE_WHOSE_WAY_IS_GONE,
    scenarios.REBINDING,
    scenarios.RANDOM_LOSS,
    scenarios.NARROW_LINK,
    scenarios.LONG_WAY,
    scenarios.HEAVY_LOSS,
    scenarios.STRANGERS,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_viewer_survives(play: Play, scenario: Scenario) -> None:
    assert await play(scenario, long=True) == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_scenario_notices_that_its_protection_is_missing(play: Play, scenario: Scenario) -> None:
    assert await play(scenario, without=scenario.without) != []
