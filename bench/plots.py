"""Bars of every figure, and lines over the number of viewers; needs matplotlib, which is optional."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.results import Document, Results
from bench.stats import summarize

_VIEWERS = re.compile(r"1 camera, (\d+) viewers? each")


def require_matplotlib() -> None:
    """Raises BenchError with what to install."""
    if importlib.util.find_spec("matplotlib") is None:
        raise BenchError("Plots were skipped: matplotlib is not installed (pip install 'camera-gateway[bench]').")


def plot(documents: Sequence[Document], folder: Path) -> list[Path]:
    """One picture for each benchmark's figures; returns the files written."""
    require_matplotlib()
    # Optional, and slow to import.
    importlib.import_module("matplotlib").use("svg")
    pyplot = importlib.import_module("matplotlib.pyplot")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for document in documents:
        for metric in dict.fromkeys(key.metric for key in document.results.series):
            name = re.sub(r"[^a-z0-9]+", "-", f"{document.results.benchmark} {metric}".lower()).strip("-")
            path = folder / f"{name}.svg"
            _draw(pyplot, document.results, metric=metric, path=path)
            written.append(path)
    return written


def _draw(pyplot: Any, results: Results, *, metric: str, path: Path) -> None:
    keys = [key for key in results.series if key.metric == metric]
    subjects = list(dict.fromkeys(key.subject for key in keys))
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    over_viewers = sum(bool(_VIEWERS.fullmatch(key.case)) for key in keys) > len(subjects)
    cases = [case for case in dict.fromkeys(key.case for key in keys) if not over_viewers or _VIEWERS.fullmatch(case)]
    for number, subject in enumerate(subjects):
        own = [
            (case, results.series[key]) for key in keys for case in cases if (key.subject, key.case) == (subject, case)
        ]
        summaries = [summarize(values) for _, values in own]
        middle = [one.median for one in summaries]
        spread = [[one.median - one.low for one in summaries], [one.high - one.median for one in summaries]]
        if over_viewers:
            places = [float(_VIEWERS.fullmatch(case)[1]) for case, _ in own]  # type: ignore[index]
            axes.errorbar(places, middle, yerr=spread, marker="o", capsize=3, label=subject)
        else:
            width = 0.8 / len(subjects)
            places = [cases.index(case) + (number - (len(subjects) - 1) / 2) * width for case, _ in own]
            axes.bar(places, middle, width, yerr=spread, capsize=3, label=subject)
    if over_viewers:
        axes.set_xscale("log")
        axes.set_xlabel("viewers of one camera")
    else:
        axes.set_xticks(range(len(cases)), cases)
    unit = keys[0].unit
    axes.set_ylabel(f"{metric} [{unit}]" if unit else metric)
    axes.set_ylim(bottom=0)
    axes.set_title(f"{results.benchmark}: median, lowest to highest")
    axes.legend()
    figure.savefig(path)
    pyplot.close(figure)
