"""What a scenario measured, what it should have been, and the record of all of it."""

from __future__ import annotations

import json
import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Figure = float | str | None

_HOLDS: Final[dict[str, Callable[[float, float], bool]]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure's bound; a figure that is missing is out of bounds."""

    relation: str
    bound: float | str

    def holds(self, value: Figure) -> bool:
        """Whether `value` is within the bound."""
        if value is None:
            return False
        if self.relation == "==" or isinstance(value, str) or isinstance(self.bound, str):
            return value == self.bound
        return _HOLDS[self.relation](value, self.bound)

    def widened(self, slack: float) -> Limit:
        """The same bound `slack` times as far away."""
        if slack == 1 or self.relation == "==" or isinstance(self.bound, str):
            return self
        return Limit(self.relation, self.bound * slack if self.relation == "<=" else self.bound / slack)


def at_most(bound: float) -> Limit:
    """No more than `bound`."""
    return Limit("<=", bound)


def at_least(bound: float) -> Limit:
    """No less than `bound`."""
    return Limit(">=", bound)


def exactly(bound: float | str) -> Limit:
    """This and nothing else."""
    return Limit("==", bound)


def complaints(figures: Mapping[str, Figure], limits: Mapping[str, Limit], *, slack: float = 1.0) -> dict[str, str]:
    """A sentence for each figure that is out of bounds, under the figure's name.

    `slack` (1 or more) widens what is measured, for a machine that has other things to do; words stay as they are.
    """
    return {
        name: f"{name} is {_shown(figures.get(name))}, and should be {limit.relation} {limit.bound}"
        for name, limit in ((name, limit.widened(slack)) for name, limit in limits.items())
        if not limit.holds(figures.get(name))
    }


def _shown(value: Figure) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


@dataclass(slots=True)
class Record:
    """All figures of a run; printed as they come, and written as JSON where `path` says so."""

    path: Path | None = None
    entries: list[dict[str, object]] = field(default_factory=list)

    def add(
        self, scenario: str, figures: Mapping[str, Figure], *, without: str | None, problems: Mapping[str, str]
    ) -> None:
        """`without` is the protection that was removed, None for the gateway as it is."""
        rounded = {name: round(value, 1) if isinstance(value, float) else value for name, value in figures.items()}
        subject = "gateway" if without is None else f"without {without}"
        self.entries.append(
            {
                "scenario": scenario,
                "subject": subject,
                "at": round(time.time(), 1),
                "figures": rounded,
                "complaints": list(problems.values()),
            }
        )
        line = ", ".join(f"{name} {value}" for name, value in rounded.items())
        print(f"rig: {scenario} ({subject}): {line}")  # noqa: T201  figures are what the rig is for
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(
                json.dumps({"format": 1, "benchmark": "rig", "entries": self.entries}, indent=1) + "\n"
            )
