"""Which tests run side by side under `pytest --numprocesses`: all but those that need the machine to themselves."""

from __future__ import annotations

from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_PROGRAMS: Final = ("tests/e2e/", "tests/rig/test_quick", "tests/rig/test_whole_")
_SHARING: Final = (
    "tests/e2e/test_canaries.py",
    "tests/e2e/test_command.py",
    "tests/e2e/test_edge.py",
    "tests/e2e/test_hls_accidents.py",
    "tests/e2e/test_integrators.py",
    "tests/e2e/test_leaks.py",
    "tests/e2e/test_limits.py",
    "tests/e2e/test_misbehaviour.py",
    "tests/e2e/test_offers.py",
    "tests/e2e/test_on_demand.py",
    "tests/e2e/test_proxy.py",
    "tests/e2e/test_tls.py",
    "tests/e2e/test_turn.py",
    "tests/rig/test_quick.py",
)
"""Of those, what spends its time waiting and measures neither gaps nor delays that a busy machine makes."""


class TwoLanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Each file to whichever process is free; last, and in one process, what needs the machine to itself."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        # The order of the tests is that of `in_order`.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return "alone" if _is_alone(nodeid) else nodeid.partition("::")[0]


def _is_alone(nodeid: str) -> bool:
    return nodeid.startswith(_PROGRAMS) and not nodeid.startswith(_SHARING)


def in_order(items: list[pytest.Item]) -> None:
    """What takes longest first, so that no process waits for the other at the end; then what runs alone."""
    items.sort(key=lambda item: 2 if _is_alone(item.nodeid) else 1 - item.nodeid.startswith(_SHARING))
