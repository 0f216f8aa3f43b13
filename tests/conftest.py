"""What all tests share: a clean environment, and a list of everything that did not run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter
from xdist.remote import Producer

from tests.support.two_lanes import TwoLanes, in_order


@pytest.fixture(scope="session")
def _state(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def _without_own_configuration(monkeypatch: pytest.MonkeyPatch, _state: str) -> None:
    """A developer's GATEWAY_… variables and keys take no part in tests."""
    monkeypatch.setenv("STATE_DIRECTORY", _state)
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the machine to itself comes when everything else is over."""
    in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TwoLanes:
    """Two processes (`make test`) share the rest."""
    return TwoLanes(config, log)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Names each test that did not run and why, however pytest was called."""
    lines = list(_not_run(terminalreporter))
    if lines:
        terminalreporter.section("did not run")
        for line in lines:
            terminalreporter.write_line(line)


def _not_run(reporter: TerminalReporter) -> Iterator[str]:
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        yield f"{report.nodeid}: {reason}"
    for item in reporter.stats.get("deselected", []):
        yield f"{item.nodeid}: deselected on the command line"
