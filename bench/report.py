"""Results as tables: for a terminal, and as Markdown between two markers of a document (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from bench.errors import BenchError
from bench.goals import Verdict, verdicts
from bench.results import Document, Results, SeriesKey
from bench.stats import summarize

BEGIN: Final = "<!-- bench:begin (written by `python -m bench report`; edits are lost) -->"
END: Final = "<!-- bench:end -->"

T = TypeVar("T")

_MANY = 20
"""From this many repetitions on, their 95th percentile says something."""


def number(value: float) -> str:
    """A figure with three significant digits or, from a hundred on, none behind the point."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3f}"


def cell(values: Sequence[float]) -> str:
    """Median and range, and with many repetitions their 95th percentile."""
    if not values:
        return "–"
    summary = summarize(values)
    if summary.count == 1:
        return number(summary.median)
    tail = f", p95 {number(summary.p95)}" if summary.count >= _MANY else ""
    return f"{number(summary.median)} ({number(summary.low)}–{number(summary.high)}{tail})"


def rows(results: Results) -> list[list[str]]:
    """A head, then a row per case and figure with a column per subject."""
    subjects = _unique(key.subject for key in results.series)
    head = ["", "figure", *subjects]
    table = [head]
    previous = ""
    for case, metric, unit in _unique((key.case, key.metric, key.unit) for key in results.series):
        found = [results.series.get(SeriesKey(case, metric, unit, subject), []) for subject in subjects]
        label = f"{metric} [{unit}]" if unit else metric
        table.append([case if case != previous else "", label, *(cell(values) for values in found)])
        previous = case
    return table


def verdict_line(verdict: Verdict) -> str:
    """One goal and what came of it, as a sentence."""
    goal = verdict.goal
    relation = ""
    if goal.versus is not None:
        subject, case, metric = goal.versus
        what = " ".join(part for part in (subject, metric, f"at {case}" if case else "") if part)
        relation = f" {what}"
    subject = "" if goal.subject == "gateway" else f"{goal.subject}, "
    promised = f"{subject}{goal.case}: {goal.metric} ≤ {number(goal.limit)} {verdict.unit}{relation}".rstrip()
    return f"{promised}: {number(verdict.figure)}, {'met' if verdict.met else 'MISSED'}"


def as_text(document: Document) -> str:
    """For a terminal."""
    results = document.results
    table = rows(results)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [f"{results.benchmark}: median (lowest–highest) of {_repetitions(results)}"]
    lines += ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]
    lines += [f"  {verdict_line(verdict)}" for verdict in verdicts(results)]
    lines += [f"  {note}" for note in results.notes]
    return "\n".join(lines) + "\n"


def as_markdown(documents: Sequence[Document]) -> str:
    """A section per benchmark."""
    sections = []
    for document in documents:
        results = document.results
        head, *body = ([text.replace("|", "\\|") for text in row] for row in rows(results))
        lines = [f"### {results.benchmark}", ""]
        lines += [_markdown_row(head), _markdown_row(["---"] * 2 + ["---:"] * (len(head) - 2))]
        lines += [_markdown_row(row) for row in body]
        lines += ["", f"Median (lowest–highest) of {_repetitions(results)}.", ""]
        judged = [f"- {verdict_line(verdict)}" for verdict in verdicts(results)]
        notes = [f"- {note}" for note in results.notes]
        lines += [*judged, *notes, *([""] if judged or notes else [])]
        lines += [f"`{document.command}`, {document.started_at[:10]}; {_circumstances(document)}.", ""]
        sections.append("\n".join(lines))
    return "\n".join(sections)


def insert(text: str, markdown: str) -> str:
    """`text` with what stands between the markers replaced; raises BenchError when they are not there in order."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"The document has no place for results: it needs the lines {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{markdown.strip()}\n\n{END}{after}"


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _repetitions(results: Results) -> str:
    counts = sorted({len(values) for values in results.series.values()})
    if not counts:
        return "nothing"
    span = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{span} repetition{'' if counts == [1] else 's'}"


def _circumstances(document: Document) -> str:
    machine = document.machine
    facts = [f"{machine.get('cores', '?')} cores", str(machine.get("cpu", "")), f"Linux {machine.get('kernel', '?')}"]
    facts += [f"{name} {version}" for name, version in document.versions.items()]
    return ", ".join(fact for fact in facts if fact)


def _unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
