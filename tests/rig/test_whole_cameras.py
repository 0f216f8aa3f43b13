"""Cameras that fail must not be felt by viewers of others, and their failures must have a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.rig import camera_faults
from tests.rig.figures import Record, complaints
from tests.rig.network import Network

pytestmark = [pytest.mark.rig, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]


async def _reasons(network: Network, browser: Browser, folder: Path, record: Record, without: str | None) -> list[str]:
    figures = await camera_faults.reasons(network, browser, folder, without=without)
    problems = complaints(figures, camera_faults.REASONS)
    record.add("camera faults", figures, without=without, problems=problems)
    return problems


async def _one_dead(network: Network, folder: Path, record: Record, without: str | None, rounds: int) -> list[str]:
    figures = await camera_faults.one_dead_of_eight(network, folder, without=without, rounds=rounds)
    problems = complaints(figures, camera_faults.ONE_DEAD)
    record.add("one dead camera of eight", figures, without=without, problems=problems)
    return problems


async def test_each_fault_has_its_reason_and_disturbs_nobody(
    network: Network, rig_browser: Browser, record: Record, tmp_path: Path
) -> None:
    assert await _reasons(network, rig_browser, tmp_path, record, None) == []


async def test_without_deadlines_a_silent_camera_has_no_reason(
    network: Network, rig_browser: Browser, record: Record, tmp_path: Path
) -> None:
    assert await _reasons(network, rig_browser, tmp_path, record, camera_faults.NO_DEADLINES) != []


async def test_one_dead_camera_of_eight_delays_no_other(network: Network, record: Record, tmp_path: Path) -> None:
    assert await _one_dead(network, tmp_path, record, None, 3) == []


async def test_without_threads_one_dead_camera_delays_all(network: Network, record: Record, tmp_path: Path) -> None:
    assert await _one_dead(network, tmp_path, record, camera_faults.NO_THREADS, 1) != []
