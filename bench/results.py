"""What a measurement leaves behind: series of figures, and everything needed to judge them; as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.errors import BenchError

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What was measured: of whom, under which circumstances, which figure in which unit."""

    case: str
    metric: str
    unit: str
    subject: str


@dataclass(slots=True)
class Results:
    """One benchmark's figures in the order they were taken.  `notes` say what was left out and why."""

    benchmark: str
    parameters: Mapping[str, Any]
    series: dict[SeriesKey, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    incomplete: bool = False
    """Whether something was asked for that could not be measured; not kept in files, where the note says it."""

    def add(self, value: float, *, case: str, metric: str, unit: str, subject: str) -> None:
        """Add one repetition of a figure."""
        self.series.setdefault(SeriesKey(case, metric, unit, subject), []).append(value)

    def note(self, sentence: str) -> None:
        """Say once what a reader of the figures has to know."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def fail(self, sentence: str) -> None:
        """Say what could not be measured; the rest still counts."""
        self.incomplete = True
        self.note(sentence)


@dataclass(frozen=True, slots=True)
class Document:
    """A benchmark's results with the circumstances: machine, versions, command."""

    results: Results
    started_at: str
    duration_s: float
    command: str
    machine: Mapping[str, Any]
    versions: Mapping[str, str]


def to_json(document: Document) -> str:
    """The document as indented JSON."""
    results = document.results
    body = {
        "format": FORMAT,
        "benchmark": results.benchmark,
        "started_at": document.started_at,
        "duration_s": round(document.duration_s, 1),
        "command": document.command,
        "machine": dict(document.machine),
        "versions": dict(document.versions),
        "parameters": dict(results.parameters),
        "notes": results.notes,
        "series": [
            {**asdict(key), "values": [round(value, 4) for value in values]} for key, values in results.series.items()
        ],
    }
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def load(path: Path) -> Document:
    """Raises BenchError with a sentence for a file that is none of ours."""
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"{path} can't be read: {error.strerror or error}.") from None
    except (KeyError, TypeError, ValueError):
        raise BenchError(f"{path} is not a result of this version of bench; measure again.") from None


def from_json(text: str) -> Document:
    """Raises KeyError, TypeError or ValueError for text that `to_json` did not make."""
    body = json.loads(text)
    if body["format"] != FORMAT:
        raise ValueError("another format")
    series = {
        SeriesKey(item["case"], item["metric"], item["unit"], item["subject"]): [float(one) for one in item["values"]]
        for item in body["series"]
    }
    results = Results(body["benchmark"], body["parameters"], series, list(body["notes"]))
    return Document(
        results=results,
        started_at=body["started_at"],
        duration_s=body["duration_s"],
        command=body["command"],
        machine=body["machine"],
        versions=body["versions"],
    )
