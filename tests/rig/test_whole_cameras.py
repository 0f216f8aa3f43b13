"""Cameras that fail must not be felt by viewers of others, and their failures must have a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.rig.camera_faults import CAMERA_FAULTS, CameraFault, Ground
from tests.rig.figures import Record, complaints
from tests.rig.network import Network

pytestmark = [
    pytest.mark.rig,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("fault", CAMERA_FAULTS, ids=lambda fault: fault.name),
    pytest.mark.parametrize("crippled", [False, True], ids=["as it is", "without its protection"]),
]


async def test_a_camera_that_fails_disturbs_nobody_and_this_notices_when_it_does(
    *, network: Network, rig_browser: Browser, record: Record, tmp_path: Path, fault: CameraFault, crippled: bool
) -> None:
    without = fault.without if crippled else None
    figures = await fault.run(Ground(network, rig_browser, tmp_path, without, not crippled))
    problems = complaints(figures, fault.limits)
    record.add(fault.name, figures, without=without, problems=problems)
    if crippled:
        assert fault.breaks <= problems.keys(), problems
    else:
        assert problems == {}
