"""Cameras that fail must not be felt by viewers of others, and their failures must have a name."""

from __future__ import annotations

import pytest

from tests.rig.camera_faults import CAMERA_FAULTS
from tests.rig.scenario import Conduct, Trial, variants

pytestmark = [
    pytest.mark.rig,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest.mark.parametrize(("trial", "without"), variants(CAMERA_FAULTS), ids=str)
async def test_a_camera_that_fails_disturbs_nobody_and_this_notices_when_it_does(
    conduct: Conduct, trial: Trial, without: str | None
) -> None:
    problems = await conduct(trial, without=without, long=without is None)
    if without is None:
        assert problems == {}
    else:
        assert trial.without[without] <= problems.keys(), problems
