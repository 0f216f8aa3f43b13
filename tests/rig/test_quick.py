"""The quick part of the rig: real links between real programs, in a minute or so.  Needs root."""

from __future__ import annotations

import pytest

from tests.rig import scenarios
from tests.rig.scenarios import Play, Scenario

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    "scenario",
    [scenarios.UDP_BLOCKED, scenarios.REBINDING, scenarios.RANDOM_LOSS, scenarios.STRANGERS],
    ids=lambda scenario: scenario.name,
)
async def test_a_viewer_survives(play: Play, scenario: Scenario) -> None:
    assert await play(scenario) == []
