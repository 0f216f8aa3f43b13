"""`python -m bench`: measures, prints tables, writes JSON; `python -m bench report` renders JSON again.

Exit codes: 0 measured (whether or not every goal was met), 1 something could not be measured, 2 wrong arguments,
130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import (
    churn,
    edge,
    fan_out,
    first_picture,
    glass_to_glass,
    held,
    hls_check,
    hls_latency,
    hls_load,
    hls_modes,
    hls_packaging,
    idle_cameras,
    joins,
    keyframe,
    long_watch,
)
from bench.context import Bench
from bench.errors import BenchError
from bench.machine import machine, versions
from bench.plots import plot
from bench.processes import check_cores, output_of
from bench.report import as_markdown, as_text, insert
from bench.results import Document, Results, load, to_json
from bench.servers import KINDS
from bench.viewers import prepare_process

_DEFAULT_FOLDER: Final = Path("bench/results")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One measurement and its two sizes."""

    run: Callable[[Bench, Any], Awaitable[Results]]
    full: Any
    quick: Any


BENCHMARKS: Final = {
    module.NAME: Benchmark(module.run, module.FULL, module.QUICK)
    for module in (
        *(first_picture, glass_to_glass, idle_cameras, fan_out, joins, churn, keyframe, held),
        *(hls_latency, hls_load, hls_packaging, hls_check, hls_modes, edge, long_watch),
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    try:
        if options.what[0] == "report":
            return _report(options)
        return asyncio.run(_measure(options, command=shlex.join(["python", "-m", "bench", *words])))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("bench: interrupted; everything it had started is ended", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the gateway beside other servers.")
    parser.add_argument(
        "what",
        nargs="*",
        default=["all"],
        metavar="BENCHMARK",
        help=f"{', '.join(BENCHMARKS)}, or all (default); or: report FILE…",
    )
    parser.add_argument("--servers", help=f"only these, separated by commas: {', '.join(KINDS)}")
    parser.add_argument("--repeats", type=int, metavar="N", help="repetitions instead of each benchmark's own number")
    parser.add_argument("--minutes", type=float, metavar="N", help="long-watch: how long, instead of ten")
    parser.add_argument(
        "--seconds", type=float, metavar="N", help="hls-modes: how long each case is watched on either link"
    )
    parser.add_argument("--hold", type=float, metavar="N", help="hls-modes: for how long a jittery link holds")
    parser.add_argument("--hls", action="append", metavar="JSON", help="hls-modes: settings to try; may be repeated")
    parser.add_argument(
        "--cases", action="append", metavar="WORDS", help="hls-modes: only cases with these in their name"
    )
    parser.add_argument("--quick", action="store_true", help="tiny: shows that everything works, measures nothing")
    parser.add_argument("--server-core", type=int, default=0, metavar="N", help="default %(default)s")
    parser.add_argument("--load-core", type=int, default=1, metavar="N", help="cameras, viewers; default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the moments at which viewers join")
    parser.add_argument(
        "--folder", type=Path, default=_DEFAULT_FOLDER, help="where BENCHMARK.json is written (default %(default)s)"
    )
    parser.add_argument("--into", type=Path, metavar="FILE", help="report: write the tables into this document")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw the figures too (needs matplotlib)")
    return parser


def _report(options: argparse.Namespace) -> int:
    files = [Path(file) for file in options.what[1:]] or sorted(options.folder.glob("*.json"))
    if not files:
        raise BenchError(f"There are no results in {options.folder}; measure first: python -m bench all.")
    order = list(BENCHMARKS)
    documents = sorted(
        (load(file) for file in files), key=lambda one: (order.index(one.results.benchmark), one.started_at)
    )
    if options.into is None:
        print("\n".join(as_text(document) for document in documents))
    else:
        text = options.into.read_text(encoding="utf-8")
        options.into.write_text(insert(text, as_markdown(documents)), encoding="utf-8")
    _plot(documents, options.plots)
    return 0


def _plot(documents: Sequence[Document], folder: Path | None) -> None:
    if folder is None:
        return
    try:
        plot(documents, folder)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)


async def _measure(options: argparse.Namespace, *, command: str) -> int:
    chosen = _chosen(options)
    check_cores(server=options.server_core, load=options.load_core)
    if (task := asyncio.current_task()) is not None:
        # SIGINT too: a script's background job is started with it ignored, and then Python leaves it so.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    facts = machine(server_core=options.server_core, load_core=options.load_core)
    # Cameras, browser and viewers are our children and inherit this; servers are put on their own core.
    os.sched_setaffinity(0, {options.load_core})
    prepare_process()
    wanted = options.servers.split(",") if options.servers else list(KINDS)
    known = await _versions(wanted)
    documents = []
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, benchmark in chosen.items():
        scale = benchmark.quick if options.quick else benchmark.full
        if options.repeats:
            scale = replace(scale, repeats=options.repeats)
        if options.minutes and hasattr(scale, "minutes"):
            scale = replace(scale, minutes=options.minutes)
        if isinstance(scale, hls_modes.Scale):
            scale = hls_modes.narrowed(scale, options)
        started, begun = datetime.now(UTC), time.monotonic()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bench = Bench(wanted, options.server_core, options.load_core, Path(folder), random.Random(options.seed))
            results = await benchmark.run(bench, scale)
        document = Document(
            results=results,
            started_at=started.isoformat(timespec="seconds"),
            duration_s=time.monotonic() - begun,
            command=command,
            machine=facts,
            versions=known,
        )
        (options.folder / f"{name}.json").write_text(to_json(document), encoding="utf-8")
        print(as_text(document), flush=True)
        documents.append(document)
    _plot(documents, options.plots)
    return int(any(document.results.incomplete for document in documents))


def _chosen(options: argparse.Namespace) -> dict[str, Benchmark]:
    names = list(BENCHMARKS) if "all" in options.what else options.what
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise BenchError(f"There is no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}.")
    strangers = [name for name in (options.servers or "").split(",") if name and name not in KINDS]
    if strangers:
        raise BenchError(f"There is no server {strangers[0]!r}; there are: {', '.join(KINDS)}.")
    return {name: BENCHMARKS[name] for name in names}


async def _versions(wanted: Sequence[str]) -> dict[str, str]:
    others = {}
    for name in wanted:
        kind = KINDS[name]
        if kind.missing() is None and (version := await kind.version()):
            others[name] = version
    chromium = await output_of("chromium", "--version")
    if chromium:
        others["Chromium"] = next((word for word in chromium.split() if word[0].isdigit()), chromium)
    return await versions(others)


if __name__ == "__main__":
    sys.exit(main())
