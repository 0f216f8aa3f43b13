"""The quick part of the rig: real links between real programs, in a minute or so.  Needs root."""

from __future__ import annotations

import pytest

from tests.rig.scenario import Play, Scenario
from tests.rig.scenarios import QUICK

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("scenario", QUICK, ids=lambda scenario: scenario.name)
async def test_a_viewer_survives(play: Play, scenario: Scenario) -> None:
    assert await play(scenario) == {}
