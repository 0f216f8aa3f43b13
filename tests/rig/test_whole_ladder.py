"""The page on a network that is blocked, interrupted or narrow: the right rung, the right words, and back by itself."""

from __future__ import annotations

import pytest

from tests.rig.blocked_ways import BLOCKED_WAYS
from tests.rig.interruptions import INTERRUPTIONS
from tests.rig.many_tiles import MANY_TILES
from tests.rig.narrow_ways import NARROW_WAYS
from tests.rig.scenario import Conduct, Trial, variants
from tests.rig.substream import SUBSTREAM

pytestmark = [
    pytest.mark.rig,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest.mark.parametrize(
    ("trial", "without"), variants((*BLOCKED_WAYS, *INTERRUPTIONS, *NARROW_WAYS, *SUBSTREAM, *MANY_TILES)), ids=str
)
async def test_the_page_finds_its_way_and_this_notices_when_it_does_not(
    conduct: Conduct, trial: Trial, without: str | None
) -> None:
    problems = await conduct(trial, without=without, long=without is None)
    if without is None:
        assert problems == {}
    else:
        assert trial.without[without] <= problems.keys(), problems
